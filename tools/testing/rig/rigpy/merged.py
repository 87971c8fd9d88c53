# SPDX-License-Identifier: GPL-2.0
"""A kernel with this checkout's transport built in, for guests without an initramfs.

Debian's newest source, with the checkout's files in their places, as if they were
merged. The folder of the build stays, and another checkout begins with a copy of it, so
that a change of them costs a link and not a build of ten minutes.
"""

import os
import re
import shutil

from . import built, cache, source
from .checkout import TOP, Checkout
from .say import Step

CONFIGS = built.CONFIGS / "bare"
KERNELS = sorted(path.stem for path in CONFIGS.glob("*.config"))

# What has a place in a kernel's tree: the folder there, and the files
PLACES = {"net/9p": ["net/9p/trans_xen*.[ch]"],
          "include/xen": ["include/xen/9pfs_ring.h", "include/xen/interface/io/9pfs.h"]}


def _objects():
    """What 9pnet_xen is made of, as the checkout's Kbuild has it."""
    text = (TOP / "net/9p/Kbuild").read_text()
    return " ".join(re.findall(r"^9pnet_xen-y [:+]= (.*)$", text, re.M))


def _put(path, data):
    """Write a file unless it has that content, so that make sees what has changed."""
    if not path.exists() or path.read_bytes() != data:
        cache.remove(path)
        path.write_bytes(data)


def _lay_out(origin, place):
    """Copies of the folders that files of the checkout go to; where they are to be seen."""
    binds = []
    for folder, patterns in PLACES.items():
        copy = place / "over" / folder
        if not copy.exists():
            shutil.copytree(origin / folder, copy)
        for path in sorted(found for pattern in patterns for found in TOP.glob(pattern)):
            _put(copy / path.relative_to(TOP / folder), path.read_bytes())
        binds.append((copy, f"/ksrc/{folder}"))
    makefile = (origin / "net/9p/Makefile").read_text()
    _put(place / "over/net/9p/Makefile",
         f"{makefile}\n9pnet_xen-objs := {_objects()}\n".encode())
    return binds


def _build(tree, name, place, binds):
    """Build vmlinux in a folder that may hold an earlier one; leave its objects there."""
    build = built.Build(tree, place / "build", binds)
    build.configure(name, built.options(built.CONFIGS / "base.config", CONFIGS / f"{name}.config"))
    build.make(f"-j{os.cpu_count()}", "vmlinux")
    build.vmlinux(place)


def get(tree, name):
    """The folder of the kernel: vmlinux, its release, and a key of what went in."""
    origin = source.get(tree, "mainline")
    checkout = Checkout(tree)
    place = checkout.room / f"kernel-{name}-{origin.name}-{tree.key}"
    with cache.lock(f"build-{checkout.key}-kernel-{name}"), \
            Step(f"building the {name} kernel (minutes the first time, seconds later)"):
        checkout.begin_with_another(place, "vmlinux", f"kernel-{name}")
        (place / "build").mkdir(parents=True, exist_ok=True)
        _build(tree, name, place, [(origin, "/ksrc"), *_lay_out(origin, place)])
    return place

# SPDX-License-Identifier: GPL-2.0
"""A kernel with this checkout's transport built in, for guests without an initramfs.

Debian's newest source, with the checkout's files in their places, as if they were
merged. The folder of the build stays, so that a change of them costs a link and
not a build of ten minutes.
"""

import os
import re
import shutil

from . import built, cache, source
from .checkout import TOP, Checkout
from .say import RigError, Step

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


def _options(name):
    """Those of base.config with those of a kernel's own file over them."""
    options = {}
    for path in (built.CONFIGS / "base.config", CONFIGS / f"{name}.config"):
        options.update(line.split("=", 1) for line in path.read_text().splitlines()
                       if line.startswith("CONFIG_"))
    return [f"{option}={value}" if value != "n" else f"# {option} is not set"
            for option, value in options.items()]


def _build(tree, name, place, binds):
    """Build vmlinux in a folder that may hold an earlier one; leave its objects there."""
    build = place / "build"
    wanted = _options(name)
    release = f'CONFIG_LOCALVERSION="-rig-{name}"'

    def run(*argv):
        done = tree.run(argv, binds=binds, stdout=2)
        if done.returncode:
            raise RigError(f"{' '.join(argv)} ended with {done.returncode}; "
                           "its messages are above")

    def make(*words):
        run("make", "-s", "-C", "/ksrc", "O=/kbuild", "KBUILD_BUILD_TIMESTAMP=1",
            "KBUILD_BUILD_USER=rig", "KBUILD_BUILD_HOST=rig", *words)

    (build / "wanted").write_text("\n".join([*wanted, release, ""]))
    make("KCONFIG_ALLCONFIG=/kbuild/wanted", "allnoconfig")
    lacks = set(wanted) - set((build / ".config").read_text().splitlines())
    lacks = [line for line in lacks if line.startswith("CONFIG_")]
    if lacks:
        raise RigError(f"the options of the {name} kernel that it does not take: "
                       f"{' '.join(sorted(lacks))}")
    make(f"-j{os.cpu_count()}", "vmlinux")
    run("objcopy", "-S", "/kbuild/vmlinux", "/kbuild/vmlinux.boot")
    os.rename(build / "vmlinux.boot", place / "vmlinux")
    shutil.copy(build / "include/config/kernel.release", place / "release")


def get(tree, name):
    """The folder of the kernel: vmlinux, its release, and a key of what went in."""
    origin = source.get(tree, "mainline")
    checkout = Checkout(tree)
    place = checkout.room / f"kernel-{name}-{origin.name}-{tree.key}"
    with cache.lock(f"build-{checkout.key}-kernel-{name}"), \
            Step(f"building the {name} kernel (minutes the first time, seconds later)"):
        (place / "build").mkdir(parents=True, exist_ok=True)
        binds = [(origin, "/ksrc"), (place / "build", "/kbuild"), *_lay_out(origin, place)]
        _build(tree, name, place, binds)
    return place

# SPDX-License-Identifier: GPL-2.0
"""A Debian root tree for guests that boot from 9P, on a disk of dom0's.

tools/initramfs/mkroot makes it, as for anybody; but for its kernel, which is the rig's own,
without the drivers of hardware. On the disk there is root/, and beside it
initramfs-tools/RELEASE and dracut/RELEASE, what each has made of it, mkroot itself and
its root.cfg, and packages/ with what can be installed in it. A kernel that needs no
initramfs has neither these nor modules.
"""

import pathlib
import shutil
import subprocess

from . import cache, checkout, image, kernels, packages
from .say import RigError, Step

# The last of them leaves its own in boot/ of the tree
MAKERS = {"dracut": ["--dracut"], "initramfs-tools": []}
SCRIPTS = checkout.TOP / "tools/initramfs"
MKROOT = SCRIPTS / "mkroot"
# Besides what mkroot puts there: for tests of a root to live on
INCLUDE = ["sqlite3", "libcap2-bin", "dracut-core"]
# To be installed: with alternatives, with a library, conffiles and a timer
INSTALLABLE = ["less", "logrotate"]
# The benchmark boots the tree from a disk, too
DISK_HOOK = """#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules xen-blkfront ext4
"""
LEAVE_OUT = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*",
             "/usr/share/doc/*", "/usr/share/zoneinfo/*", "/usr/share/bash-completion/*"]


def _mkroot(log, *words):
    with open(log, "ab") as out:
        done = subprocess.run([MKROOT, *map(str, words)], check=False, stdin=subprocess.DEVNULL,
                              stdout=out, stderr=out)
    if done.returncode:
        tail = pathlib.Path(log).read_text(errors="replace").splitlines()[-30:]
        raise RigError(f"{MKROOT} ended with {done.returncode}. Its last words:\n"
                       + "\n".join(tail))


def _make_plain(path):
    path.mkdir()
    words = [word for line in packages.sources() for word in ("--source", line)]
    words += [word for name in LEAVE_OUT for word in ("--dpkg", f"path-exclude={name}")]
    with Step("making the guests' Debian tree", 70):
        _mkroot(path / "log", "--suite", packages.SUITE, "--kernel", "none", "--name", "root",
                "--include", ",".join(INCLUDE), *words, path / "root")


def _plain(tree):
    """The tree without kernels and modules, which change more often."""
    key = cache.key_of(tree.key, MKROOT, " ".join(INCLUDE + LEAVE_OUT))
    return cache.entry("guest-tree", key, _make_plain, keep=4)


def _add_kernel(tree, kernel, modules, stage):
    """Its modules, with those of the checkout over them, and what boots it."""
    release, ours = kernel.release, stage / "modules"
    shutil.copytree(image.plain_modules(tree) / release,
                    stage / "root/usr/lib/modules" / release, symlinks=True)
    # What update-initramfs asks: how a kernel unpacks what it makes
    shutil.copy(tree.path / "boot" / f"config-{release}", stage / "root/boot")
    (ours / release).mkdir(parents=True)
    for path in modules:
        shutil.copy(path, ours / release)
    hook = stage / "root/etc/initramfs-tools/hooks/disk"
    hook.write_text(DISK_HOOK)
    hook.chmod(0o755)
    for maker, words in MAKERS.items():
        _mkroot(stage / "log", "--renew", "--modules", ours, *words, stage / "root")
        (stage / maker).mkdir()
        shutil.copy(stage / "root/boot" / f"initrd.img-{release}", stage / maker / release)
    cache.remove(ours)


def _fetch(plain, path):
    path.mkdir()
    with Step(f"fetching {' and '.join(INSTALLABLE)}", 10):
        packages.download_beyond(plain / "root", INSTALLABLE, path)


def _add_packages(tree, folder):
    key = cache.key_of(_plain(tree).name, " ".join(INSTALLABLE))
    fetched = cache.entry("guest-packages", key, lambda path: _fetch(_plain(tree), path))
    folder.mkdir()
    for path in fetched.glob("*.deb"):
        shutil.copy(path, folder)
    status = tree.run(["make", "-s", "-C", "/checkout/tools/initramfs", "O=/packages", "deb"],
                      binds=[(checkout.TOP, "/checkout"), (folder, "/packages")],
                      stdout=subprocess.DEVNULL).returncode
    if status:
        raise RigError(f"the package of {SCRIPTS} cannot be made: make deb ended with {status}")


def _stage(tree, kernel, modules, stage):
    subprocess.run(["cp", "-a", "--reflink=auto", str(_plain(tree)), str(stage)], check=True)
    if kernel.name in kernels.DEBIAN:
        _add_kernel(tree, kernel, modules, stage)
    _add_packages(tree, stage / "packages")
    shutil.copy(MKROOT, stage)
    cache.remove(stage / "root.boot")


def _make(tree, kernel, modules, path):
    stage = path.with_suffix(".stage")
    cache.remove(stage)
    with Step(f"making the root disk of {kernel.name}'s guests", 40):
        try:
            _stage(tree, kernel, modules, stage)
            image.make_filesystem(stage, path, "guest-root", spare=0.5, inodes=20000)
        finally:
            cache.remove(stage)


def get(tree, kernel, modules):
    """The disk, an ext4 image.

    modules: the files of those to put over the kernel's own
    """
    # mkroot makes the tree that this is made of
    plain = _plain(tree)
    files = [path for path in sorted(SCRIPTS.rglob("*")) if path.is_file()]
    key = cache.key_of(plain.name, kernel.name, *files, *modules, pathlib.Path(__file__),
                       pathlib.Path(image.__file__))
    return cache.entry("guest-image", key, lambda path: _make(tree, kernel, modules, path), keep=6)

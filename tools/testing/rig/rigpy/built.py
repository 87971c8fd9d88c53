# SPDX-License-Identifier: GPL-2.0
"""Kernels that the rig builds itself, to catch mistakes that Debian's do not look for.

Each is Debian's newest source with the options of kernels/base.config and of one
more file there, whose comments may name words for make ("# make:"), the kernel
that dom0 has instead of this one ("# dom0:"), and the type of guests ("# guest:").
An entry of the cache holds vmlinux, the few modules, what others are built against,
and the name of its release.
"""

import os
import pathlib
import re
import shutil
import subprocess

from . import cache, source
from .say import RigError, Step

CONFIGS = pathlib.Path(__file__).resolve().parents[1] / "kernels"
KERNELS = sorted(path.stem for path in CONFIGS.glob("*.config") if path.stem != "base")
MINUTES = 12


def options(*paths):
    """The lines of a .config that these files ask for, a later one over the others."""
    found = {}
    for path in paths:
        found.update(line.split("=", 1) for line in path.read_text().splitlines()
                     if line.startswith("CONFIG_"))
    return [f"{option}={value}" if value != "n" else f"# {option} is not set"
            for option, value in found.items()]


def _lines(name):
    return options(CONFIGS / "base.config", CONFIGS / f"{name}.config")


def _said(name, key):
    """The words of a kernel's file in comments that begin with KEY and a colon."""
    text = (CONFIGS / f"{name}.config").read_text()
    return " ".join(re.findall(rf"^# {key}: (.*)$", text, re.M)).split()


def has(name, option):
    """Whether a kernel is built with this option."""
    return f"{option}=y" in _lines(name)


def dom0_for(name):
    """The kernel of dom0 where guests have this one, which may not boot there."""
    return " ".join(_said(name, "dom0")) or name


def guest_for(name):
    """The type of guests with this kernel, which may not boot as PV."""
    return " ".join(_said(name, "guest")) or "pv"


class Build:
    """make, in the tree: the sources as /ksrc, what is built as /kbuild."""

    def __init__(self, tree, folder, binds):
        self.tree = tree
        self.folder = folder
        self.binds = [(folder, "/kbuild"), *binds]

    def run(self, *argv):
        done = self.tree.run(argv, binds=self.binds, stdout=2)
        if done.returncode:
            raise RigError(f"{' '.join(argv)} ended with {done.returncode}; "
                           "its messages are above")

    def make(self, *words):
        self.run("make", "-s", "-C", "/ksrc", "O=/kbuild", "KBUILD_BUILD_TIMESTAMP=1",
                 "KBUILD_BUILD_USER=rig", "KBUILD_BUILD_HOST=rig", *words)

    def configure(self, name, wanted):
        """A .config with everything that was asked for, or an error that names what is not."""
        (self.folder / "wanted").write_text(
            "\n".join([*wanted, f'CONFIG_LOCALVERSION="-rig-{name}"', ""]))
        self.make("KCONFIG_ALLCONFIG=/kbuild/wanted", "allnoconfig")
        got = set((self.folder / ".config").read_text().splitlines())
        lacks = [line for line in wanted if line.startswith("CONFIG_") and line not in got]
        if lacks:
            raise RigError(f"options of the {name} kernel that it does not take: "
                           + " ".join(sorted(lacks)))

    def vmlinux(self, target):
        """Move out what boots, and the name of its release."""
        self.run("objcopy", "-S", "/kbuild/vmlinux", "/kbuild/vmlinux.boot")
        os.rename(self.folder / "vmlinux.boot", target / "vmlinux")
        shutil.copy(self.folder / "include/config/kernel.release", target / "release")


def _build(tree, origin, path, name):
    with Step(f"building the {name} kernel", MINUTES * 60):
        folder = path / "build"
        folder.mkdir(parents=True)
        build = Build(tree, folder, [(origin, "/ksrc")])
        build.configure(name, _lines(name))
        build.make(f"-j{os.cpu_count()}", *_said(name, "make"), "vmlinux", "modules")
        build.vmlinux(path)
        build.make("INSTALL_MOD_PATH=/kbuild/installed", "modules_install")
        (installed,) = (folder / "installed/lib/modules").iterdir()
        (installed / "build").unlink(missing_ok=True)
        os.rename(installed, path / "modules")
        # What links vmlinux is not what modules are built against
        subprocess.run(["find", str(folder), "(", "-name", "*.o", "-o", "-name", "*.a", "-o",
                        "-name", ".*.cmd", ")", "-not", "-path", "*/scripts/*",
                        "-not", "-path", "*/tools/*", "-delete"], check=True)


def get(tree, name):
    """The folder of a kernel that was built, and the one of its sources."""
    origin = source.get(tree, "mainline")
    key = cache.key_of(name, *_lines(name), *_said(name, "make"), origin.name, tree.version("gcc"),
                       pathlib.Path(__file__))
    path = cache.entry("kernel", key, lambda new: _build(tree, origin, new, name),
                       keep=2 * len(KERNELS))
    return path, origin

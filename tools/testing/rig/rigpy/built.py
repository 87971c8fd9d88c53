# SPDX-License-Identifier: GPL-2.0
"""Kernels that the rig builds itself, to catch mistakes that Debian's do not look for.

Each is Debian's newest source with the options of kernels/base.config and of one
more file there, whose comments may name words for make ("# make:"), the kernel
that dom0 has instead of this one ("# dom0:"), and the type of guests ("# guest:").
An entry of the cache holds vmlinux, what modules are built
against, an index of what is built in, and the name of its release.
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


def _lines(name):
    """The options of base.config with those of a kernel's own file over them."""
    options = {}
    for part in ("base", name):
        for line in (CONFIGS / f"{part}.config").read_text().splitlines():
            if line.startswith("CONFIG_"):
                option, value = line.split("=", 1)
                options[option] = value
    return [f"{option}={value}" if value != "n" else f"# {option} is not set"
            for option, value in options.items()]


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


def _run(tree, argv, binds):
    done = tree.run(argv, binds=binds, stdout=2)
    if done.returncode:
        raise RigError(f"{' '.join(argv)} ended with {done.returncode}; its messages are above")


def _make(tree, origin, path, *words):
    """make, in the tree: the sources as /ksrc, what is built as /kbuild."""
    _run(tree, ["make", "-s", "-C", "/ksrc", "O=/kbuild", "KBUILD_BUILD_TIMESTAMP=1",
                "KBUILD_BUILD_USER=rig", "KBUILD_BUILD_HOST=rig", *words],
         [(origin, "/ksrc"), (path / "build", "/kbuild")])


def _configure(tree, origin, path, name):
    """A .config with everything that was asked for, or an error that names what is not."""
    build = path / "build"
    wanted = _lines(name)
    (build / "wanted").write_text("\n".join([*wanted, f'CONFIG_LOCALVERSION="-rig-{name}"', ""]))
    _make(tree, origin, path, "KCONFIG_ALLCONFIG=/kbuild/wanted", "allnoconfig")
    got = set((build / ".config").read_text().splitlines())
    lacks = [line for line in wanted if line.startswith("CONFIG_") and line not in got]
    if lacks:
        raise RigError(f"kernels/{name}.config or base.config asks for what this kernel "
                       f"does not take: {' '.join(lacks)}")


def _build(tree, origin, path, name):
    with Step(f"building the {name} kernel", MINUTES * 60):
        (path / "build").mkdir(parents=True)
        _configure(tree, origin, path, name)
        _make(tree, origin, path, f"-j{os.cpu_count()}", *_said(name, "make"),
              "vmlinux", "modules")
        build = path / "build"
        release = (build / "include/config/kernel.release").read_text().strip()
        (path / "release").write_text(release)
        _run(tree, ["objcopy", "-S", "/kbuild/vmlinux", "/kbuild/vmlinux.boot"],
             [(build, "/kbuild")])
        os.rename(build / "vmlinux.boot", path / "vmlinux")
        (path / "modules/kernel").mkdir(parents=True)
        (path / "modules/modules.dep").touch()
        for index in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            shutil.copy(build / index, path / "modules")
        # What links vmlinux is not what modules are built against
        subprocess.run(["find", str(build), "(", "-name", "*.o", "-o", "-name", "*.a", "-o",
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

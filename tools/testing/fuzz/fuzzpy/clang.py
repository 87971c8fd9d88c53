# SPDX-License-Identifier: GPL-2.0
"""A compiler with libFuzzer, which the rig's tree lacks: unpacked beside it."""

import pathlib
import subprocess

from rigpy import cache, packages
from rigpy.say import Step

# libFuzzer is C++
PACKAGES = ["clang-19", "libclang-rt-19-dev", "llvm-19", "libstdc++-14-dev"]
# Where it appears inside the tree
INSIDE = "/clang"


def _make(tree, path):
    with Step(f"fetching {PACKAGES[0]}", 60):
        debs = path.with_suffix(".debs")
        cache.remove(debs)
        (debs / "partial").mkdir(parents=True)
        path.mkdir()
        for archive in packages.download_beyond(tree.path, PACKAGES, debs):
            subprocess.run(["dpkg-deb", "-x", archive, path], check=True)
        cache.remove(debs)


def get(tree):
    """A folder into which the compiler and its libraries are unpacked."""
    key = cache.key_of(tree.key, *PACKAGES, pathlib.Path(__file__))
    return cache.entry("clang", key, lambda path: _make(tree, path))


def environment():
    """What a command in the tree needs to find it."""
    llvm = f"{INSIDE}/usr/lib/llvm-19"
    return {"PATH": f"{llvm}/bin:/usr/local/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": f"{llvm}/lib:{INSIDE}/usr/lib/x86_64-linux-gnu",
            "LIBRARY_PATH": f"{INSIDE}/usr/lib/gcc/x86_64-linux-gnu/14",
            "ASAN_SYMBOLIZER_PATH": f"{llvm}/bin/llvm-symbolizer"}

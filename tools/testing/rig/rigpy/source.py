# SPDX-License-Identifier: GPL-2.0
"""A kernel's whole source, unpacked on request: checkpatch, coccicheck and more."""

import pathlib
import re
import subprocess

from . import cache, packages
from .say import RigError, Step


def _make(package, version, path):
    with Step(f"fetching and unpacking {package}", 60):
        path.mkdir()
        archive = packages.download(package, version, path)
        subprocess.run(["dpkg-deb", "-x", str(archive), str(path / "deb")], check=True)
        archive.unlink()
        packed = next((path / "deb/usr/src").glob("linux-source-*.tar.*"), None)
        if packed is None:
            raise RigError(f"{package} {version} holds no linux-source-*.tar file")
        subprocess.run(["tar", "-C", str(path), "--strip-components=1", "-xf", str(packed)],
                       check=True)
        cache.remove(path / "deb")


def get(tree, kernel):
    release = tree.release(kernel)
    found = re.match(r"\d+\.\d+", release)
    if not found:
        raise RigError(f"{release} does not begin with a kernel's version")
    package = f"linux-source-{found.group(0)}"
    version = tree.version(f"linux-image-{release}")
    key = cache.key_of(package, version, pathlib.Path(__file__))
    return cache.entry("source", key, lambda path: _make(package, version, path))

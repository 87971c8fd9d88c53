# SPDX-License-Identifier: GPL-2.0
"""The source of a Debian package, as its authors released it, unpacked on request."""

import pathlib
import subprocess

from . import cache, packages
from .say import Step


def _make(package, path):
    with Step(f"fetching and unpacking the source of {package}", 40):
        work = path.with_suffix(".work")
        cache.remove(work)
        work.mkdir()
        archive = packages.download_source(package, work)
        path.mkdir()
        subprocess.run(["tar", "-C", str(path), "--strip-components=1", "-xf", str(archive)],
                       check=True)
        cache.remove(work)


def get(package):
    """The folder of the source."""
    key = f"{package}-{cache.key_of(pathlib.Path(__file__))}"
    return cache.entry("program", key, lambda path: _make(package, path))

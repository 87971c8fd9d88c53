# SPDX-License-Identifier: GPL-2.0
"""C programs for suites: what they run inside the machine, compiled in the rig's
tree, and sources that they compile inside."""

import pathlib
import shutil
import threading

from rigpy import cache, program, tree
from rigpy.checkout import Checkout
from rigpy.say import RigError

HERE = pathlib.Path(__file__).resolve().parents[1]
# Folders beside this one, each with a Makefile for a program of its name
PROGRAMS = ["hostile", "posix"]
# The folder that a suite wants, and the Debian package whose source is in it
SOURCES = {"stress": ("lua", "lua5.4")}

# Boots are prepared side by side
_building = threading.Lock()


def add_sources(stage, suites):
    """Put the sources that these suites want into STAGE."""
    for folder, package in (SOURCES[name] for name in sorted(suites) if name in SOURCES):
        shutil.copytree(program.get(package), stage / folder)


def build(stage):
    """Put each program into the folder of its name in STAGE."""
    checkout = Checkout(tree.get())
    with _building, cache.lock(f"programs-{checkout.key}"):
        for name in PROGRAMS:
            output = f"programs/{name}"
            status = checkout.execute(["make", "-s", "-C", str(HERE / name),
                                       f"O=/build/{output}"])
            if status:
                raise RigError(f"{HERE / name} does not build: make ended with {status}; "
                               "its messages are above")
            shutil.copy(checkout.room / "scratch" / output / name, stage / name / name)

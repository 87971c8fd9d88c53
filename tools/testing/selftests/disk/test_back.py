#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""test_back.py FOLDER [TEST]: what the disks' backend makes of a frontend.

One that speaks every dialect, asks for what makes no sense, lies, and comes and
goes as it likes. FOLDER has room for files, of which disks are made.
"""

import importlib
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "../9p"), "/run/rig/machine/lib"]

# Each module adds its tests when it is imported
for module in ("back_served", "back_lies"):
    importlib.import_module(module)

# pylint: disable=wrong-import-position,import-error
from back import Env
from harness import main


def run_all():
    env = Env(sys.argv[1])
    try:
        main(env, sys.argv[2] if len(sys.argv) > 2 else None)
    finally:
        env.close()


run_all()

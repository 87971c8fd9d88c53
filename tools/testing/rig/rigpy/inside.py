# SPDX-License-Identifier: GPL-2.0
"""The programs that run inside the machine (../machine), compiled.

The C programs are linked statically: a process of them is cheap to start on an
emulated CPU, and one of them is alone in the initrd.
"""

import pathlib
import shutil

from . import cache
from .say import RigError

MACHINE = pathlib.Path(__file__).parent.parent / "machine"

COMPILE = """set -e
cd /mnt
python3 -m compileall -q --invalidation-mode unchecked-hash lib
cd src
cc() { gcc -O2 -Wall -Wextra -Werror -static -o "$@"; }
cc ../initrd initrd.c boot.c
cc ../guest-init guest-init.c agent.c frame.c boot.c
cc ../halt halt.c boot.c
cc ../bin/rig-guest rig-guest.c exec.c frame.c
"""


def _make(tree, path):
    shutil.copytree(MACHINE, path, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    done = tree.run(["sh", "-c", COMPILE], binds=[(path, "/mnt")], capture_output=True, text=True)
    if done.returncode:
        raise RigError(f"the programs in {MACHINE} do not compile:\n{done.stdout}{done.stderr}")


def get(tree):
    files = sorted(path for path in MACHINE.rglob("*") if path.is_file())
    names = " ".join(str(path.relative_to(MACHINE)) for path in files)
    key = cache.key_of(tree.key, COMPILE, names, *files)
    return cache.entry("machine", key, lambda path: _make(tree, path), keep=6)

# SPDX-License-Identifier: GPL-2.0
"""The checkout under test, and what is built of it: modules and tools.

Nothing lands in the checkout. Each kernel gets a copy of the sources in the
cache, kept up to date file by file, so that a second build is short, and so is the
first one of a second checkout, which begins with what another one has built. Inside
the tree the copy is always /build, so no path of the host ends up in an object.
"""

import os
import pathlib
import re
import shutil

from . import cache, image
from .say import RigError, Step, say

# The root of the checkout that this rig is part of
TOP = pathlib.Path(__file__).resolve().parents[4]
# The rig's own modules: a checkout of their own, as it were
MODULES = TOP / "tools/testing/rig/modules"

# What a build leaves behind, which a copy of the sources must not remove.
PRODUCTS = ["*.o", "*.gcno", "*.ko", "*.a", "*.mod", "*.mod.c", ".*.cmd", ".*.d", "*.symvers",
            "modules.order", ".module-common.*", "*.o.d"]


class Checkout:
    """One checkout and its room in the cache."""

    def __init__(self, tree, path=TOP):
        self.tree = tree
        self.path = path
        self.kind = "rig-modules" if path == MODULES else "modules"
        self.key = cache.key_of(str(self.path))
        self.room = cache.directory(f"build/{self.key}")
        (self.room / "checkout").write_text(f"{self.path}\n")
        self._drop_old()

    def _drop_old(self):
        """Forget what was built with trees that are gone."""
        trees = {path.name for path in cache.directory("tree").iterdir()}
        for path in self.room.iterdir():
            if path.name.startswith(("modules-", "rig-modules-", "coverage-", "tools-")) and \
                    path.name.rsplit("-", 1)[1] not in trees:
                cache.remove(path)

    def _folder(self, name):
        path = self.room / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def begin_with_another(self, target, made, kernel):
        """Take over what another checkout has built of the same kind, the latest.

        target: the folder to build in; made: what is there once that was done; kernel:
        its name in the lock that all hold who build in such a folder
        """
        others = [path for path in cache.directory("build").glob(f"*/{target.name}")
                  if (path / made).exists()]
        if target in others or not others:
            return
        latest = max(others, key=lambda path: (path / made).stat().st_mtime)
        with cache.lock(f"build-{latest.parent.name}-{kernel}"):
            shutil.copytree(latest, target, symlinks=True, dirs_exist_ok=True)

    def _copy(self, target):
        """Bring the copy of the sources up to date.

        A file keeps its time unless its content differs: a clone's files are all new.
        """
        keep = [f"--filter=P {name}" for name in PRODUCTS]
        skip = [f"--exclude={name}" for name in PRODUCTS]
        done = self.tree.run(
            ["rsync", "-rlpgoD", "--checksum", "--delete", "--exclude=/.git", *keep, *skip,
             "/src/", "/build/"],
            binds=[(self.path, "/src"), (target, "/build")], capture_output=True, text=True)
        # 24: a file vanished while it was copied, as files do that others work on
        if done.returncode not in (0, 24):
            raise RigError(f"could not copy the sources: {done.stderr.strip()}")

    def has_modules(self):
        return (self.path / "Kbuild").exists()

    def build_modules(self, kernel, warnings="1", arguments=(), coverage=False):
        """Build the modules for a kernel; the folder that holds the .ko files.

        coverage: have them count how often each line runs
        """
        who = f"{kernel.name} ({kernel.release})"
        kind = "coverage" if coverage else self.kind
        folder = self._folder(f"{kind}-{kernel.key}-{self.tree.key}")
        if coverage:
            arguments = [*arguments, "GCOV_PROFILE=y"]
        with cache.lock(f"build-{self.key}-{kernel.name}"), \
                Step(f"building the modules for {who}"):
            self.begin_with_another(folder, "modules.order", kernel.name)
            self._copy(folder)
            self._remove_orphans(folder)
            level = [f"W={warnings}"] if warnings else []
            done = self.tree.run(
                ["make", "-s", "-C", kernel.build, "M=/build", "DISKS=y", *level,
                 f"-j{os.cpu_count()}", *arguments, "modules"],
                binds=[(folder, "/build"), *kernel.binds], stdout=2)
        if done.returncode:
            raise RigError(f"the modules do not build for {who}: make ended "
                           f"with {done.returncode}; its messages are above")
        return folder

    def _remove_orphans(self, folder):
        """Drop modules whose folder no longer makes them."""
        order = folder / "modules.order"
        if not order.exists():
            return
        listed = {re.sub(r"\.o$", ".ko", line).removeprefix("/build/")
                  for line in order.read_text().split()}
        for path in folder.rglob("*.ko"):
            if str(path.relative_to(folder)) not in listed:
                path.unlink()

    def built_modules(self, folder):
        order = (folder / "modules.order").read_text().split()
        names = [re.sub(r"\.o$", ".ko", line).removeprefix("/build/") for line in order]
        return [folder / name for name in names]

    def build_tools(self):
        """Build the userspace tools, if the checkout has any; their folder or None."""
        makefile = self.path / "Makefile"
        if not makefile.exists() or not re.search(r"^tools\b.*:", makefile.read_text(), re.M):
            return None
        folder = self._folder(f"tools-{self.tree.key}")
        with cache.lock(f"build-{self.key}-tools"), Step("building the tools"):
            done = self.tree.run(["make", "-s", "-C", str(self.path), "O=/build", "tools"],
                                 binds=[(self.path, self.path), (folder, "/build")], stdout=2)
        if done.returncode:
            raise RigError(f"the tools do not build: make ended with {done.returncode}; "
                           "its messages are above")
        return folder

    def execute(self, argv, env=None):
        """Run a command in the tree, the checkout mounted where it is outside."""
        scratch = self._folder("scratch")
        return self.tree.run(argv, cwd=self.path, env={"RIG_SCRATCH": "/build", **(env or {})},
                             binds=[(self.path, self.path), (scratch, "/build")]).returncode


# What depmod reads of a kernel's own modules
KEPT = ["modules.order", "modules.builtin", "modules.builtin.modinfo"]


def indexed_modules(tree, kernel, modules, target):
    """A folder to put over /lib/modules/RELEASE: our modules and a fitting index.

    The kernel's own are there as well if the disk image has none of it.
    """
    release, plain = kernel.release, kernel.modules()
    base = target.with_name(target.name + ".base")
    there = base / "lib/modules" / release
    cache.remove(base)
    for folder in ("kernel", "updates"):
        (there / folder).mkdir(parents=True)
    for name in KEPT:
        shutil.copy(plain / name, there)
    for path in modules:
        shutil.copy(path, there / "updates")
    image.index_modules(tree, base, release, kernel=plain / "kernel")
    if not kernel.in_image:
        shutil.copytree(plain / "kernel", there / "kernel", dirs_exist_ok=True)
    else:
        (there / "kernel").rmdir()
    there.rename(target)
    cache.remove(base)
    say(f"modules for {release}: {' '.join(sorted(path.stem for path in modules)) or 'none'}")



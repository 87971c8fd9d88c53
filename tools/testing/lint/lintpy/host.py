# SPDX-License-Identifier: GPL-2.0
"""The host's side: copies the sources, and runs the checks inside the tree."""

import argparse
import contextlib
import fnmatch
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from rigpy import cache, source, tree
from rigpy.say import RigError, say

from . import extra
from .names import CHECKS

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[3]

# How long a result is kept that may never be asked for again
KEEP_DAYS = 14

# What a build leaves behind, for a checkout of which git knows nothing
PRODUCTS = ["*.o", "*.ko", "*.a", "*.mod", "*.mod.c", ".*.cmd", "*.pyc",
            "Module.symvers", "modules.order"]


def _git(folder, *arguments, **options):
    return subprocess.run(["git", "-C", str(folder), "-c", f"safe.directory={folder}",
                           *arguments], check=True, **options)


def _names(folder):
    """The files of a checkout: what git knows and what it would take."""
    if (folder / ".git").exists() and shutil.which("git"):
        done = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                    stdout=subprocess.PIPE)
        return [name.decode() for name in done.stdout.split(b"\0") if name]
    return [str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts
            and not any(path.match(pattern) for pattern in PRODUCTS)]


def _copy(folder, target):
    for name in _names(folder):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(folder / name, place, follow_symlinks=False)
        except FileNotFoundError:
            # Removed, which git does not know yet, or vanished just now
            continue


def _export(folder, commit, target):
    archive = target.with_suffix(".tar")
    with open(archive, "wb") as out:
        _git(folder, "archive", commit, stdout=out)
    target.mkdir()
    subprocess.run(["tar", "-C", target, "-xf", archive], check=True)


def _known(key):
    """Where results are kept; those of long ago go."""
    folder = cache.directory("lint-known") / key
    folder.mkdir(exist_ok=True)
    cache.use("lint-known", folder)
    cache.prune("lint-known", 2, folder)
    old = time.time() - KEEP_DAYS * 86400
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < old:
                path.unlink()
    return folder


def _parser():
    parser = argparse.ArgumentParser(
        prog="lint", description="Check the sources without running them.")
    parser.add_argument("checks", nargs="*", metavar="CHECK",
                        help="only these, by name or shell pattern (default: all)")
    parser.add_argument("--list", action="store_true", help="print the checks' names")
    parser.add_argument("--commit", metavar="REV",
                        help="check what is committed as REV, not the files as they are")
    parser.add_argument("--source", metavar="DIR", type=pathlib.Path, default=TOP,
                        help="check the files under DIR, not this checkout's")
    parser.add_argument("--findings", metavar="FILE",
                        help="write what was found there, too, a finding on each line")
    return parser


def _check(options, work):
    folder = options.source.resolve()
    if options.commit:
        _export(folder, options.commit, work / "src")
    else:
        _copy(folder, work / "src")
    shutil.copytree(HERE, work / "lintpy", ignore=shutil.ignore_patterns("__pycache__"))
    one = tree.get()
    binds = [(work, "/lint"), (extra.get(), "/lint-extra"), (_known(one.key), "/lint-known")]
    binds += [(source.get(one, kernel), f"/lint-{kernel}") for kernel in ("lts", "mainline")]
    done = one.run(["python3", "-m", "lintpy.main", one.key, one.release("lts"),
                    one.release("mainline"), *options.checks], binds=binds, cwd="/lint",
                   env={"PYTHONPATH": "/lint", "PYTHONDONTWRITEBYTECODE": "1"})
    if not (work / "findings").exists():
        raise RigError("the checks did not begin; what is said above tells why")
    if options.findings:
        shutil.copy(work / "findings", options.findings)
    return done.returncode


def main():
    options = _parser().parse_args()
    if options.list:
        print("\n".join(CHECKS))
        return 0
    for pattern in options.checks:
        if not fnmatch.filter(CHECKS, pattern):
            say(f"there is no check {pattern}; the checks are: {' '.join(CHECKS)}")
            return 2
    try:
        with tempfile.TemporaryDirectory(prefix="lint-", dir=cache.root()) as work:
            return _check(options, pathlib.Path(work))
    except RigError as error:
        say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())

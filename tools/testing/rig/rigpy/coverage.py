# SPDX-License-Identifier: GPL-2.0
"""Which lines of the modules have run, summed up over kernels, domains and runs.

Each coverage*.tar holds the counts (.gcda) of one kernel by the path of the
object, /build/... of the build whose notes (.gcno) lie in the checkout's room.
"""

import collections
import gzip
import itertools
import json
import pathlib
import subprocess
import tempfile

from .checkout import Checkout
from .say import RigError

NOTES = "build"


def _stamp(path):
    """What a count and the notes that belong to it have in common."""
    return path.read_bytes()[8:12]


def _pair(counts, notes):
    """Put the notes of the same build beside each count; complains if it has none."""
    for path in counts.rglob("*.gcda"):
        relative = path.relative_to(counts / NOTES).with_suffix(".gcno")
        for folder in notes:
            found = folder / relative
            if found.exists() and _stamp(found) == _stamp(path):
                path.with_suffix(".gcno").write_bytes(found.read_bytes())
                break
        else:
            raise RigError(f"no build of this checkout belongs to the counts of {relative}: "
                           "it was built anew since")


def _read(tree, archive, notes, lines):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["tar", "-C", name, "-xf", archive], check=True)
        _pair(folder, notes)
        objects = [str(path.relative_to(folder)) for path in folder.rglob("*.gcda")]
        if not objects:
            return
        done = tree.run(["gcov", "--json-format", *objects], binds=[(folder, "/counts")],
                        cwd="/counts", capture_output=True, text=True)
        if done.returncode:
            raise RigError(f"gcov failed with {archive}: {done.stderr.strip()}")
        for path in folder.glob("*.gcov.json.gz"):
            for file in json.loads(gzip.decompress(path.read_bytes()))["files"]:
                for line in file["lines"]:
                    lines[file["file"]][line["line_number"]] += line["count"]


def report(tree, folders, missing=False):
    """Print how many lines ran, by module folder and file, and which did not if @missing;
    the exit status.
    """
    archives = sorted(path for folder in folders
                      for path in pathlib.Path(folder).rglob("coverage*.tar"))
    if not archives:
        raise RigError(f"no counts in {' '.join(folders)}: nothing was run with --coverage there")
    room = Checkout(tree).room
    notes = [path for path in room.iterdir() if path.name.startswith("coverage-")]
    lines = collections.defaultdict(collections.Counter)
    for archive in archives:
        _read(tree, archive, notes, lines)
    by_folder = collections.defaultdict(list)
    for name, counts in lines.items():
        path = pathlib.PurePath(name)
        if path.suffix == ".c" and "tests" not in path.parts:
            by_folder[str(path.parent)].append((path.name, counts))
    for folder, files in sorted(by_folder.items()):
        _table(folder, files, missing)
    return 0


def _never_ran(counts):
    """The lines that did not run, as 7, 12-14: what holds no code is nothing between."""
    spans = [list(span) for ran, span in
             itertools.groupby(sorted(counts), lambda line: counts[line] > 0) if not ran]
    return ", ".join(f"{span[0]}-{span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans)


def _table(folder, files, missing):
    reached = total = 0
    rows = []
    for name, counts in sorted(files):
        ran = sum(1 for count in counts.values() if count)
        rows.append((name, ran, len(counts), _never_ran(counts) if missing else ""))
        reached += ran
        total += len(counts)
    print(f"{folder.removeprefix('/build/'):32} {reached:5} of {total:5} lines "
          f"{100 * reached / total:5.1f} %")
    for name, ran, count, lines in rows:
        print(f"  {name:30} {ran:5} of {count:5}       {100 * ran / count:5.1f} %  {lines}".rstrip())

# SPDX-License-Identifier: GPL-2.0
"""What was found before in files that have not changed since.

checkpatch, coccinelle and the builds take minutes for all files and see the same
in the same files. What they found lies in the rig's cache, by the content of what
they were given, of the checks themselves, and of the tree that the tools are in.
"""

import dataclasses
import hashlib
import json
import os
import pathlib

from .core import Finding

PLACE = pathlib.Path("/lint-known")


def digest(*parts):
    """A name for bytes and texts."""
    whole = hashlib.sha256()
    for part in parts:
        part = part.encode() if isinstance(part, str) else part
        whole.update(b"%d:" % len(part) + part)
    return whole.hexdigest()


class Known:
    """The results of one check, by key; SHARED is what all of them depend on."""

    def __init__(self, project, check, shared=()):
        self.project = project
        self.base = digest(check, project.tools, *self._contents(shared))

    def _contents(self, names):
        for name in names:
            yield name
            yield (self.project.root / name).read_bytes()

    def _path(self, names):
        return PLACE / digest(self.base, *self._contents(names))

    def get(self, names):
        """What was kept for these files as they are now, or None."""
        try:
            return json.loads(self._path(names).read_text())
        except FileNotFoundError:
            return None

    def keep(self, names, result):
        path = self._path(names)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(result))
        fresh.replace(path)

    def each(self, names, look):
        """All findings in these files; look(NAMES) finds them in those not known.

        Nothing is kept if a finding has its place in no file.
        """
        results = {name: self.get([name]) for name in names}
        new = [name for name in names if results[name] is None]
        found = look(new) if new else []
        if all(finding.path in new for finding in found):
            for name in new:
                self.keep([name], [dataclasses.astuple(f) for f in found if f.path == name])
        return found + [Finding(*one) for name in names for one in results[name] or ()]

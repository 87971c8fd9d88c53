# SPDX-License-Identifier: GPL-2.0
"""What all checks share: the files to check, findings, and the allow-list.

A check is a function that takes a Project and returns a list of Findings; an
empty list is a pass. A check whose tool cannot run raises ToolError, which is
a failure too: nothing passes because nothing was looked at.
"""

import dataclasses
import fnmatch
import pathlib
import subprocess


class ToolError(Exception):
    """A tool is missing or did not work, so that nothing is known."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing to mend: its kind is a rule's or a warning's short name."""

    path: str
    line: int
    kind: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.kind}] {self.text}"


@dataclasses.dataclass
class Allowance:
    """A line of the allow-list: findings of this kind, there, are wanted.

    The kind may go on with a colon and a pattern for the finding's text.
    """

    check: str
    kind: str
    glob: str
    line: int
    used: bool = False

    def covers(self, check, finding):
        kind, _, text = self.kind.partition(":")
        return (self.check == check and kind == finding.kind
                and fnmatch.fnmatch(finding.text, text or "*")
                and fnmatch.fnmatch(finding.path, self.glob))


def read_allowances(path):
    """The allow-list: check, kind, path pattern, reason on each line."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(None, 3)
        if len(fields) < 4:
            raise ToolError(f"{path.name}:{number}: wants check, kind, path and a reason")
        found.append(Allowance(*fields[:3], number))
    return found


KERNEL_FOLDERS = ("compat/", "drivers/", "include/", "net/")


class Project:
    """The copy of the sources, both kernels, and where to put scratch files."""

    def __init__(self, base, releases, tools):
        self.releases = releases
        # Names what the checks are and what they run
        self.tools = tools
        self.base = base
        self.root = base / "src"
        self.extra = pathlib.Path("/lint-extra")
        self.scratch = pathlib.Path("/tmp")
        self.files = sorted(str(p.relative_to(self.root))
                            for p in self.root.rglob("*") if p.is_file())
        if not self.files:
            raise ToolError("there are no files to check")

    def text(self, name):
        """A file's text, or None of a file that is not text."""
        data = (self.root / name).read_bytes()
        try:
            return None if b"\0" in data else data.decode()
        except UnicodeDecodeError:
            return None

    def c_files(self, suffixes=(".c", ".h")):
        return [f for f in self.files if f.endswith(suffixes)]

    def kernel_files(self, suffixes=(".c", ".h")):
        return [f for f in self.c_files(suffixes) if f.startswith(KERNEL_FOLDERS)]

    def build_files(self):
        """All that a build of the modules reads."""
        return [f for f in self.files if f.startswith(KERNEL_FOLDERS) or "/" not in f]

    def interpreter(self, name):
        """The last word of a script's first line, or an empty string."""
        text = self.text(name)
        if not text or not text.startswith("#!"):
            return ""
        return pathlib.PurePath(text.splitlines()[0].split()[-1]).name

    def headers(self, kernel):
        """The headers package of "lts" or "mainline"."""
        return pathlib.Path(f"/usr/src/linux-headers-{self.releases[kernel]}")

    def kernel_source(self, kernel):
        path = pathlib.Path(f"/lint-{kernel}")
        if not (path / "scripts/checkpatch.pl").exists():
            raise ToolError(f"the source of the {kernel} kernel has no scripts/checkpatch.pl")
        return path

    def relative(self, path):
        """A path that a tool printed, as the project names it."""
        return str(path).replace(str(self.root) + "/", "")


def run(argv, **options):
    """Run a tool, its output as text, both streams together."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
               "stdin": subprocess.DEVNULL, "check": False, "text": True, **options}
    try:
        return subprocess.run([str(a) for a in argv], **options)
    except FileNotFoundError as error:
        raise ToolError(f"the rig's tree lacks {error.filename}") from error

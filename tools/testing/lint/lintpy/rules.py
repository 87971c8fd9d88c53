# SPDX-License-Identifier: GPL-2.0
"""The project's own rules, which no tool of the kernel knows."""

import re

from .core import KERNEL_FOLDERS, Finding

LINES = 900

XEN_FOLDERS = ("compat/", "drivers/block/xen/", "drivers/xen/9pfs/", "include/xen/",
               "net/9p/tests/", "net/9p/trans_xen")

# Spelled so that this file does not match itself
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
VERSION = re.compile(r"\b(LINUX_VERSION_CODE|KERNEL_VERSION)\b")
CRASH = re.compile(r"\bBUG(_ON)?\(")
XEN_HEADER = re.compile(r'^\s*#\s*include\s*[<"]xen/')


# A command whose failure errexit does not see, unless && or || looks at it
NEGATED = re.compile(r"^\s*! .*(?<!&&)(?<!\|\|)$")
SUITES = "tools/testing/selftests/rig/"


def _spdx(name, lines):
    first = 1 if lines and lines[0].startswith("#!") else 0
    if len(lines) > first and "SPDX-License-Identifier: " in lines[first]:
        return
    yield Finding(name, first + 1, "spdx", "the first line is no SPDX-License-Identifier")


def _of_line(name, number, line):
    kernel = name.startswith(KERNEL_FOLDERS) and name.endswith((".c", ".h"))
    if line != line.rstrip():
        yield Finding(name, number, "blanks", "blanks at the end of the line")
    if UNFINISHED.search(line):
        yield Finding(name, number, "unfinished", "a note that something is unfinished")
    if NEGATED.match(line) and name.startswith(SUITES):
        yield Finding(name, number, "errexit",
                      "errexit does not see that this fails: say fails COMMAND")
    if not kernel:
        return
    if VERSION.search(line) and not name.startswith("compat/"):
        yield Finding(name, number, "version",
                      "a test of the kernel's version outside compat/")
    if CRASH.search(line):
        yield Finding(name, number, "crash",
                      "takes the machine down: warn and return an error instead")
    if XEN_HEADER.match(line) and not name.startswith(XEN_FOLDERS):
        yield Finding(name, number, "layering",
                      "only the Xen transport and backends include <xen/...>")


def _of_file(name, text):
    lines = text.splitlines()
    yield from _spdx(name, lines)
    if len(lines) > LINES:
        yield Finding(name, len(lines), "length", f"longer than {LINES} lines")
    if text and not text.endswith("\n"):
        yield Finding(name, len(lines), "end", "no newline at the end of the file")
    for number, line in enumerate(lines, 1):
        yield from _of_line(name, number, line)


def check(project):
    """Licence lines, layering, length, and what must not be in the tree."""
    found = []
    for name in project.files:
        text = project.text(name)
        if text:
            found += _of_file(name, text)
    return found

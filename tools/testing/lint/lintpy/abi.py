# SPDX-License-Identifier: GPL-2.0
"""Documentation/ABI against the code: what is shown is described, and no more."""

import pathlib
import re

from .core import Finding

FOLDER = "Documentation/ABI/"
FIELDS = ["What", "Date", "KernelVersion", "Contact", "Description"]
FIELD = re.compile(r"^(\w+):\s*(.*)$")

# Where the code makes files that people see, and of which kind
MADE = [
    ("sysfs", re.compile(r"&\w*attr_(\w+)\.attr\b")),
    ("sysfs", re.compile(r'\bkset_create_and_add\("([^"]+)"')),
    ("sysfs", re.compile(r'\bkobject_create_and_add\("([^"]+)"')),
    ("debugfs", re.compile(r'\bdebugfs_create_\w+\("([^"]+)"')),
]


def _kind(what):
    return "debugfs" if what.startswith("/sys/kernel/debug/") else "sysfs"


def _entries(lines):
    """The line at which each entry begins, and its fields with their lines."""
    found = []
    for number, line in enumerate(lines, 1):
        field = FIELD.match(line)
        if field and field.group(1) == "What":
            found.append((number, []))
        if not found:
            continue
        if field:
            found[-1][1].append([field.group(1), field.group(2)])
        elif line.strip():
            found[-1][1][-1][1] += line
    return found


def _check_entry(name, number, fields):
    if [field for field, _ in fields] != FIELDS:
        yield Finding(name, number, "fields",
                      f"an entry has {', '.join(FIELDS)}, once each in this order")
    for field, value in fields:
        if not value.strip():
            yield Finding(name, number, "empty", f"{field} says nothing")


def _documented(project):
    """(kind, name) -> where it is described; and what is wrong with the files."""
    where, found = {}, []
    for name in project.files:
        if not name.startswith(FOLDER):
            continue
        seen = set()
        for number, fields in _entries((project.text(name) or "").splitlines()):
            found += _check_entry(name, number, fields)
            what = fields[0][1].strip()
            if what in seen:
                found.append(Finding(name, number, "twice", f"{what} is described twice"))
            seen.add(what)
            where[_kind(what), pathlib.PurePath(what).name] = (name, number)
    return where, found


def _made(project):
    """(kind, name) -> where the code makes it."""
    where = {}
    for name in project.kernel_files((".c",)):
        for number, line in enumerate((project.text(name) or "").splitlines(), 1):
            for kind, pattern in MADE:
                for made in pattern.findall(line):
                    where[kind, made] = (name, number)
    return where


def check(project):
    """Every attribute and debugfs file is described, and what is described exists."""
    described, found = _documented(project)
    made = _made(project)
    for (kind, what), (name, number) in made.items():
        if (kind, what) not in described:
            found.append(Finding(name, number, "undocumented",
                                 f"{kind}: {what} is not described in {FOLDER}"))
    for (kind, what), (name, number) in described.items():
        if (kind, what) not in made:
            found.append(Finding(name, number, "nowhere",
                                 f"{kind}: {what} is described, but nothing makes it"))
    return found

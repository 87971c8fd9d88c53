# SPDX-License-Identifier: GPL-2.0
"""Finds in logs what a kernel or Xen says when something is wrong."""

import pathlib
import re

SPLATS = re.compile("|".join([
    r"\bWARNING:", r"\bBUG:", r"\bBUG at\b", r"\bOops\b", r"general protection",
    r"Kernel panic", r"Unable to handle kernel", r"double fault",
    r"KASAN:", r"UBSAN:", r"KCSAN:", r"KFENCE:", r"ODEBUG:", r"kmemleak:.*new suspected",
    r"possible recursive locking", r"possible circular locking", r"inconsistent lock state",
    r"possible irq lock inversion", r"bad unlock balance", r"held lock freed",
    r"lock held when returning to user space", r"suspicious RCU",
    r"sleeping function called", r"scheduling while atomic",
    r"hung task", r"blocked for more than", r"soft lockup", r"hard LOCKUP",
    r"rcu.*detected.*stall", r"self-detected stall",
    r"refcount_t:", r"list_(add|del) corruption", r"page allocation failure",
    r"Out of memory:", r"invoked oom-killer", r"leaking .*grant", r"\bleaked\b",
    r"still in use", r"g\.e\. .*still", r"deferring g\.e\.",
    r"unregister_netdevice: waiting",
    r"\(XEN\).*(\bgrant\b|gnttab|grant_table|GTF_)", r"\(XEN\).*(Panic|FATAL|Assertion|ASSERT)",
    r"\(XEN\).*Hardware Dom0 (crashed|shutdown)", r"\(XEN\).*domain_crash",
    r"\(XEN\).*Domain \d+ .*crashed",
    r"segfault at", r"traps: .*general protection", r"malloc\(\):", r"double free",
]))

ALLOW = pathlib.Path(__file__).parent.parent / "known-noise"


# How many lines after a report's first may name who is to blame
REPORT = 60


def _allowed():
    """Of each line of known-noise: a pattern for a line of a log, and one for the
    lines of the report that it begins, or None."""
    patterns = []
    for line in ALLOW.read_text().splitlines():
        if line and not line.startswith("#"):
            first, _, inside = line.partition(" => ")
            patterns.append((re.compile(first), re.compile(inside) if inside else None))
    return patterns


def _is_noise(allowed, lines, number):
    for first, inside in allowed:
        if first.search(lines[number]) and (
                not inside or any(inside.search(line)
                                  for line in lines[number:number + REPORT])):
            return True
    return False


def _lines(path):
    """A log's lines; those of a console end with carriage returns as well."""
    return path.read_text(errors="replace").replace("\r", "").splitlines()


def find(paths):
    """A list of (path, line number, line) for every splat in the logs."""
    allowed = _allowed()
    found = []
    for path in paths:
        lines = _lines(path)
        for number, line in enumerate(lines):
            if SPLATS.search(line) and not _is_noise(allowed, lines, number):
                found.append((path, number + 1, line.strip()))
    return found


def context(path, number, before=2, after=25):
    lines = _lines(path)
    return "\n".join(lines[max(0, number - 1 - before):number + after])


def tail(path, count=25):
    return "\n".join(_lines(path)[-count:])

# SPDX-License-Identifier: GPL-2.0
"""Boots of Debian from 9P and from a disk, up to the login: no pass or fail."""

from rigpy.say import RigError, say

from . import boot

SECONDS = 7200
# A disk with ext4, and cache modes of 9P that are something for a root
DISK = "disk"
ROOTS = [DISK, "mmap", "loose"]
COLUMNS = ["seconds", "dom0", "guest", "requests", "read", "written"]


def summary(text):
    """What each line of the machine's says, by root."""
    found = {}
    for line in text.splitlines():
        root, *figures = line.split()
        found[root] = dict(zip(COLUMNS, map(float, figures)))
    return found


def run(folder, kernel):
    """Boot once and measure; the document."""
    boot.stage(folder, ROOTS, boot.HERE.parent / "selftests/lib")
    say("bench: booting for boots, time counted in instructions")
    status = boot.run_rig("roots", folder, "roots",
                          ["--counted", "--guest-root", "--modules", "--dom0-vcpus", 1,
                           "--kernel", kernel], SECONDS)
    lines = folder / "dom0/roots.tsv"
    if not lines.exists():
        raise RigError(f"the machine ended with {status}: see {folder}/log")
    return {"kernel": kernel, "status": status, "results": summary(lines.read_text())}


def missing(said):
    """What there is no result of, with the reason."""
    if "missing" in said:
        yield "roots", said["missing"]
        return
    for root in ROOTS:
        if root not in said["results"]:
            yield f"boot, {root}", f"the machine ended with {said['status']} before it was there"


def lines(said):
    """The table."""
    if "missing" in said:
        yield f"roots: missing: {said['missing']}"
        return
    yield (f"boot to the login ({said['kernel']}), s; CPU time of dom0 and of the domain, s; "
           "what dom0 has served")
    yield (f"{'':12}{'time':>8}{'dom0':>8}{'domain':>8}{'requests':>10}{'MB read':>9}"
           f"{'written':>9}")
    for root, one in said["results"].items():
        name = "ext4, disk" if root == DISK else f"9p, {root}"
        yield (f"{name:12}{one['seconds']:8.1f}{one['dom0']:8.1f}{one['guest']:8.1f}"
               f"{one['requests']:10.0f}{one['read'] / 1e6:9.1f}{one['written'] / 1e6:9.1f}")

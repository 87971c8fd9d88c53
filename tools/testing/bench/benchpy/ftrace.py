# SPDX-License-Identifier: GPL-2.0
"""Reads the stamps that machine/probes printed."""

import collections
import re

LINE = re.compile(r"\s*(?P<comm>.+)-(?P<pid>\d+)\s+\[(?P<cpu>\d+)\]\s+\S+\s+(?P<tsc>\d+): "
                  r"(?P<name>\w+): (?P<rest>.*)$")
LOST = re.compile(r"LOST \d+ EVENTS|overrun: [1-9]")

# Others call the file system as well; the server's threads are named so
OF_SERVER = {name + end for name in ("getattr", "open", "read", "lookup") for end in ("", "_r")}
SERVER = "9pback"

Stamp = collections.namedtuple("Stamp", "tsc who name number")


class StampError(Exception):
    """Stamps that are not whole."""


def _number(name, rest):
    """A system call's number, or a function's result."""
    found = re.search(r"NR (\d+)", rest) or re.search(r"value=0x([0-9a-f]+)", rest)
    if not found:
        return None
    return int(found[1]) if name.startswith("sys_") else int(found[1], 16)


def stamps(who, text):
    """All stamps of a domain; who is "guest" or "dom0"."""
    found = []
    for line in text.splitlines():
        if LOST.search(line):
            raise StampError(f"the kernel of {who} lost stamps: {line.strip()}")
        match = LINE.match(line)
        if match and not (match["name"] in OF_SERVER and who == "dom0"
                          and not match["comm"].strip().startswith(SERVER)):
            found.append(Stamp(int(match["tsc"]), who, match["name"],
                               _number(match["name"], match["rest"])))
    return found

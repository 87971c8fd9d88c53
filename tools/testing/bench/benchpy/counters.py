# SPDX-License-Identifier: GPL-2.0
"""Reads what machine/counters printed, and takes differences."""

import re

# Interrupts by which a domain keeps time and house, not work
HOUSEKEEPING = re.compile(r"timer|resched|callfunc|spinlock|irqwork|debug|NMI|LOC|RES|CAL|TLB|"
                          r"rcu|pmu|xenbus|hvc|console|xenstored", re.I)


def _sections(text):
    name, found = None, []
    for line in text.splitlines():
        if line.startswith("== "):
            name = line[3:]
            found.append((name, []))
        elif name:
            found[-1][1].append(line)
    return found


def _interrupts(lines):
    """Events that came, but for those of time and housekeeping."""
    total = 0
    for line in lines[1:]:
        words = line.split()
        counts = []
        for word in words[1:]:
            if not word.isdigit():
                break
            counts.append(int(word))
        if "xen" in line and not HOUSEKEEPING.search(" ".join(words[1 + len(counts):])):
            total += sum(counts)
    return total


def _hist(lines, value="hitcount"):
    total = 0
    for line in lines:
        for match in re.finditer(rf"\b{value}:\s+(\d+)", line):
            total += int(match[1])
    return total


def _rpc(lines):
    for line in lines:
        if line.startswith("rpc "):
            return int(line.split()[1])
    return 0


ALLOCATIONS = ("kmem/kmalloc", "kmem/kmem_cache_alloc", "kmem/mm_page_alloc")


def parse(text):
    """A dict of totals; what the text has no word of is not in it."""
    found = {}

    def add(name, number):
        found[name] = found.get(name, 0) + number

    for name, lines in _sections(text):
        if name == "stat":
            add("switches", int(lines[0].split()[1]))
        elif name == "interrupts":
            add("events", _interrupts(lines))
        elif name == "rpc":
            add("rpc", _rpc(lines))
        elif name == "hist 9p/9p_client_req":
            add("requests", _hist(lines))
        elif name.startswith("hist bench/"):
            add("ring bytes", _hist(lines, "bytes"))
        elif name.startswith("hist kmem/"):
            add("allocations", _hist(lines))
    return found


def difference(before, after):
    return {name: after[name] - before.get(name, 0) for name in after}

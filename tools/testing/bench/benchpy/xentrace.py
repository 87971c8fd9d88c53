# SPDX-License-Identifier: GPL-2.0
"""Reads xentrace's binary records: hypercalls by domain, switches of domains.

The layout is that of xen/include/public/trace.h: a header of 28 bits of event,
3 bits that count the words that follow, and a bit that says whether 64 bits of
TSC stand before those.
"""

import collections
import struct

LOST_RECORDS = 0x1f001
CPU_CHANGE = 0x1f003
# With the old state in bits 8 and 9, the new one in bits 4 and 5
RUNSTATE_CHANGE = 0x21001
RUNSTATE_MASK = 0xfffffcc0 | 0xf
CONTINUE_RUNNING = 0x21002
HYPERCALL = 0x20100d
SUBCALL = 0x20200e
RUNNING = 0
IDLE = 32767

NAMES = {1: "mmu_update", 3: "stack_switch", 5: "fpu_taskswitch", 12: "memory_op",
         13: "multicall", 14: "update_va_mapping", 15: "set_timer_op", 17: "xen_version",
         18: "console_io", 20: "grant_table_op", 23: "iret", 24: "vcpu_op",
         25: "set_segment_base", 26: "mmuext_op", 29: "sched_op", 32: "event_channel_op",
         33: "physdev_op", 35: "sysctl", 36: "domctl"}

Record = collections.namedtuple("Record", "cpu event tsc extra")


class TraceError(Exception):
    """A trace that is not whole."""


def records(data):
    """Every record of a trace, in the order of the file."""
    at, cpu = 0, None
    while at + 4 <= len(data):
        header, = struct.unpack_from("<I", data, at)
        event, extra, timed = header & 0xfffffff, header >> 28 & 7, header >> 31
        size = 4 + 8 * timed + 4 * extra
        if at + size > len(data):
            raise TraceError("the trace ends in the middle of a record")
        tsc = struct.unpack_from("<Q", data, at + 4)[0] if timed else None
        words = struct.unpack_from(f"<{extra}I", data, at + 4 + 8 * timed)
        at += size
        if event == CPU_CHANGE:
            cpu = words[0]
            continue
        if event == LOST_RECORDS:
            raise TraceError(f"Xen lost {words[0] if words else 'some'} records")
        yield Record(cpu, event, tsc, words)


def runs(record):
    """The domain that runs from this record on, or None if it does not tell."""
    if record.event & RUNSTATE_MASK == RUNSTATE_CHANGE:
        return record.extra[0] >> 16 if record.event >> 4 & 3 == RUNNING else None
    if record.event == CONTINUE_RUNNING:
        return record.extra[0] >> 16
    return None


def count(data):
    """Hypercalls by domain and name, and how often a domain came to run.

    What the first records on a CPU belong to is not known until the first
    switch there; they are dom0's, which had just switched the trace on.
    """
    running = collections.defaultdict(int)
    calls, switches = collections.Counter(), 0
    for record in records(data):
        domain = runs(record)
        if domain is not None:
            if domain not in (running[record.cpu], IDLE):
                switches += 1
            running[record.cpu] = domain
        elif record.event in (HYPERCALL, SUBCALL):
            number = record.extra[0] & 0xfffff
            name = NAMES.get(number, f"hypercall {number}")
            calls[running[record.cpu], name] += 1
    return calls, switches

# SPDX-License-Identifier: GPL-2.0
"""Where single operations spend their instructions.

Three runs of the same works: without any tracing; with stamps of both kernels;
with Xen's trace besides. The time of the first two tells what a stamp costs. The
calls of the last two tell what a record of Xen's costs; their whole time does
not, since xentrace starts and ends in it. Two stamps on a function that does nothing tell
how much of it falls between the entry of a function and its return. All that is
taken off the intervals of the last run.

Between two stamps the time belongs to what the domain that runs was doing:
the first stamp says so, or for a domain that Xen has just switched to, what it
was at before.
"""

import statistics

from . import ftrace, xentrace

INSTRUCTION = 4
HYPERVISOR = "xen"

CLIENT = "guest: system call, VFS, v9fs, 9P client"
FRONT = "frontend: request and its data onto the ring, event"
SLEEP = "guest: goes to sleep"
TO_DOM0 = "Xen, and dom0 takes the event"
BACK_EVENT = "backend: event"
WAKE_DOM0 = "dom0: wakes the server's thread"
BACK_RECV = "backend: request off the ring"
SERVER = "server: decodes, finds the file, encodes"
VFS = "VFS and file system of dom0"
BACK_SEND = "backend: reply onto the ring, event"
IDLE_DOM0 = "dom0: finds nothing more, goes to sleep"
TO_GUEST = "Xen, and the guest takes the event"
FRONT_REPLY = "frontend: reply off the ring"
WAKE_GUEST = "guest: wakes the caller"
FETCH = "frontend: data off the ring"
PHASES = [CLIENT, FRONT, SLEEP, TO_DOM0, BACK_EVENT, WAKE_DOM0, BACK_RECV, SERVER, VFS, BACK_SEND,
          IDLE_DOM0, TO_GUEST, FRONT_REPLY, WAKE_GUEST, FETCH]

# Stamps of what the server asks the file system for
FILE_SYSTEM = ["getattr", "open", "read", "write", "lookup"]

# What a domain is at after a stamp
AFTER = {
    "guest": {"sys_enter": CLIENT, "rpc_r": CLIENT, "zc_r": CLIENT, "front": FRONT,
              "front_r": SLEEP, "event": FRONT_REPLY, "event_r": WAKE_GUEST,
              "fetch": FETCH, "fetch_r": CLIENT, "sys_exit": CLIENT},
    "dom0": {"event": BACK_EVENT, "event_r": WAKE_DOM0, "recv": BACK_RECV, "send": BACK_SEND,
             "send_r": SERVER, "commit": BACK_SEND, "commit_r": SERVER,
             **{name: VFS for name in FILE_SYSTEM},
             **{f"{name}_r": SERVER for name in FILE_SYSTEM}},
}
ASLEEP = {"guest": (SLEEP, TO_GUEST), "dom0": (IDLE_DOM0, TO_DOM0)}

# The system call that is an operation of a work
CALLS = {"stat": (262, "one stat"), "open": (257, "one open"), "read-4k": (17, "one 4 KiB read"),
         "read-1m": (17, "one 1 MiB read"), "write-4k": (18, "one 4 KiB write"),
         "write-1m": (18, "one 1 MiB write")}


class BudgetError(Exception):
    """Stamps that make no sense."""


def _xen_stamps(data):
    for record in xentrace.records(data):
        domain = xentrace.runs(record)
        name = "other"
        if domain is not None and domain != xentrace.IDLE:
            name = "guest" if domain else "dom0"
        if record.tsc is not None:
            yield ftrace.Stamp(record.tsc, HYPERVISOR, name, None)


def _label(stamp):
    if stamp.who == "dom0" and stamp.name == "recv_r":
        return SERVER if stamp.number else IDLE_DOM0
    return AFTER[stamp.who].get(stamp.name)


class Walk:
    """Goes through the stamps in the order of time."""

    def __init__(self):
        self.running = None
        self.at = {"guest": CLIENT, "dom0": IDLE_DOM0}

    def take(self, stamp):
        """What goes on after a stamp."""
        if stamp.who == HYPERVISOR:
            if stamp.name in self.at and stamp.name != self.running:
                self.running = stamp.name
                asleep, woken = ASLEEP[stamp.name]
                if self.at[stamp.name] == asleep:
                    self.at[stamp.name] = woken
        else:
            self.running = stamp.who
            self.at[stamp.who] = _label(stamp) or self.at[stamp.who]
        return self.at[self.running] if self.running else None


def _windows(stamps, number):
    """The ranges of indices of one system call each."""
    begin = None
    for index, stamp in enumerate(stamps):
        if stamp.name == "sys_enter":
            begin = index if stamp.number == number else None
        elif stamp.name == "sys_exit" and begin is not None:
            yield begin, index
            begin = None


def attribute(stamps, number, overhead):
    """The time of each phase, for every call of that number.

    overhead(stamp): what it costs before and after the moment it tells.
    """
    stamps = sorted(stamps, key=lambda stamp: stamp.tsc)
    walk = Walk()
    labels = [walk.take(stamp) for stamp in stamps]

    found = []
    for begin, end in _windows(stamps, number):
        phases = dict.fromkeys(PHASES, 0)
        for index in range(begin, end):
            one, two = stamps[index], stamps[index + 1]
            phases[labels[index]] += two.tsc - one.tsc - overhead(one)[1] - overhead(two)[0]
        found.append(phases)
    return found


def typical(calls):
    """The mean of the calls that nothing disturbed: the middle half, by duration."""
    if not calls:
        raise BudgetError("no call was recorded")
    calls = sorted(calls, key=lambda phases: sum(phases.values()))
    quarter = len(calls) // 4
    middle = calls[quarter:len(calls) - quarter]
    return {phase: statistics.fmean(one[phase] for one in middle) for phase in PHASES}


class Runs:
    """The records of the three runs, by pass and work."""

    def __init__(self, records):
        self.took, self.said, self.failed = {}, {}, []
        for record in records:
            if "failed" in record:
                self.failed.append(record["failed"])
            elif "missing" in record:
                self.failed.append(f"{record['work']}: {record['missing']}")
            elif "ops" in record:
                self.took[record["pass"], record["work"]] = (record["seconds"] * 1e9,
                                                             record["ops"])
            elif "counters" in record and record["about"][0] == "end":
                key = (record["pass"], record["about"][1], record["counters"])
                self.said[key] = record["text"]

    def nanoseconds(self, name, work):
        if (name, work) not in self.took:
            raise BudgetError(f"{work} was not measured in the run '{name}': "
                              + ("; ".join(self.failed) or "no reason is known"))
        return self.took[name, work][0]

    def stamps(self, name, work):
        found = []
        for who in ("guest", "dom0"):
            text = self.said.get((name, work, who))
            if text is None:
                raise BudgetError(f"{who} has no stamps of {work} in the run '{name}'")
            found += ftrace.stamps(who, text)
        return found


def _inside(stamps):
    """What two stamps cost between the entry of a function and its return."""
    found, entry = [], None
    for stamp in stamps:
        if stamp.name == "null":
            entry = stamp.tsc
        elif stamp.name == "null_r" and entry is not None:
            found.append(stamp.tsc - entry)
            entry = None
    if not found:
        raise BudgetError("the stamps were not calibrated")
    return statistics.median(found)


def _call(stamps, number):
    """The median duration of a call, and how many records of Xen's lie in one."""
    stamps = sorted(stamps, key=lambda stamp: stamp.tsc)
    windows = list(_windows(stamps, number))
    if not windows:
        raise BudgetError("no call was recorded")
    return (statistics.median(stamps[end].tsc - stamps[begin].tsc for begin, end in windows),
            statistics.median(sum(stamp.who == HYPERVISOR for stamp in stamps[begin:end])
                              for begin, end in windows))


class Overheads:
    """What stamps cost, in nanoseconds."""

    def __init__(self, runs, work, trace):
        number = CALLS[work][0]
        stamps = runs.stamps("probes", work)
        count = sum(not stamp.name.startswith("null") for stamp in stamps)
        longer = runs.nanoseconds("probes", work) - runs.nanoseconds("plain", work)
        self.kernel = max(longer, 0) / max(count, 1)
        self.inside = min(_inside(stamps), 2 * self.kernel)
        short, _ = _call(stamps, number)
        long, records = _call(runs.stamps("xen", work) + trace, number)
        self.xen = max(long - short, 0) / max(records, 1)

    def __call__(self, stamp):
        """Before and after the moment that a stamp tells."""
        if stamp.who == HYPERVISOR:
            return self.xen / 2, self.xen / 2
        outer, inner = self.kernel - self.inside / 2, self.inside / 2
        if stamp.name.endswith("_r") or stamp.name == "sys_exit":
            return inner, outer
        return outer, inner


def of(records, traces):
    """The budget of each operation: a dict by work.

    traces(work): the bytes of Xen's trace.
    """
    runs, found = Runs(records), {}
    for work, (number, name) in CALLS.items():
        try:
            xen = list(_xen_stamps(traces(work)))
            overhead = Overheads(runs, work, xen)
            stamps = runs.stamps("xen", work) + xen
            phases = typical(attribute(stamps, number, overhead))
        except (BudgetError, xentrace.TraceError, ftrace.StampError, OSError) as error:
            found[work] = {"name": name, "missing": str(error)}
            continue
        plain = runs.took["plain", work]
        found[work] = {"name": name, "phases": phases, "plain": plain[0] / plain[1],
                       "overhead": (overhead.kernel, overhead.inside, overhead.xen)}
    return found


TITLE = """.. SPDX-License-Identifier: GPL-2.0

===================
Instruction budgets
===================

Where one operation of a guest spends its instructions, from the system call
through the rings and the server and back. ``make budget`` measures it and writes
this page; ``Documentation/benchmarks.rst`` tells how.

One vCPU a domain, ``cache=none``, ``msize=524288``, a tmpfs exported. Instructions of
the emulated machine: every one takes 4 ns of its clock, and so does an idle one,
of which there is none while a single process works. A figure is the mean of the
middle half of the calls, less what the stamps themselves cost; a phase that is
shorter than these is known to some thousand instructions only.

What dom0 does after its reply has left, and Xen switches back before it has
finished, is done at its next request, and counted there.

"""

NOTES = """
The last line is the work as the benchmark measures it, per operation, without
any tracing. It has what lies between two calls as well: the loop of the program,
and dom0 going to sleep after the reply has left. For an open it has the read of
64 bytes and the close that belong to the operation there, for a read or write its part
of opening and closing the file, and for a write its part of the fsync.
"""


def _table(header, rows):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    line = "  ".join("=" * width for width in widths)

    def put(row):
        return "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
    return "\n".join([line, put(header), line, *map(put, rows), line]) + "\n"


def _count(nanoseconds):
    return f"{nanoseconds / INSTRUCTION:,.0f}"


def document(found, versions, commit):
    """The page about the budgets."""
    there = {work: entry for work, entry in found.items() if "missing" not in entry}
    header = ["instructions", *(entry["name"] for entry in found.values())]

    def row(name, value):
        return [name, *(_count(value(entry)) if work in there else "missing"
                        for work, entry in found.items())]

    rows = [row(phase, lambda entry, phase=phase: entry["phases"][phase]) for phase in PHASES]
    rows.append(row("sum", lambda entry: sum(entry["phases"].values())))
    rows.append(row("per operation, untraced", lambda entry: entry["plain"]))
    measured = "\nMeasured on " + ", ".join(f"{k} {v}" for k, v in versions.items())
    measured += f"; this project at {commit}.\n"
    return TITLE + _table(header, rows) + NOTES + measured

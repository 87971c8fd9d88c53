# SPDX-License-Identifier: GPL-2.0
"""What an operation costs beside time, out of the passes that count.

Each pass measures the work "nothing" as well. What is counted there is what
counting itself costs; it is taken off everything else.
"""

from . import counters, xentrace

# name, unit, and what it says
METRICS = [
    ("messages", "9P requests, or RPC calls"),
    ("events guest", "events delivered to the guest"),
    ("events dom0", "events delivered to dom0"),
    ("event calls guest", "event channel hypercalls of the guest"),
    ("event calls dom0", "event channel hypercalls of dom0"),
    ("hypercalls guest", "all hypercalls of the guest"),
    ("hypercalls dom0", "all hypercalls of dom0"),
    ("grant calls", "grant table hypercalls of both"),
    ("domain switches", "times that Xen switched to another domain"),
    ("switches guest", "context switches in the guest"),
    ("switches dom0", "context switches in dom0"),
    ("allocations guest", "allocations of the guest's kernel"),
    ("allocations dom0", "allocations of dom0's kernel"),
    ("ring bytes", "bytes of messages to and from xen-9pback"),
    ("cpu guest", "CPU time of the guest, us"),
    ("cpu dom0", "CPU time of dom0, us"),
]

COPIES = ("the kernel's copying functions cannot be traced, and only xen-9pback's messages can "
          "be measured instead")


class Counted:
    """What was counted around one measurement."""

    def __init__(self):
        self.seen = {}
        self.cpu = {}
        self.trace = None
        self.broken = ""

    def add(self, record):
        when = record["about"][0]
        self.seen[record["counters"], when] = counters.parse(record["text"])
        if "cpu_ns" in record:
            self.cpu[when] = record["cpu_ns"]

    def totals(self):
        """All differences, by metric."""
        found = {}
        for who in ("guest", "dom0"):
            if (who, "begin") in self.seen and (who, "end") in self.seen:
                gained = counters.difference(self.seen[who, "begin"], self.seen[who, "end"])
                for name in ("events", "switches", "allocations"):
                    if name in gained:
                        found[f"{name} {who}"] = gained[name]
                for name in ("requests", "rpc"):
                    if gained.get(name):
                        found["messages"] = gained[name]
                if gained.get("ring bytes"):
                    found["ring bytes"] = gained["ring bytes"]
        for who in ("guest", "dom0"):
            if all(who in self.cpu.get(when, {}) for when in ("begin", "end")):
                found[f"cpu {who}"] = (self.cpu["end"][who] - self.cpu["begin"][who]) / 1000
        return found

    def read_trace(self, data):
        """Add what Xen's own trace says."""
        try:
            calls, switches = xentrace.count(data)
        except xentrace.TraceError as error:
            self.broken = str(error)
            return
        self.trace = {"domain switches": switches, "grant calls": 0}
        for who in ("guest", "dom0"):
            for name in ("hypercalls", "event calls"):
                self.trace[f"{name} {who}"] = 0
        for (domain, name), number in calls.items():
            who = "guest" if domain else "dom0"
            self.trace[f"hypercalls {who}"] += number
            if name == "event_channel_op":
                self.trace[f"event calls {who}"] += number
            elif name == "grant_table_op":
                self.trace["grant calls"] += number


# Which metrics tracing would distort, and which only tracing has
FROM_COSTS = {"events guest", "events dom0", "switches guest", "switches dom0", "cpu guest",
              "cpu dom0"}

# What "nothing" has none of
OF_WORK = {"messages", "ring bytes"}


def _of_pass(name, counted):
    """A pass's totals of one work, those that are to be taken from it."""
    if name == "costs":
        return {k: v for k, v in counted.totals().items() if k in FROM_COSTS}
    found = {k: v for k, v in counted.totals().items() if k not in FROM_COSTS}
    return {**found, **(counted.trace or {})}


def _gather(records, traces):
    """Counted by (target, mode), pass and work; and the operations of each."""
    found, ops, missing = {}, {}, {}
    for record in records:
        if record.get("pass") not in ("costs", "traced"):
            continue
        place = (record["target"], record["mode"])
        if "counters" in record:
            key = (record["pass"], record["about"][1])
            found.setdefault(place, {}).setdefault(key, Counted()).add(record)
        elif "ops" in record:
            ops[place, record["pass"], record["work"]] = record["ops"]
        elif "missing" in record:
            missing[place, record["pass"], record["work"]] = record["missing"]
        elif "failed" in record:
            missing[place, record["pass"], None] = record["failed"]
    for place, by_pass in found.items():
        for (kind, work), counted in by_pass.items():
            if kind == "traced":
                data = traces(place[0], work)
                if data is None:
                    counted.broken = "there is no trace of Xen's"
                else:
                    counted.read_trace(data)
    return found, ops, missing


def _why(metric, kind, place, work, target, missing, counted):
    reason = missing.get((place, kind, work)) or missing.get((place, kind, None))
    if reason:
        return reason
    if counted is None:
        return "this was not counted"
    if counted.broken and metric in ("domain switches", "grant calls") or \
            metric.startswith(("hypercalls", "event calls")):
        return counted.broken or "there is no trace of Xen's"
    if metric == "ring bytes":
        return COPIES
    return f"the kernel did not count this for {target}"


def of(records, works, places, traces):
    """Costs per operation: a list of dicts with "per_op" and "missing".

    works: what was to be counted; places: (target, mode) of each target;
    traces(target, work): the bytes of a trace, or None.
    """
    found, ops, missing = _gather(records, traces)
    result = []
    for place in places:
        for work in works:
            if work == "nothing":
                continue
            entry = {"target": place[0], "mode": place[1], "work": work,
                     "per_op": {}, "missing": {}}
            for kind in ("costs", "traced"):
                _fill(entry, kind, place, found, ops, missing)
            result.append(entry)
    return result


def _fill(entry, kind, place, found, ops, missing):
    work = entry["work"]
    counted = found.get(place, {}).get((kind, work))
    base = found.get(place, {}).get((kind, "nothing"))
    count = ops.get((place, kind, work))
    totals = _of_pass(kind, counted) if counted and count else {}
    empty = _of_pass(kind, base) if base else {}
    for metric, _ in METRICS:
        if (metric in FROM_COSTS) != (kind == "costs"):
            continue
        if metric in totals and (metric in empty or metric in OF_WORK):
            entry["per_op"][metric] = (totals[metric] - empty.get(metric, 0)) / count
        else:
            entry["missing"][metric] = _why(metric, kind, place, work, place[0], missing, counted)

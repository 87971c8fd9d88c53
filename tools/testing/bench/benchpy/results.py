# SPDX-License-Identifier: GPL-2.0
"""Turns what a boot brought home into results, and misses what is not there."""

import json
import statistics

from . import costs, plan

FORMAT = 1


def read(path):
    """The records of a boot; those before a line that is not whole."""
    found = []
    if not path.exists():
        return found
    for line in path.read_text(errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def summary(samples):
    return {"median": statistics.median(samples), "low": min(samples), "high": max(samples)}


def _reason(records, where, work, procs, status):
    """Why there is no figure."""
    target, mode = where
    mine = [r for r in records if r.get("pass") == "speed" and r.get("target") == target
            and r.get("mode") == mode]
    for record in mine:
        if record.get("work") == work and record.get("procs") == procs and "missing" in record:
            said = record["missing"]
            why = [r["failed"] for r in mine if "failed" in r]
            return f"{said}. {why[0]}" if why else said
    for record in mine:
        if "failed" in record:
            return record["failed"]
    if not any("target" in r for r in records):
        return f"the machine brought no result at all (the rig ended with {status})"
    return f"the boot ended before it was measured (the rig ended with {status})"


def speed(boot, records, groups, status):
    """A result for each work of each target, with its samples or a reason."""
    samples, units = {}, {}
    for record in records:
        if record.get("pass") == "speed" and "seconds" in record:
            key = (record["target"], record["mode"], record["work"], record["procs"])
            samples.setdefault(key, []).append(record["seconds"] * 1e6 / record["ops"])
            units[key] = record["bytes"] / record["ops"]
    found = []
    for step in boot.job["steps"]:
        if step["pass"] != "speed":
            continue
        for key in plan.wanted(boot, step, works_of(step, groups)):
            target, mode, work, procs = key
            one = {"boot": boot.name, "target": target, "mode": mode, "work": work,
                   "group": groups[work], "procs": procs}
            if key not in samples:
                one["missing"] = _reason(records, (target, mode), work, procs, status)
            else:
                one.update(samples=samples[key], **summary(samples[key]))
                if one["group"] == "data":
                    one["block"] = units[key]
                if len(samples[key]) < step["rounds"]:
                    one["incomplete"] = (f"{len(samples[key])} of {step['rounds']} rounds: "
                                         + _reason(records, (target, mode), work, procs, status))
            found.append(one)
    return found


def works_of(step, groups):
    """The names of a step's works, in the program's order."""
    words = step["works"].split(",")
    return [work for work, group in groups.items()
            if "*" in words or work in words or group in words]


def counted(boot, records, groups, folder):
    """The costs that a boot was to count."""
    steps = [step for step in boot.job["steps"] if step["pass"] == "costs"]
    if not steps:
        return []
    places = [(target, mode) for target in boot.job["targets"] if target in plan.IN_GUEST
              for mode in plan.modes_of(target, steps[0])]

    def trace(target, work):
        path = folder / "trace" / f"{target}-{work}-1-0"
        return path.read_bytes() if path.exists() else None

    found = costs.of(records, works_of(steps[0], groups), places, trace)
    for one in found:
        one["boot"] = boot.name
    return found


def _place(one):
    return " ".join(part for part in (one["boot"], one["target"], one["mode"]) if part)


def missing(document):
    """Everything that has no figure: (what, why), with one reason told once."""
    found = {}
    for one in document["results"]:
        if "missing" in one or "incomplete" in one:
            why = one.get("missing") or one["incomplete"]
            found.setdefault((_place(one), "", why), []).append(_what(one))
    for one in document["costs"]:
        for metric, why in one["missing"].items():
            if why != costs.COPIES:
                names = found.setdefault((_place(one), "costs of ", why), [])
                if one["work"] not in names:
                    names.append(one["work"])
    for (place, kind, why), names in found.items():
        yield f"{place}: {kind}{', '.join(names)}", why
    for boot in document["boots"]:
        if boot["status"]:
            yield f"boot {boot['name']}", f"the rig ended with {boot['status']}: see {boot['logs']}"


def _what(one):
    return one["work"] + (f" x{one['procs']}" if one.get("procs", 1) != 1 else "")


def name_of(one):
    """How a result is called."""
    return f"{_place(one)} {_what(one)}"

# SPDX-License-Identifier: GPL-2.0
"""Tells what changed between two results, beyond noise.

A change is what exceeds the spread of both, and a floor besides: two boots of
the same thing differ by that much.
"""

from . import results, table

# Two boots in counted time agree within this; in plain emulation they hardly do
FLOOR = {True: 0.05, False: 0.25}
COST_FLOOR = 0.10
# Counts as small as this, an operation, are the measuring's own
COST_SMALL = 0.5


def _spread(one):
    return (one["high"] - one["low"]) / one["median"]


def _keyed(document):
    return {results.name_of(one): one for one in document["results"]}


def _counted(document):
    return {boot["name"]: boot["counted"] for boot in document["boots"]}


def _one(name, old, new, floor):
    """(kind, line) if this changed."""
    if "missing" in new and "missing" not in old:
        return "gone", f"{name}: gone: {new['missing']}"
    if "missing" in old and "missing" not in new:
        return "new", f"{name}: there is a figure now: {table.number(new['median'])} us"
    if "missing" in old:
        return None
    change = new["median"] / old["median"] - 1
    noise = max(floor, _spread(old) + _spread(new))
    if abs(change) <= noise or abs(old["median"] / new["median"] - 1) <= noise:
        return None
    kind = "slower" if change > 0 else "faster"
    return kind, (f"{name}: {kind}: {table.number(old['median'])} -> "
                  f"{table.number(new['median'])} us ({change:+.0%}, noise {noise:.0%})")


def _cost(name, metric, old, new):
    if metric not in old["per_op"] or metric not in new["per_op"]:
        return None
    was, now = old["per_op"][metric], new["per_op"][metric]
    if abs(now - was) <= max(COST_SMALL, COST_FLOOR * abs(was)):
        return None
    kind = "dearer" if now > was else "cheaper"
    return kind, f"{name}: {metric}: {table.number(was)} -> {table.number(now)} each"


def changes(old, new):
    """Pairs of a kind of change and a line about it."""
    mine, other, counted = _keyed(old), _keyed(new), _counted(new)
    for name, one in mine.items():
        if name not in other:
            yield "gone", f"{name}: not measured any more"
            continue
        found = _one(name, one, other[name], FLOOR[counted[one["boot"]]])
        if found:
            yield found
    for name in other:
        if name not in mine:
            yield "new", f"{name}: not measured before"
    costs = {results.name_of(one): one for one in new["costs"]}
    for one in old["costs"]:
        name = results.name_of(one)
        for metric in one["per_op"] if name in costs else ():
            found = _cost(name, metric, one, costs[name])
            if found:
                yield found


WORSE = {"slower", "gone", "dearer"}


def report(old, new):
    """Lines to print, and whether anything became worse."""
    found = sorted(changes(old, new), key=lambda change: change[0])
    lines = [line for _, line in found]
    differ = [f"{name}: {old['versions'].get(name)} -> {new['versions'].get(name)}"
              for name in {**old["versions"], **new["versions"]}
              if old["versions"].get(name) != new["versions"].get(name)]
    work = [{boot["name"]: (boot["kernel"], boot["steps"]) for boot in d["boots"]}
            for d in (old, new)]
    if work[0] != work[1]:
        lines.append("mind that they are not the same work: another kernel, number of operations "
                     "or rounds")
    same = len(_keyed(old).keys() & _keyed(new).keys())
    lines.append(f"{same} results compared: {len(found)} changes beyond noise")
    lines += [f"mind that versions differ: {line}" for line in differ]
    return lines, any(kind in WORSE for kind, _ in found)

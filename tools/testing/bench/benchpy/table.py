# SPDX-License-Identifier: GPL-2.0
"""The table on the terminal: ours, and how many times as long others take."""

from . import costs


def number(value):
    """Three digits, whatever the size."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(one, base):
    """(median, lowest, highest) of how many times as long one takes as base."""
    return (one["median"] / base["median"], one["low"] / base["high"], one["high"] / base["low"])


def _spread(one):
    return (one["high"] - one["low"]) / one["median"] / 2 * 100


def _cell(one, base):
    if one is None:
        return "-"
    if "missing" in one:
        return "missing"
    if base is None or "missing" in base:
        return f"{number(one['median'])} us"
    middle, low, high = ratio(one, base)
    return f"x{number(middle)} ({number(low)}..{number(high)})"


def _own(one):
    if one is None:
        return "-"
    if "missing" in one:
        return "missing"
    if len(one["samples"]) == 1:
        return f"{number(one['median'])} us once"
    return f"{number(one['median'])} us ±{_spread(one):.0f}%"


def _grid(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip()


def _section(results, boot, mode, procs, title):
    """Lines of one table: a work a line, a target a column."""
    found = {(r["work"], r["target"]): r for r in results
             if r["boot"] == boot and r["procs"] == procs and r["mode"] in (mode, None)}
    works = list(dict.fromkeys(work for work, _ in found))
    targets = list(dict.fromkeys(target for _, target in found))
    others = [target for target in targets if target != "ours"]
    if not works:
        return
    yield ""
    yield title
    rows = [["work", *(["ours"] if "ours" in targets else []), *others]]
    for work in works:
        base = found.get((work, "ours"))
        row = [work, *([_own(base)] if "ours" in targets else [])]
        row += [_cell(found.get((work, other)), base) for other in others]
        rows.append(row)
    yield from _grid(rows)


def speed(document):
    for boot in document["boots"]:
        results = [r for r in document["results"] if r["boot"] == boot["name"]]
        modes = list(dict.fromkeys(r["mode"] for r in results if r["mode"])) or [None]
        for mode in modes:
            for procs in sorted({r["procs"] for r in results}):
                title = (f"{boot['name']} ({boot['text']}), cache={mode}, "
                         f"{procs} process{'es' if procs > 1 else ''}: time per operation; others "
                         "as multiples of ours (range)")
                yield from _section(results, boot["name"], mode, procs, title)


def cost(document):
    """A table for each target: a work a line, a metric a column."""
    by_target = {}
    for one in document["costs"]:
        by_target.setdefault((one["target"], one["mode"]), []).append(one)
    for (target, mode), those in by_target.items():
        yield ""
        yield f"{target}{f', cache={mode}' if mode else ''}: what an operation costs"
        rows = [["", *(one["work"] for one in those)]]
        for metric, _ in costs.METRICS:
            rows.append([metric, *(number(one["per_op"][metric]) if metric in one["per_op"]
                                   else "missing" for one in those)])
        yield from _grid(rows)


def lines(document):
    yield from speed(document)
    yield from cost(document)

# SPDX-License-Identifier: GPL-2.0
"""The plots: time by group of work, scaling over processes, what is spent."""

from . import costs, plan
from .svg import Drawing, LinearAxis, LogAxis
from .table import number

STYLE = {
    "ours": ("#0072b2", "circle"),
    "stock": ("#d55e00", "square"),
    "nfs": ("#009e73", "up"),
    "dom0-tmpfs": ("#555555", "diamond"),
    "dom0-ext4": ("#cc79a7", "down"),
}
OTHER = ("#e69f00", "square")

WIDTH = 920
LEFT, RIGHT = 130, 20
ROW = 34
GREY = "#d8d8d8"


def _targets(found):
    """The targets of some results, each once, in the plan's order."""
    names = {one["target"] for one in found}
    return [name for name in plan.TARGETS if name in names] + sorted(names - set(plan.TARGETS))


def style(target):
    return STYLE.get(target, OTHER)


def _legend(drawing, targets, x, y):
    for target in targets:
        color, shape = style(target)
        drawing.parts.append('<g class="legend">')
        before = drawing.marks
        drawing.mark(shape, x, y - 4, color, target)
        drawing.marks = before
        drawing.parts[-1] = drawing.parts[-1].replace('class="mark"', "")
        drawing.text(x + 10, y, target, class_="label")
        drawing.parts.append("</g>")
        x += 32 + 7.2 * len(target)


def _grid(drawing, axis, top, bottom):
    for value, label, main in axis.ticks():
        x = axis.at(value)
        drawing.line(x, top, x, bottom, stroke=GREY if main else "#f0f0f0")
        if label:
            drawing.text(x, bottom + 16, label, class_="tick", text_anchor="middle")


def _row(drawing, axis, y, work, entries, right):
    """One work: every target's figure with its range, or that it is missing."""
    drawing.text(LEFT - 10, y + 4, work, class_="label", text_anchor="end")
    there = [e for e in entries if "missing" not in e]
    for place, one in enumerate(there):
        color, shape = style(one["target"])
        at = y + (place - (len(there) - 1) / 2) * 4
        if one["high"] > one["low"]:
            drawing.line(axis.at(one["low"]), at, axis.at(one["high"]), at, stroke=color,
                         stroke_width=3, opacity=0.5)
        drawing.mark(shape, axis.at(one["median"]), at, color,
                     f"{one['target']}: {number(one['median'])} us "
                     f"({number(one['low'])} to {number(one['high'])})")
    gone = [e["target"] for e in entries if "missing" in e]
    if gone:
        drawing.text(right, y - 8, f"missing: {', '.join(gone)}", class_="missing",
                     text_anchor="end")


def dots(results, caption):
    """Time per operation of some works, on a logarithmic axis."""
    works = list(dict.fromkeys(r["work"] for r in results))
    targets = _targets(results)
    top, bottom = 34, 34 + ROW * len(works)
    drawing = Drawing(WIDTH, bottom + 44, caption)
    _legend(drawing, targets, LEFT, 18)
    values = [r[k] for r in results if "missing" not in r for k in ("low", "high")]
    axis = LogAxis(values or [1, 10], LEFT, WIDTH - RIGHT)
    _grid(drawing, axis, top, bottom)
    for row, work in enumerate(works):
        y = top + ROW * (row + 0.5)
        if row:
            drawing.line(LEFT, y - ROW / 2, WIDTH - RIGHT, y - ROW / 2, stroke="#f0f0f0")
        _row(drawing, axis, y, work, [r for r in results if r["work"] == work], WIDTH - RIGHT)
    drawing.text((LEFT + WIDTH - RIGHT) / 2, bottom + 36, "microseconds per operation "
                 "(logarithmic, left is better)", class_="axis", text_anchor="middle")
    return drawing.figure(caption)


def _speedup(results, target, work):
    """How many times the work of one process so many do: (procs, low, middle, high)."""
    mine = {r["procs"]: r for r in results if r["target"] == target and r["work"] == work
            and "missing" not in r}
    base = mine.get(1)
    if not base:
        return []
    return [(procs, base["median"] / r["high"], base["median"] / r["median"],
             base["median"] / r["low"]) for procs, r in sorted(mine.items())]


def _panel(drawing, results, work, box):
    x, y, width, height = box
    targets = _targets(results)
    curves = {target: _speedup(results, target, work) for target in targets}
    procs = sorted({r["procs"] for r in results if r["work"] == work})
    tops = [point[3] for curve in curves.values() for point in curve]
    axis = LinearAxis([*tops, 2], y + height, y)
    drawing.text(x + width / 2, y - 8, work, class_="label", text_anchor="middle")
    for value, label, _ in axis.ticks():
        drawing.line(x, axis.at(value), x + width, axis.at(value), stroke=GREY)
        drawing.text(x - 6, axis.at(value) + 4, label, class_="tick", text_anchor="end")
    places = {n: x + 14 + (width - 28) * i / max(len(procs) - 1, 1)
              for i, n in enumerate(procs)}
    for n, at in places.items():
        drawing.text(at, y + height + 16, str(n), class_="tick", text_anchor="middle")
    for target, curve in curves.items():
        color, shape = style(target)
        drawing.curve([(places[n], axis.at(middle)) for n, _, middle, _ in curve], stroke=color,
                      stroke_width=1.5)
        for n, low, middle, high in curve:
            drawing.line(places[n], axis.at(low), places[n], axis.at(high), stroke=color,
                         stroke_width=3, opacity=0.4)
            drawing.mark(shape, places[n], axis.at(middle), color,
                         f"{target}, {n} processes: x{middle:.2f} ({low:.2f} to {high:.2f})", 4)


def scaling(results, caption):
    """How much more several processes get done than one, a panel a work."""
    works = list(dict.fromkeys(r["work"] for r in results))
    targets = _targets(results)
    columns = min(4, len(works))
    rows = -(-len(works) // columns)
    wide, tall = WIDTH / columns, 200
    drawing = Drawing(WIDTH, 40 + rows * tall + 20, caption)
    _legend(drawing, targets, 40, 18)
    for place, work in enumerate(works):
        box = (wide * (place % columns) + 40, 58 + tall * (place // columns), wide - 56,
               tall - 60)
        _panel(drawing, results, work, box)
    drawing.text(WIDTH / 2, 40 + rows * tall + 10, "processes; work done by all of them, as a "
                 "multiple of what one does (higher is better)", class_="axis",
                 text_anchor="middle")
    return drawing.figure(caption)


def _bars(drawing, metric, works, by_target, box):
    x, y, width, _ = box
    values = [one["per_op"][metric] for those in by_target.values() for one in those.values()
              if metric in one["per_op"]]
    row = 10 * len(by_target) + 8
    bottom = y + row * len(works)
    axis = LinearAxis(values or [1], x, x + width)
    _grid(drawing, axis, y, bottom)
    for place, work in enumerate(works):
        at = y + row * place + 4
        drawing.text(x - 8, at + row / 2, work, class_="label", text_anchor="end")
        for index, (target, those) in enumerate(by_target.items()):
            _bar(drawing, axis, at + 10 * index, target, those.get(work), metric)


def _bar(drawing, axis, y, target, one, metric):
    color, _ = style(target)
    if one is None or metric not in one["per_op"]:
        drawing.text(axis.start + 4, y + 9, "missing", class_="missing small", fill=color)
        return
    value = one["per_op"][metric]
    drawing.marks += 1
    drawing.add("rect", class_="mark", tip=f"{target}: {number(value)}", x=axis.start, y=y + 1,
                width=round(max(axis.at(value) - axis.start, 0.5), 1), height=8, fill=color)
    drawing.text(axis.at(value) + 4, y + 9, number(value), class_="small")


def spending(entries, metrics, caption):
    """What an operation costs, a panel a metric, two in a row."""
    works = list(dict.fromkeys(one["work"] for one in entries))
    by_target = {target: {one["work"]: one for one in entries if one["target"] == target}
                 for target in _targets(entries)}
    tall = (10 * len(by_target) + 8) * len(works) + 70
    rows = -(-len(metrics) // 2)
    drawing = Drawing(WIDTH, 40 + tall * rows, caption)
    _legend(drawing, by_target, 100, 18)
    said = dict(costs.METRICS)
    for place, metric in enumerate(metrics):
        x, y = 100 + 460 * (place % 2), 60 + tall * (place // 2)
        drawing.text(x, y - 8, said[metric], class_="label")
        _bars(drawing, metric, works, by_target, (x, y, 310, tall))
    return drawing.figure(caption)

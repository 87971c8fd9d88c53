# SPDX-License-Identifier: GPL-2.0
"""Drawing: a little of SVG, and the two kinds of axis that plots need."""

import html
import math


def _attributes(values):
    return "".join(f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
                   for name, value in values.items())


class Drawing:
    """An SVG picture that is built piece by piece."""

    def __init__(self, width, height, label):
        self.width, self.height = width, height
        self.label = label
        self.parts = []
        self.marks = 0

    def add(self, name, text=None, tip=None, **values):
        inside = f"<title>{html.escape(tip)}</title>" if tip else ""
        inside += html.escape(text) if text is not None else ""
        self.parts.append(f"<{name}{_attributes(values)}>{inside}</{name}>")

    def line(self, x1, y1, x2, y2, **values):
        self.add("line", x1=round(x1, 1), y1=round(y1, 1), x2=round(x2, 1), y2=round(y2, 1),
                 **values)

    def text(self, x, y, text, **values):
        self.add("text", text, x=round(x, 1), y=round(y, 1), **values)

    def mark(self, shape, x, y, color, tip, size=5):
        """A point of data: in a shape of its own, for those who see no colours."""
        self.marks += 1
        points = {
            "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
            "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
            "up": [(0, -1.2), (1.2, 1), (-1.2, 1)],
            "down": [(0, 1.2), (1.2, -1), (-1.2, -1)],
        }
        if shape == "circle":
            self.add("circle", tip=tip, class_="mark", cx=round(x, 1), cy=round(y, 1),
                     r=size, fill=color)
            return
        where = " ".join(f"{x + size * a:.1f},{y + size * b:.1f}" for a, b in points[shape])
        self.add("polygon", tip=tip, class_="mark", points=where, fill=color)

    def curve(self, points, **values):
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.add("polyline", points=where, fill="none", **values)

    def figure(self, caption):
        """The whole, as a part of a page; data-marks says how much is drawn."""
        return (f'<figure class="plot" data-marks="{self.marks}"><figcaption>'
                f'{html.escape(caption)}</figcaption>'
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
                f'aria-label="{html.escape(self.label)}" width="{self.width}" '
                f'height="{self.height}" viewBox="0 0 {self.width} {self.height}">'
                + "".join(self.parts) + "</svg></figure>")


class LogAxis:
    """Maps values onto a line, whole decades at its ends."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = math.ceil(math.log10(max(values)))
        if self.high == self.low:
            self.high += 1
        self.start, self.end = start, end

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        """Triples of a value, its label, and whether it is a main one."""
        for power in range(self.low, self.high + 1):
            yield 10 ** power, _plain(10 ** power), True
            if power < self.high:
                for part in range(2, 10):
                    yield part * 10 ** power, "", False


class LinearAxis:
    """Maps values onto a line that begins at zero."""

    def __init__(self, values, start, end):
        top = max(max(values), 1e-9)
        step = 10 ** math.floor(math.log10(top))
        for part in (0.2, 0.5, 1, 2):
            if top / (step * part) <= 5:
                step *= part
                break
        self.step = step
        self.top = math.ceil(top / step - 1e-9) * step
        self.start, self.end = start, end

    def at(self, value):
        return self.start + max(value, 0) / self.top * (self.end - self.start)

    def ticks(self):
        for number in range(round(self.top / self.step) + 1):
            yield number * self.step, _plain(number * self.step), True


def _plain(value):
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    if value >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:g}"

"""A chart with two axes, drawn as SVG; its values can be read with a pointer and with the arrow keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from groundhog_otel.html.markup import Html, joined, number, tag
from groundhog_otel.html.scales import Scale

__all__ = ("WIDE", "Plot")

WIDE: Final = 1060.0
"""The whole width of a page, in pixels."""

_FLAG: Final = 15.0
"""The height of a flag's row."""
_FLAG_WIDE: Final = 110.0
"""Room for the text of a flag."""

Points = Sequence[tuple[float, float]]


class Plot:
    """Collects marks between two axes. Sizes are in pixels of a screen on which the page has its full width."""

    def __init__(
        self, *, title: str, x: Scale, y: Scale, x_label: str, y_label: str, width: float = 520, height: float = 290,
        top: float = 26,
    ) -> None:  # fmt: skip
        self._title, self._x, self._y = title, x, y
        self._labels = (x_label, y_label)
        self._width, self._height = width, height
        self._left, self._right, self._top, self._bottom = 62.0, width - 16.0, top, height - 42.0
        self._marks: list[Html] = []
        self._above: list[Html] = []
        self._legend: list[Html] = []
        self._hover: list[tuple[float, str]] = []

    def line(self, points: Points, name: str, *, style: str) -> None:
        """Draw a line through points."""
        self.lines([points], name, style=style)

    def lines(self, pieces: Iterable[Points], name: str, *, style: str) -> None:
        """Draw a line that is broken; a piece of one point is a dot."""
        drawn = "".join(f"{self._path(points)}{'h0' if len(points) == 1 else ''}" for points in pieces if points)
        if drawn:
            self._marks.append(tag("path", d=drawn, class_=f"line {style}"))
            self._named(name, style)

    def steps(self, edges: Sequence[tuple[float, float, float]], name: str, *, style: str) -> None:
        """Draw a line that stays level from a first to a second x."""
        self.line([point for start, end, y in edges for point in ((start, y), (end, y))], name, style=style)

    def bars(self, edges: Sequence[tuple[float, float, float]], name: str, *, style: str) -> None:
        """Draw bars that stand on the axis, from a first to a second x."""
        for start, end, y in edges:
            if y > self._y.low:
                left, top = self._across(start), self._down(y)
                size = {"width": max(self._across(end) - left - 1, 1), "height": self._bottom - top}
                self._marks.append(tag("rect", x=left, y=top, class_=f"bar {style}", **size))
        self._named(name, f"block {style}")

    def between(self, lower: Points, upper: Points, name: str, *, style: str) -> None:
        """Fill what lies between two lines."""
        if lower and upper:
            outline = [*upper, *reversed(lower)]
            self._marks.append(tag("path", d=f"{self._path(outline)}Z", class_=f"band {style}"))
            self._named(name, f"block {style}")

    def dots(self, points: Points, name: str, *, style: str) -> None:
        """Draw a dot at each point."""
        self._marks.extend(
            tag("circle", cx=self._across(x), cy=self._down(y), r=3.5, class_=f"dot {style}") for x, y in points
        )
        self._named(name, f"round {style}")

    def intervals(self, points: Iterable[tuple[float, float, float]], name: str, *, style: str) -> None:
        """Draw an upright bar at an x from a low to a high value."""
        for x, low, high in points:
            across, top, bottom = self._across(x), self._down(high), self._down(low)
            ends = (f"M{number(across - 4)},{number(end)}h8" for end in (top, bottom))
            upright = f"M{number(across)},{number(top)}V{number(bottom)}"
            self._marks.append(tag("path", d=upright + "".join(ends), class_=f"interval {style}"))
        self._named(name, f"upright {style}")

    def limit(self, y: float, text: str) -> None:
        """Draw a bound across the chart."""
        down = self._down(y)
        self._marks.append(tag("path", d=f"M{number(self._left)},{number(down)}H{number(self._right)}", class_="limit"))
        above = down - 5 if down - 5 > self._top + 12 else down + 14
        self._marks.append(tag("text", text, x=self._left + 6, y=above, class_="limit-text"))

    def region(self, start: float, end: float, name: str) -> None:
        """Shade the chart from a first to a second x."""
        left, right = self._across(start), self._across(end)
        area = tag("rect", x=left, y=self._top, width=right - left, height=self._bottom - self._top, class_="region")
        self._marks.insert(0, area)
        self._named(name, "block region")

    def upright(self, x: float, text: str) -> None:
        """Draw a line across at an x, and say what it is."""
        across = self._across(x)
        self._marks.append(
            tag("path", d=f"M{number(across)},{number(self._top)}V{number(self._bottom)}", class_="upright")
        )
        late = across > (self._left + self._right) / 2
        place = {"x": across - 5 if late else across + 5, "y": self._bottom - 8}
        self._marks.append(tag("text", text, class_="upright-text", text_anchor="end" if late else "start", **place))

    def flags(self, places: Sequence[tuple[float, str]]) -> None:
        """Draw a line at each x, ascending, with what it is written above the chart: each on a row of its own.

        Whichever side the texts are on, no line begins above a text that it would cross.
        """
        late = self._across(places[-1][0]) > self._right - _FLAG_WIDE if places else False
        for row, (x, text) in enumerate(reversed(places) if late else places):
            across = self._across(x)
            to_left = late and across > self._left + _FLAG_WIDE
            self._flag(across, text, 12.0 + _FLAG * row, late=to_left, style="flag")

    def bound(self, x: float, text: str, *, late: bool) -> None:
        """Draw a bound upright across the chart, its text just above; ``late`` puts that to the left of it."""
        across = self._across(x)
        late = (late or across > self._right - _FLAG_WIDE) and across > self._left + _FLAG_WIDE / 2
        self._flag(across, text, self._top - 4, late=late, style="flag bound")

    def _flag(self, across: float, text: str, down: float, *, late: bool, style: str) -> None:
        at, anchor = (across - 4, "end") if late else (across + 4, "start")
        line = f"M{number(across)},{number(down - 9)}V{number(self._bottom)}"
        self._above.append(tag("path", d=line, class_=style))
        self._above.append(tag("text", text, x=at, y=down, class_=style, text_anchor=anchor))

    def readable(self, values: Iterable[tuple[float, str]]) -> None:
        """Say what to show for an x."""
        self._hover.extend((self._across(x), text) for x, text in values)

    def drawn(self) -> Html:
        """Return the chart with its title and legend."""
        hover = json.dumps(
            {"x": [round(x, 1) for x, _ in self._hover], "text": [text for _, text in self._hover]},
            separators=(",", ":"), ensure_ascii=False,
        )  # fmt: skip
        svg = tag(
            "svg",
            self._axes(),
            tag("g", self._marks, class_="marks"),
            tag("g", self._above) if self._above else "",
            tag("line", class_="cursor", y1=self._top, y2=self._bottom),
            viewbox=f"0 0 {number(self._width)} {number(self._height)}",
            role="img",
            aria_label=f"{self._title}. The arrow keys read its values." if self._hover else self._title,
            tabindex="0" if self._hover else None,
            data_hover=hover if self._hover else None,
        )
        reading = tag("output", class_="reading") if self._hover else ""
        legend = tag("div", self._legend, class_="legend") if self._legend else ""
        return tag("figure", tag("figcaption", self._title), legend, svg, reading)

    def _axes(self) -> Html:
        drawn: list[Html] = []
        for value, label in self._y.ticks:
            down = self._down(value)
            drawn += (
                tag("path", d=f"M{number(self._left)},{number(down)}H{number(self._right)}", class_="grid"),
                tag("text", label, x=self._left - 7, y=down + 4, text_anchor="end", class_="tick"),
            )
        room = -1e9
        for value, label in self._x.ticks:
            across = self._across(value)
            drawn.append(tag("path", d=f"M{number(across)},{number(self._bottom)}v5", class_="axis"))
            half = 3.6 * len(label)
            # A label that would touch the one before it is left out; its tick stays.
            if across - half > room and across + half < self._width:
                drawn.append(tag("text", label, x=across, y=self._bottom + 19, text_anchor="middle", class_="tick"))
                room = across + half + 4
        axis = f"M{number(self._left)},{number(self._top)}V{number(self._bottom)}H{number(self._right)}"
        x_label, y_label = self._labels
        return joined(
            drawn,
            tag("path", d=axis, class_="axis"),
            tag("text", x_label, x=self._right, y=self._height - 6, text_anchor="end", class_="label"),
            tag("text", y_label, x=4, y=13, class_="label"),
        )

    def _named(self, name: str, style: str) -> None:
        if name:
            self._legend.append(tag("span", tag("i", class_=f"swatch {style}"), name))

    def _path(self, points: Points) -> str:
        return "M" + "L".join(f"{number(self._across(x))},{number(self._down(y))}" for x, y in points)

    def _across(self, value: float) -> float:
        return self._left + self._x.at(value) * (self._right - self._left)

    def _down(self, value: float) -> float:
        return self._bottom - self._y.at(value) * (self._bottom - self._top)

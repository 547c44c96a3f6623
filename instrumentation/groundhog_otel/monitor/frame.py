"""One frame of ``groundhog top`` as lines of text. What does not fit is not made: the work is bounded by the screen."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from groundhog_otel.monitor.metrics import CollectedMetrics, OperationMetrics, ResourceMetrics
from groundhog_otel.report.units import amount, duration, rate, share, size

__all__ = ("ORDERS", "Order", "Screen", "draw")

Order = Literal["budget", "calls", "errors", "p99", "name"]
ORDERS: Final[tuple[Order, ...]] = ("budget", "calls", "errors", "p99", "name")
_ORDERED: Final[dict[Order, Callable[[OperationMetrics], Any]]] = {
    "budget": lambda one: -(one.p99_s or 0.0) / (one.budget.limit_s if one.budget is not None else math.inf),
    "calls": lambda one: -one.per_s,
    "errors": lambda one: (-one.error_rate, -one.error_count),
    "p99": lambda one: -(one.p99_s or 0.0),
    "name": lambda _: 0,
}
_Cells = tuple[str, ...]
_HEAD: Final[_Cells] = ("Operation", "Calls/s", "p50", "p99", "Budget", "", "Errors", "In flight")
_RIGHT: Final = (False, True, True, True, True, False, True, True)
_WIDTHS: Final = (0, 7, 7, 7, 7, 4, 6, 9)
"""Of all columns but the first, which has the rest."""
_LEAST_NAME: Final = 24
"""Before the first is narrower than that, the last ones go."""
_TELLING_S: Final = 300.0
"""What a few seconds have seen is nothing to tell of an hour."""
_STYLES: Final = {"bold": "\x1b[1m", "dim": "\x1b[2m", "red": "\x1b[1;31m", "off": "\x1b[0m"}


@dataclass(frozen=True, slots=True)
class Screen:
    """What there is to draw on."""

    width: int = 100
    height: int | None = None
    """Lines; None is as many as it takes."""
    colour: bool = False
    order: Order = "budget"
    keys: bool = False
    """Whether to say which keys there are."""


def draw(processes: Sequence[CollectedMetrics], screen: Screen, *, problem: str | None = None) -> list[str]:
    """Return the lines of a frame.

    Args:
        processes: What there is to show.
        screen: Where.
        problem: Why it is no newer than it is.
    """
    lines = [_cut(line, screen.width) for line in _about(processes)]
    if problem is not None:
        lines.append(_styled(_cut(problem, screen.width), "red", screen))
    rows = [(one, process) for process in processes for one in process.operations]
    room = len(rows) if screen.height is None else max(0, screen.height - len(lines) - 2 - screen.keys)
    key, by_name = _ORDERED[screen.order], _named(processes)
    shown = heapq.nsmallest(room, rows, key=lambda row: (key(row[0]), by_name(row)))
    lines.append("")
    lines.append(_styled(_line(_HEAD, screen.width), "dim", screen))
    for row in shown:
        text = _line(_cells(row[0], by_name(row)), screen.width)
        lines.append(_styled(text, "red", screen) if row[0].state == "over" else text)
    if not rows:
        lines.append(_cut("no operation yet", screen.width))
    if screen.keys:
        hidden = f"{amount(len(rows) - len(shown), 'operation')} more; " if len(rows) > len(shown) else ""
        lines.append(_styled(_cut(f"{hidden}q quits, s sorts (by {screen.order})", screen.width), "dim", screen))
    return lines if screen.height is None else lines[: screen.height]


def _about(processes: Sequence[CollectedMetrics]) -> Iterator[str]:
    """Yield two lines for each process, or one where there are several."""
    if not processes:
        yield "no process yet"
    for one in processes:
        title = _plain(one.service) + ("" if one.pid is None else f" ({one.pid})") + ("" if one.running else ", ended")
        figures = "  ".join(_figures(one))
        if len(processes) > 1:
            yield f"{title}  {figures}"
            continue
        exceeded = [budget.name for budget in one.health.exceeded]
        verdict = f"over budget: {', '.join(exceeded)}" if exceeded else f"budgets: {one.health.state}"
        yield f"{title}  last {duration(one.window_s)}  {verdict}"
        yield figures


def _figures(one: CollectedMetrics) -> Iterator[str]:
    cpu, memory = one.resource("process.cpu.utilization"), one.resource("process.memory.usage")
    yield f"CPU {share(cpu.last) if cpu is not None else '-'}"
    yield f"RSS {size(memory.last) if memory is not None else '-'}{_growth(memory)}"
    lag_s = one.loop_lag_s
    yield f"loop lag {'-' if lag_s is None else 'does not answer' if math.isinf(lag_s) else duration(lag_s)}"
    yield f"{rate(one.per_s)}"
    yield f"errors {share(one.error_rate)}"
    yield f"{one.in_flight} in flight"


def _growth(memory: ResourceMetrics | None) -> str:
    trend = None if memory is None else memory.trend
    if trend is None or not trend.certain or trend.over_s < _TELLING_S:
        return ""
    return f" ({'+' if trend.per_hour > 0 else '-'}{size(abs(trend.per_hour))}/h)"


def _cells(one: OperationMetrics, name: str) -> _Cells:
    return (
        name,
        rate(one.per_s),
        "-" if one.p50_s is None else duration(one.p50_s),
        "-" if one.p99_s is None else duration(one.p99_s),
        "-" if one.budget is None else duration(one.budget.limit_s),
        {"ok": "met", "over": "over", "unknown": ""}[one.state],
        share(one.error_rate) if one.error_count else "",
        str(one.in_flight or ""),
    )


def _named(processes: Sequence[CollectedMetrics]) -> Callable[[tuple[OperationMetrics, CollectedMetrics]], str]:
    """Return what a row is called: with its process and its side only where there are several."""
    several = len(processes) > 1
    both = {one.pid: len({operation.key.side for operation in one.operations}) > 1 for one in processes}

    def name(row: tuple[OperationMetrics, CollectedMetrics]) -> str:
        operation, process = row
        whose = f"{process.service}: " if several else ""
        side = f" ({operation.key.side})" if both[process.pid] else ""
        return _plain(f"{whose}{operation.key.name}{side}")

    return name


def _line(cells: _Cells, width: int) -> str:
    """Return the columns that there is room for, side by side."""
    widths = list(_WIDTHS)
    while len(widths) > 1 and width - sum(widths) - len(widths) + 1 < _LEAST_NAME:
        widths.pop()
    widths[0] = max(width - sum(widths) - len(widths) + 1, 1)
    parts = []
    for cell, wide, right in zip(cells, widths, _RIGHT, strict=False):
        cut = _cut(cell, wide)
        space = " " * (wide - _cells_of(cut))
        parts.append(space + cut if right else cut + space)
    return " ".join(parts).rstrip()


def _plain(text: str) -> str:
    """Return text that came from elsewhere without what would move the cursor."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def _cells_of(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - of the extra "tools", and seldom needed

    return cell_len(text)


def _cut(text: str, width: int) -> str:
    """Return as much of a text as fits, with an ellipsis for what does not."""
    if _cells_of(text) <= width:
        return text
    while text and _cells_of(text) > width - 1:
        text = text[: width - 1] if len(text) > width - 1 else text[:-1]
    return f"{text}…" if width > 0 else ""


def _styled(text: str, style: str, screen: Screen) -> str:
    return f"{_STYLES[style]}{text}{_STYLES['off']}" if screen.colour else text

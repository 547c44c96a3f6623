"""What a load test is doing, on a terminal while it does it, or now and then a line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from typing_extensions import Self

from groundhog_otel.load.reporting.terminal.printer import plain
from groundhog_otel.report.units import amount, duration, rate

__all__ = ("LiveProgress", "Progress")

_REDRAWN_S: Final = 0.25
"""A terminal is drawn no more often: each time takes the generator a millisecond or two."""
_LINE_S: Final = 5.0
_BAR: Final = 24


class Progress(Protocol):
    """How far a test is. Read-only."""

    @property
    def elapsed_s(self) -> float: ...  # noqa: D102
    @property
    def remaining_s(self) -> float: ...  # noqa: D102
    @property
    def started(self) -> int: ...  # noqa: D102
    @property
    def finished(self) -> int: ...  # noqa: D102
    @property
    def errors(self) -> int: ...  # noqa: D102
    @property
    def in_flight(self) -> int: ...  # noqa: D102
    @property
    def rate_now(self) -> float: ...  # noqa: D102
    @property
    def due_now(self) -> float | None: ...  # noqa: D102
    @property
    def p50_s(self) -> float | None: ...  # noqa: D102
    @property
    def p99_s(self) -> float | None: ...  # noqa: D102
    @property
    def connections(self) -> int: ...  # noqa: D102
    @property
    def workers(self) -> int: ...  # noqa: D102
    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102


class LiveProgress:
    """Shows progress on standard error; standard output belongs to results. To be called with each progress.

    What cannot be shown never ends a test: a terminal that is gone is left alone.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._live: Live | None = None
        self._next_s = 0.0
        self._gone = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            # Drawn only when there is something new, never by a thread of its own.
            self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._try(self._live.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._try(self._live.stop)

    def __call__(self, progress: Progress) -> None:
        """Show it, unless something was shown only just before."""
        now_s = time.monotonic()
        if self._gone or now_s < self._next_s:
            return
        if self._live is None:
            self._next_s = now_s + _LINE_S
            self._try(lambda: self._console.print(Text(self._plain(_line(progress))), soft_wrap=True))
        else:
            self._next_s = now_s + _REDRAWN_S
            drawn = self._drawn(progress)
            live = self._live
            self._try(lambda: live.update(drawn, refresh=True))

    def _try(self, show: Callable[[], object]) -> None:
        try:
            show()
        except (OSError, ValueError):  # the terminal is closed
            self._gone = True

    def _plain(self, text: str) -> str:
        return plain(text, self._console.encoding)

    def _drawn(self, progress: Progress) -> Group:
        whole_s = progress.elapsed_s + progress.remaining_s
        done = round(_BAR * min(progress.elapsed_s / whole_s, 1)) if whole_s > 0 else 0
        full, empty = ("█", "░") if self._console.encoding.startswith("utf") else ("#", ".")
        head = Text.assemble(
            (f"{full * done}{empty * (_BAR - done)} ", "cyan"),
            (f"{_clock(progress.elapsed_s)} of {_clock(whole_s)}", "bold"),
        )
        rows = [head, *(Text(self._plain(text), style) for text, style in _rows(progress))]
        for row in rows:
            row.no_wrap = True
            row.overflow = "ellipsis"
        return Group(*rows)


def _rows(progress: Progress) -> list[tuple[str, str]]:
    clients = f"{amount(progress.connections, 'connection')}, {amount(progress.workers, 'worker')}"
    rows = [
        (f"{progress.finished:,} answered, {progress.in_flight:,} under way, {clients}", ""),
        (f"{_rates(progress)}; {_latency(progress)}", ""),
    ]
    if progress.errors:
        rows.append((amount(progress.errors, "error"), "red"))
    return [*rows, *((note, "yellow") for note in progress.notes)]


def _line(progress: Progress) -> str:
    parts = (
        f"{progress.elapsed_s:.0f} s: {progress.finished:,} answered", amount(progress.errors, "error"),
        f"{progress.in_flight:,} under way", _rates(progress), _latency(progress), *progress.notes,
    )  # fmt: skip
    return "; ".join(parts)


def _rates(progress: Progress) -> str:
    due = "" if progress.due_now is None else f" of {rate(progress.due_now)} due"
    return f"{rate(progress.rate_now)}{due}"


def _latency(progress: Progress) -> str:
    if progress.p50_s is None or progress.p99_s is None:
        return "no answer just now"
    return f"p50 {duration(progress.p50_s)}, p99 {duration(progress.p99_s)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"

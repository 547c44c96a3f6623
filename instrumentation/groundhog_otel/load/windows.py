"""A test in slices. There are never more than a bound of them: in a longer test they become longer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from groundhog_otel.load.histograms import decoded, encoded, new_histogram, record
from groundhog_otel.load.result import Window

__all__ = ("MOST", "Windows", "merged_windows")

MOST: Final = 120


class _Slice:
    """One of them. Its histograms are kept as text once the next one has begun: 200 kB each would add up."""

    __slots__ = ("_open", "_texts", "count", "due", "errors")

    def __init__(self) -> None:
        self.count = self.errors = self.due = 0
        self._open: dict[str, Any] = {}
        self._texts: dict[str, str] = {}

    @classmethod
    def of(cls, window: Window) -> _Slice:
        made = cls()
        made.count, made.errors, made.due = window.count, window.errors, window.due
        made._texts = dict(window.response)
        return made

    def histogram(self, operation: str) -> Any:
        found = self._open.get(operation)
        if found is None:
            text = self._texts.pop(operation, None)
            found = self._open[operation] = new_histogram() if text is None else decoded(text)
        return found

    def add(self, other: _Slice) -> None:
        self.count += other.count
        self.errors += other.errors
        self.due += other.due
        for name, text in other.texts().items():
            self.histogram(name).add(decoded(text))

    def texts(self) -> dict[str, str]:
        """Close the histograms, and return them as text."""
        self._texts.update((name, encoded(histogram)) for name, histogram in self._open.items())
        self._open.clear()
        return self._texts


class Windows:
    """Counts by slice: requests in the one they ended in, rounds that are due in the one they are due in."""

    def __init__(self, length_s: float = 1.0) -> None:
        self.length_s = length_s
        self._slices: list[_Slice] = []

    def due(self, at_s: float) -> None:
        """Count a round that is due."""
        self._at(at_s).due += 1

    def record(self, at_s: float, operation: str, response_ns: int, *, failed: bool) -> None:
        """Count a request that ended."""
        one = self._at(at_s)
        one.count += 1
        one.errors += failed
        record(one.histogram(operation), response_ns)

    def _at(self, at_s: float) -> _Slice:
        index = int(max(at_s, 0.0) / self.length_s)
        while index >= MOST:
            self._double()
            index = int(max(at_s, 0.0) / self.length_s)
        while index >= len(self._slices):
            if self._slices:
                self._slices[-1].texts()
            self._slices.append(_Slice())
        return self._slices[index]

    def _double(self) -> None:
        self._slices = _joined(self._slices, 2)
        self.length_s *= 2

    def result(self) -> tuple[Window, ...]:
        """Return the slices, by time."""
        return _windows(self._slices, self.length_s)


def merged_windows(parts: Iterable[Sequence[Window]]) -> tuple[Window, ...]:
    """Return the sum of several workers' slices, at the length of the longest: they differ by doubling only."""
    parts = [part for part in parts if part]
    length_s = max((part[0].length_s for part in parts), default=1.0)
    total: list[_Slice] = []
    for part in parts:
        slices = _joined([_Slice.of(window) for window in part], round(length_s / part[0].length_s))
        total += [_Slice() for _ in range(len(slices) - len(total))]
        for mine, theirs in zip(total, slices, strict=False):
            mine.add(theirs)
    return _windows(total, length_s)


def _joined(slices: Sequence[_Slice], how_many: int) -> list[_Slice]:
    joined: list[_Slice] = []
    for index, one in enumerate(slices):
        if index % how_many == 0:
            joined.append(_Slice())
        joined[-1].add(one)
    for one in joined:
        one.texts()
    return joined


def _windows(slices: Sequence[_Slice], length_s: float) -> tuple[Window, ...]:
    return tuple(
        Window(
            index * length_s,
            length_s,
            one.count,
            one.errors,
            dict(one.texts()),
            one.due,
        )
        for index, one in enumerate(slices)
    )

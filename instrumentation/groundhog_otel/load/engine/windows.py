"""A test in slices: at most about a hundred, however long it is."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from math import ceil

from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.results.result import Window

__all__ = ("Windows", "window_count")

_MOST = 100
_FEWEST = 10
_LEAST_S = 0.1


def window_count(duration_s: float) -> int:
    """Return in how many equal slices a test is looked at: of a second, of less in a short test, of more in a long."""
    few = min(_FEWEST, ceil(duration_s / _LEAST_S))
    return max(1, few, min(_MOST, int(duration_s)))


@dataclass(slots=True)
class _Slice:
    count: int = 0
    errors: int = 0
    due: int = 0
    response: dict[str, Tally] = field(default_factory=dict)
    packed: dict[str, tuple[array[int], array[int]]] = field(default_factory=dict)
    """The same in a tenth of the memory, once the test has gone on to the next slice."""

    def pack(self) -> None:
        for operation, tally in self.latencies().items():
            self.packed[operation] = (array("Q", tally.keys()), array("Q", tally.values()))
        self.response.clear()

    def latencies(self) -> dict[str, Tally]:
        found = {operation: Tally(zip(*pair, strict=True)) for operation, pair in self.packed.items()}
        for operation, tally in self.response.items():
            found.setdefault(operation, Tally()).include(tally)
        return found


class Windows:
    """Counts requests in the slice in which they ended; those that end after the last start are in one slice more."""

    def __init__(self, duration_s: float) -> None:
        self._count = window_count(duration_s)
        self._duration_s = duration_s
        self._length_s = duration_s / self._count
        self._slices = [_Slice() for _ in range(self._count + 1)]
        self._now = self._slices[0]
        self._last_s = 0.0

    def due(self, at_s: float) -> None:
        """Count a request that was due at this time, from the end of the warm-up."""
        self._at(at_s).due += 1

    def ended(self, at_s: float, operation: str, response_ns: int, *, failed: bool) -> None:
        """Count a request that ended at this time."""
        one = self._at(at_s)
        if one is not self._now:
            self._now.pack()
            self._now = one
        one.count += 1
        one.errors += failed
        tally = one.response.get(operation)
        if tally is None:
            tally = one.response[operation] = Tally()
        tally.add_ns(response_ns)
        self._last_s = max(self._last_s, at_s)

    def result(self, until_s: float) -> tuple[Window, ...]:
        """Return the slices of a test that started requests until ``until_s``."""
        last_s = max(until_s, self._last_s)
        return tuple(
            Window(
                start_s=start_s,
                length_s=min(self._length_s, last_s - start_s) if number < self._count else last_s - start_s,
                count=one.count,
                errors=one.errors,
                response={operation: tally.encode() for operation, tally in sorted(one.latencies().items())},
                due=one.due,
            )
            for number, one in enumerate(self._slices)
            if (start_s := self._start_s(number)) < last_s or one.count or one.due
        )

    def _start_s(self, number: int) -> float:
        return self._duration_s * number / self._count

    def _at(self, at_s: float) -> _Slice:
        return self._slices[max(0, min(int(at_s / self._length_s), self._count))]

"""A test in slices: at most about a hundred, however long it is."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.results.result import Window

__all__ = ("Slice", "Windows", "window_count")

_MOST = 100
_FEWEST = 10
_LEAST_S = 0.1


def window_count(duration_s: float) -> int:
    """Return in how many equal slices a test is looked at: of a second, of less in a short test, of more in a long."""
    few = min(_FEWEST, ceil(duration_s / _LEAST_S))
    return max(1, few, min(_MOST, int(duration_s)))


class Latencies:
    """Latencies by operation."""

    __slots__ = ("_packed", "_tallies")

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}
        self._packed: dict[str, tuple[array[int], array[int]]] = {}
        """The same in a tenth of the memory, once the test has gone on to the next slice."""

    def add_ns(self, operation: str, duration_ns: int) -> None:
        """Count one."""
        tally = self._tallies.get(operation)
        if tally is None:
            tally = self._tallies[operation] = Tally()
        tally.add_ns(duration_ns)

    def pack(self) -> None:
        """Make it small, for the time being."""
        for operation, tally in self.tallies().items():
            self._packed[operation] = (array("Q", tally.keys()), array("Q", tally.values()))
        self._tallies.clear()

    def tallies(self) -> dict[str, Tally]:
        """Return what was counted."""
        found = {operation: Tally(zip(*pair, strict=True)) for operation, pair in self._packed.items()}
        for operation, tally in self._tallies.items():
            found.setdefault(operation, Tally()).include(tally)
        return found


@dataclass(slots=True)
class Slice:
    """What is counted in one of them."""

    count: int = 0
    errors: int = 0
    due: int = 0
    response: Latencies = field(default_factory=Latencies)
    service: Latencies = field(default_factory=Latencies)

    def pack(self) -> None:
        """Make it small."""
        self.response.pack()
        self.service.pack()


class Windows:
    """Counts requests in the slice in which they ended; those that end after the last start are in one slice more."""

    def __init__(self, duration_s: float, on_closed: Callable[[], None] | None = None) -> None:
        """``on_closed`` is called when a request has ended in a later slice than the one before it."""
        self._count = window_count(duration_s)
        self._duration_s = duration_s
        self._length_s = duration_s / self._count
        self._slices = [Slice() for _ in range(self._count + 1)]
        self._now = self._slices[0]
        self._number = 0
        self._last_s = 0.0
        self._on_closed = on_closed or (lambda: None)

    def due(self, at_s: float) -> None:
        """Count a request that was due at this time, from the end of the warm-up."""
        self._at(at_s).due += 1

    def ended(
        self, at_s: float, operation: str, response_ns: int, *, failed: bool, service_ns: int | None = None
    ) -> None:
        """Count a request that ended at this time; one without a service latency was never sent."""
        number = self._number_at(at_s)
        one = self._slices[number]
        if one is not self._now:
            self._now.pack()
            self._now, self._number = one, number
            self._on_closed()
        one.count += 1
        one.errors += failed
        one.response.add_ns(operation, response_ns)
        if service_ns is not None:
            one.service.add_ns(operation, service_ns)
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
                response={operation: tally.encode() for operation, tally in sorted(one.response.tallies().items())},
                due=one.due,
            )
            for number, one in enumerate(self._slices)
            if (start_s := self._start_s(number)) < last_s or one.count or one.due
        )

    def _start_s(self, number: int) -> float:
        return self._duration_s * number / self._count

    def response(self) -> dict[str, Tally]:
        """Return the response latencies of the whole test, by operation."""
        return _sums(one.response for one in self._slices)

    def service(self) -> dict[str, Tally]:
        """Return the service latencies."""
        return _sums(one.service for one in self._slices)

    @property
    def closed_s(self) -> float:
        """Until when slices are closed."""
        return self._start_s(self._number)

    def closed(self, first: int) -> tuple[Slice, ...]:
        """Return the slices that are closed, from one on."""
        return tuple(self._slices[first : self._number])

    def put(self, slices: Sequence[Slice]) -> None:
        """Take the first slices from elsewhere."""
        self._slices[: len(slices)] = slices

    def _at(self, at_s: float) -> Slice:
        return self._slices[self._number_at(at_s)]

    def _number_at(self, at_s: float) -> int:
        return max(0, min(int(at_s / self._length_s), self._count))


def _sums(slices: Iterable[Latencies]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for one in slices:
        for operation, tally in one.tallies().items():
            found.setdefault(operation, Tally()).include(tally)
    return found

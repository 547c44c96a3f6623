"""What is measured at the end of each window of calls: memory as a whole, by line, and by type.

Kept as columns of numbers: a profiler that looks for growth must not grow by as much.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping
from time import monotonic
from typing import Final, Generic, TypeVar

import psutil

from groundhog_otel.profiling.memory.heap.objects import every_object, name_of_type, size_of, sums_by_type
from groundhog_otel.profiling.memory.traces import Place, in_use

__all__ = ("Columns", "History", "resident_bytes")

_COLUMN: Final = name_of_type(array)
_Key = TypeVar("_Key", bound=Hashable)


class Columns(Generic[_Key]):
    """Bytes by key, one for each measurement."""

    def __init__(self) -> None:
        self._rows: dict[_Key, array[int]] = {}
        self._length = 0

    def add(self, sums: Mapping[_Key, tuple[int, int]]) -> None:
        """Add a measurement: objects and bytes by key, of which the bytes are kept."""
        for key in sums:
            if key not in self._rows:
                self._rows[key] = array("q", bytes(8 * self._length))
        for key, row in self._rows.items():
            row.append(sums[key][1] if key in sums else 0)
        self._length += 1

    def forget(self) -> None:
        """Forget the measurements and keep the keys: these are objects, too, and the first measurement makes most."""
        for row in self._rows.values():
            del row[:]
        self._length = 0

    def columns(self) -> Iterable[array[int]]:
        """Return what the measurements are kept in."""
        return self._rows.values()

    def grown(self) -> Iterator[tuple[_Key, array[int]]]:
        """Yield those that have more now than at first."""
        return ((key, row) for key, row in self._rows.items() if row[-1] > row[0])


class History:
    """Everything measured since the warm-up, a column for each measurement."""

    def __init__(self) -> None:
        self.calls = array("q")
        self.times_s = array("d")
        """By the monotonic clock, when the measurement began."""
        self.pauses_s = array("d")
        """How long each has taken, during which nothing else ran."""
        self.memory = array("q")
        """Bytes that Python has allocated since the start and that are in use after a collection."""
        self.resident = array("q")
        self.places: Columns[Place] = Columns()
        self.types: Columns[str] = Columns()

    @property
    def windows(self) -> int:
        """How many windows lie between the measurements."""
        return max(0, len(self.calls) - 1)

    def measure(self, calls: int) -> None:
        """Collect garbage and measure; stops this thread, and with it all Python code, for about a second a million
        objects.
        """
        begun = monotonic()
        if not self.calls:
            self._look()
            self.places.forget()
            self.types.forget()
        memory, resident = self._look()
        self.calls.append(calls)
        self.times_s.append(begun)
        self.memory.append(memory)
        self.resident.append(resident)
        self.pauses_s.append(monotonic() - begun)

    def _look(self) -> tuple[int, int]:
        gc.collect()
        resident, traced = resident_bytes(), in_use()
        self.places.add(traced)
        types = sums_by_type(every_object())
        columns = [*self.places.columns(), *self.types.columns()]
        count, size = types[_COLUMN]
        types[_COLUMN] = count - len(columns), size - sum(map(size_of, columns))
        self.types.add(types)
        return sum(size for _, size in traced.values()), resident


def resident_bytes() -> int:
    """Return the memory that only this process uses; where the system does not say, what it has resident."""
    process = psutil.Process()
    try:
        return int(process.memory_full_info().uss)
    except (psutil.Error, AttributeError):
        return int(process.memory_info().rss)

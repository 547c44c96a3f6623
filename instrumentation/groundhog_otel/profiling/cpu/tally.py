"""Samples added up: looks at one stack, on behalf of one operation, are one sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from groundhog_otel.profiling.model import Link, Sample, Stack, State, ValueType

__all__ = ("VALUE_TYPES", "Tally")

VALUE_TYPES: Final = (ValueType("wall", "nanoseconds"), ValueType("cpu", "nanoseconds"))

_Key = tuple[tuple[int, ...], "Link | None", "State", str]


class _Entry:
    __slots__ = ("cpu_ns", "stack", "time_ns", "wall_ns")

    def __init__(self, stack: Stack, time_ns: int) -> None:
        self.stack = stack  # holds the frames whose ids are in the key
        self.time_ns = time_ns
        self.wall_ns = self.cpu_ns = 0


class Tally:
    """Wall and CPU nanoseconds by stack, operation, state and thread; ``limit`` bounds how many it tells apart."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left_out_ns = 0
        """Wall nanoseconds of what came when it was full."""
        self._entries: dict[_Key, _Entry] = {}

    def add(
        self, stack: Stack, link: Link | None, state: State, thread: str, *, wall_ns: int, cpu_ns: int, time_ns: int
    ) -> None:
        """Add one look."""
        key = tuple(map(id, stack)), link, state, thread
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= self.limit:
                self.left_out_ns += wall_ns
                return
            entry = self._entries[key] = _Entry(stack, time_ns)
        entry.wall_ns += wall_ns
        entry.cpu_ns += cpu_ns

    def take_in(self, other: Tally) -> None:
        """Add what another has."""
        for (_, link, state, thread), one in other._entries.items():
            self.add(one.stack, link, state, thread, wall_ns=one.wall_ns, cpu_ns=one.cpu_ns, time_ns=one.time_ns)
        self.left_out_ns += other.left_out_ns

    def clear(self) -> None:
        """Forget the samples; what was left out stays counted."""
        self._entries.clear()

    def samples(self) -> Iterator[Sample]:
        """Yield what there is."""
        for (_, link, state, thread), one in self._entries.items():
            yield Sample(one.stack, (one.wall_ns, one.cpu_ns), link, state, thread, one.time_ns)

"""The CPU profiler, as programs use it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from typing import Final, Literal

from groundhog_otel.profiling.cpu.hotspots import Hotspots, analyze_hotspots
from groundhog_otel.profiling.cpu.session import ProfileSession
from groundhog_otel.profiling.cpu.targets import Targets
from groundhog_otel.profiling.model import Sample

__all__ = ("CpuProfiler",)

_LIGHT_INTERVAL_S: Final = 0.1
_LIGHT_SHARE: Final = 0.01
_LIGHT_SUSPENDED: Final = 8
_SHORTEST_S: Final = 0.0005
_LONGEST_S: Final = 10.0


class CpuProfiler:
    """Says which line of which tool takes the time, by looking at all threads at intervals.

    ``interval_s`` is the time between two looks, on average. ``tools``, ``calls`` and ``over_s`` choose operations, as
    :class:`Targets` says; then everything else is left out, and nothing is looked at while none of them is under way.
    ``outside=False`` does the same for all operations; by default what the process does apart from them is sampled too.
    ``duration_s`` ends the profile by itself. ``sink`` gets the samples as they come. ``switch_interval_s`` is what
    ``sys.setswitchinterval`` is set to while there is something to look at; None leaves it alone, and then of what
    computes for less than 5 ms at a time hardly anything is seen. A short one costs programs whose threads hand
    work to each other: some 15 % where each call is a ``def`` tool that does next to nothing.
    ``blocking_s`` is how long a coroutine must keep its event loop to be named for it. ``most_samples`` bounds what is
    kept in memory, ``most_suspended`` how many suspended operations are looked at each time; they take turns.
    ``most_share`` is the share of the CPU time of the process that the profiler's thread may take (of a fifth of a CPU,
    where the process uses less): where looks cost more, there are fewer..

    Raises ``ValueError`` for a number that is out of bounds.
    """

    def __init__(
        self,
        *,
        interval_s: float = 0.01,
        tools: Collection[str] = (),
        calls: int | None = None,
        over_s: float | Literal["budget"] | None = None,
        outside: bool = True,
        duration_s: float | None = None,
        sink: Callable[[Sample], None] | None = None,
        switch_interval_s: float | None = 0.0005,
        blocking_s: float = 0.05,
        most_samples: int = 50_000,
        most_suspended: int = 64,
        most_share: float = 1.0,
        service: str = "",
    ) -> None:
        if not _SHORTEST_S <= interval_s <= _LONGEST_S:
            bounds = f"{_SHORTEST_S} to {_LONGEST_S:g}"
            raise ValueError(f"interval_s={interval_s!r} is out of bounds; write {bounds} seconds.")
        if duration_s is not None and not duration_s > 0:
            raise ValueError(f"duration_s={duration_s!r} ends before it begins; write seconds above 0.")
        if not 0 < most_share <= 1:
            raise ValueError(f"most_share={most_share!r} is no share; write a number above 0, and 1 at the most.")
        if most_samples < 1:
            raise ValueError(f"most_samples={most_samples!r} keeps nothing; write 1 or more.")
        self.interval_s = interval_s
        self.targets = Targets(tools=tools, calls=calls, over_s=over_s)
        self._outside = outside and self.targets.everything
        self._duration_s = duration_s
        self._sink = sink
        self._switch_interval_s = switch_interval_s
        self._blocking_s = blocking_s
        self._most_samples = most_samples
        self._most_suspended = most_suspended
        self._most_share = most_share
        self._service = service

    @classmethod
    def light(
        cls,
        *,
        tools: Collection[str] = (),
        calls: int | None = None,
        over_s: float | Literal["budget"] | None = None,
        sink: Callable[[Sample], None] | None = None,
        service: str = "",
    ) -> CpuProfiler:
        """Return one to leave on: 10 looks a second at the most, and none while no operation is under way.

        Its thread takes 1 % of the CPU time of the process at the most: where a look costs much, or the process gets
        little of a CPU, there are fewer. It leaves ``sys.setswitchinterval`` alone, so it finds what computes or blocks
        for 5 ms and more at a time.
        """
        return cls(
            interval_s=_LIGHT_INTERVAL_S,
            tools=tools,
            calls=calls,
            over_s=over_s,
            outside=False,
            sink=sink,
            switch_interval_s=None,
            most_suspended=_LIGHT_SUSPENDED,
            most_share=_LIGHT_SHARE,
            service=service,
        )

    def start_profiling(self, *, profile_id: str | None = None) -> ProfileSession:
        """Start; what is under way is followed from now on.

        Raises ``RuntimeError`` on an interpreter without its global lock, where a thread cannot look at others.
        """
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            raise RuntimeError("This Python runs without its global lock, so no thread can look at others; use py-spy.")
        session = ProfileSession(
            interval_s=self.interval_s,
            targets=self.targets,
            outside=self._outside,
            sink=self._sink,
            duration_s=self._duration_s,
            switch_interval_s=self._switch_interval_s,
            blocking_s=self._blocking_s,
            most_samples=self._most_samples,
            most_suspended=self._most_suspended,
            most_share=self._most_share,
            service=self._service,
            profile_id=profile_id,
        )
        session.start()
        return session

    @staticmethod
    def collect_samples(session: ProfileSession) -> tuple[Sample, ...]:
        """Return what a session has seen so far; it goes on."""
        return session.samples()

    @staticmethod
    def analyze_hotspots(samples: Iterable[Sample]) -> Hotspots:
        """Return where the time went: altogether, by tool, and by operation."""
        return analyze_hotspots(samples)

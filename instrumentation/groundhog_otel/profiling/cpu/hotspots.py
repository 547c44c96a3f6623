"""Where the time went: functions and lines, altogether, by tool, and by operation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from groundhog_otel.profiling.model import Frame, Link, Sample

__all__ = ("Hotspot", "Hotspots", "Part", "Times", "analyze_hotspots")


@dataclass(slots=True)
class Times:
    """Nanoseconds of looks added up."""

    wall_ns: int = 0
    """On a thread: running, blocked, or kept from running."""
    cpu_ns: int = 0
    """... and of that, on a CPU."""
    awaited_ns: int = 0
    """Suspended, while the thread was free for others. Not part of ``wall_ns``."""

    def add(self, sample: Sample) -> None:
        """Add one sample of a CPU profile."""
        wall_ns, cpu_ns = sample.values[:2]
        if sample.state == "awaiting":
            self.awaited_ns += wall_ns
        else:
            self.wall_ns += wall_ns
            self.cpu_ns += cpu_ns


@dataclass(slots=True)
class Hotspot:
    """One function."""

    function: str
    file: str
    own: Times = field(default_factory=Times)
    """While it was the innermost itself, or was in something that is no Python function."""
    total: Times = field(default_factory=Times)
    """... or was in any function that it called."""
    lines: dict[int, Times] = field(default_factory=dict)
    """The total, by its lines."""

    @property
    def line(self) -> int:
        """The line that most of the CPU time went by; of those without any, most of the time."""
        return max(self.lines, key=lambda one: _weight(self.lines[one]), default=0)


@dataclass(slots=True)
class Part:
    """All, one tool, or one operation."""

    link: Link | None
    """None of everything; of a tool without the ids of a trace."""
    times: Times = field(default_factory=Times)
    functions: tuple[Hotspot, ...] = ()
    """Most CPU time of their own first."""

    def function(self, name: str) -> Hotspot:
        """Return the function of that name, or whose qualified name ends with it. Raises ``KeyError`` without one."""
        for one in self.functions:
            if one.function == name or one.function.endswith(f".{name}"):
                return one
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Hotspots:
    """What :func:`analyze_hotspots` has found."""

    everything: Part
    tools: tuple[Part, ...]
    """Most CPU time first. One for each method, target and side."""
    operations: tuple[Part, ...]
    """The same for every operation that has a span."""

    def tool(self, target: str, *, side: str = "server") -> Part:
        """Return the part of one tool. Raises ``KeyError`` where none was seen."""
        for one in self.tools:
            if one.link is not None and one.link.target == target and one.link.side == side:
                return one
        raise KeyError(target)

    def operation(self, span_id: str) -> Part:
        """Return the part of the operation with that span. Raises ``KeyError`` where none was seen."""
        for one in self.operations:
            if one.link is not None and one.link.span_id == span_id:
                return one
        raise KeyError(span_id)


def analyze_hotspots(samples: Iterable[Sample]) -> Hotspots:
    """Add up the samples of a CPU profile."""
    everything = _Sum(None)
    tools: dict[Link, _Sum] = {}
    operations: dict[Link, _Sum] = {}
    for sample in samples:
        everything.add(sample)
        link = sample.link
        if link is None:
            continue
        tool = Link(link.method, link.target, link.side)
        _of(tools, tool).add(sample)
        if link.span_id is not None:
            _of(operations, link).add(sample)
    return Hotspots(everything.part(), _ranked(tools), _ranked(operations))


class _Sum:
    def __init__(self, link: Link | None) -> None:
        self._part = Part(link)
        self._functions: dict[tuple[str, str], Hotspot] = {}

    def add(self, sample: Sample) -> None:
        self._part.times.add(sample)
        seen: set[tuple[str, str]] = set()
        for frame in reversed(sample.stack):  # of a function that called itself, the innermost line counts
            key = frame.function, frame.file
            if key not in seen:
                seen.add(key)
                self._count(key, frame, sample)
        if sample.stack:
            innermost = sample.stack[-1]
            self._functions[innermost.function, innermost.file].own.add(sample)

    def _count(self, key: tuple[str, str], frame: Frame, sample: Sample) -> None:
        hotspot = self._functions.get(key)
        if hotspot is None:
            hotspot = self._functions[key] = Hotspot(frame.function, frame.file)
        hotspot.total.add(sample)
        hotspot.lines.setdefault(frame.line, Times()).add(sample)

    def part(self) -> Part:
        ranked = sorted(self._functions.values(), key=lambda one: _weight(one.own), reverse=True)
        self._part.functions = tuple(ranked)
        return self._part


def _of(sums: dict[Link, _Sum], link: Link) -> _Sum:
    found = sums.get(link)
    if found is None:
        found = sums[link] = _Sum(link)
    return found


def _ranked(sums: dict[Link, _Sum]) -> tuple[Part, ...]:
    return tuple(sorted((one.part() for one in sums.values()), key=lambda one: _weight(one.times), reverse=True))


def _weight(times: Times) -> tuple[int, int, int]:
    return times.cpu_ns, times.wall_ns, times.awaited_ns

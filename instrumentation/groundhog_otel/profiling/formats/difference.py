"""What changed between two profiles: function by function, and as a flame graph in red and blue."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TypeVar

from groundhog_otel.profiling.formats.flame.page import page
from groundhog_otel.profiling.formats.flame.tree import Column, columns_of
from groundhog_otel.profiling.formats.naming import operation_name
from groundhog_otel.profiling.formats.pair import PER, Calls, Pair, Per
from groundhog_otel.profiling.model import Frame, Profile, ValueType
from groundhog_otel.report.units import duration

__all__ = ("Change", "Difference", "difference", "dumps")

T = TypeVar("T")
_Sums = defaultdict[T, float]


@dataclass(frozen=True, slots=True)
class Change:
    """What one function, or a whole operation, took before and takes after, in the unit of the difference's value."""

    operation: str
    function: str
    """With its module where that is known; empty for a whole operation."""
    file: str
    own_before: float
    own_after: float
    """Of the function by itself."""
    total_before: float
    total_after: float
    """With all that it calls."""

    @property
    def own(self) -> float:
        """How much more it takes by itself."""
        return self.own_after - self.own_before

    @property
    def total(self) -> float:
        """How much more it takes with all that it calls."""
        return self.total_after - self.total_before


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed, largest first."""

    value: ValueType
    per: Per
    functions: tuple[Change, ...]
    """By what they take themselves."""
    operations: tuple[Change, ...]
    remarks: tuple[str, ...]
    """What its reader must know: a sentence each."""


def difference(
    before: Profile,
    after: Profile,
    *,
    per: Per = "operation",
    value: str | None = None,
    calls: Calls | None = None,
) -> Difference:
    """Return what changed of one value.

    ``calls`` are the calls of each operation, by :func:`operation_name`, before and after; without, those are counted
    that a sample belongs to, so that calls too short to be sampled are missing.

    Raises:
        ProfileError: they cannot be compared: they are of different kinds, a value is missing, or there is nothing to
            divide by.
    """
    pair = Pair(before, after, per, value, calls)
    own: list[_Sums[tuple[str, Frame]]] = [defaultdict(float), defaultdict(float)]
    total: list[_Sums[tuple[str, Frame]]] = [defaultdict(float), defaultdict(float)]
    whole: list[_Sums[str]] = [defaultdict(float), defaultdict(float)]
    for side, sample, amounts in pair.samples():
        operation = operation_name(sample.link)
        whole[side][operation] += amounts
        if sample.stack:
            own[side][(operation, sample.stack[-1])] += amounts
        for frame in set(sample.stack):
            total[side][(operation, frame)] += amounts
    functions = [
        Change(operation, _name(frame), frame.file, *(one[(operation, frame)] for one in (*own, *total)))
        for operation, frame in dict.fromkeys((*total[0], *total[1]))
    ]
    operations = [
        Change(one, "", "", *(found[one] for found in (*whole, *whole)))
        for one in dict.fromkeys((*whole[0], *whole[1]))
    ]
    return Difference(
        value=pair.value, per=per, remarks=pair.remarks(),
        functions=tuple(sorted(functions, key=_importance)),
        operations=tuple(sorted(operations, key=_importance)),
    )  # fmt: skip


def dumps(
    before: Profile,
    after: Profile,
    *,
    per: Per = "operation",
    value: str | None = None,
    calls: Calls | None = None,
) -> str:
    """Return the same as a page: a flame graph of what is after, or before, in which red grew and blue shrank.

    Raises:
        ProfileError: as :func:`difference` does.
    """
    pair = Pair(before, after, per, value, calls)
    columns = [Column("before", pair.value.unit), Column("after", pair.value.unit)]
    rows = ((one, (0.0, amounts) if side else (amounts, 0.0)) for side, one, amounts in pair.samples())
    graph = columns_of(rows, columns, largest_by=(0, 1))
    graph |= {"compared": True, "shown": 1, "per": PER[per]}
    facts = {"compared": f"{pair.value.name}, {PER[per]}"}
    for name, one in (("before", before), ("after", after)):
        covered = duration(max(one.end_ns - one.start_ns, 0) / 1e9)
        facts[name] = f"{one.service or 'a process'}, {covered} ({one.profile_id[:8]})"
    more = {
        f"calls of {operation} {name}": f"{count:,}"
        for name, counted in zip(("before", "after"), pair.calls, strict=True)
        for operation, count in sorted(counted.items())
    }
    return page("What changed between two profiles", facts, graph, remarks=pair.remarks(), more=more)


def _importance(one: Change) -> tuple[float, float, str, str]:
    return (-abs(one.own), -abs(one.total), one.operation, one.function)


def _name(frame: Frame) -> str:
    return f"{frame.module}.{frame.function}" if frame.module else frame.function

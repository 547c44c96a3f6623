"""Three tests that must agree: each alone is fooled by something that happens in every server.

Memory as a whole grows while a cache fills; a line grows when another's share moves to it; a type grows while tables
double. What leaks does all three, at the same rate, for as long as one looks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from typing import Final, TypeVar

from groundhog_otel.profiling.memory.leaks.growth import LEAST_WINDOWS, Growth, growth_of
from groundhog_otel.profiling.memory.leaks.history import History
from groundhog_otel.profiling.memory.leaks.holders import holders_of
from groundhog_otel.profiling.memory.leaks.report import GrowingLine, GrowingType, LeakReport, Verdict
from groundhog_otel.profiling.memory.traces import stack_of

__all__ = ("judged",)

_Key = TypeVar("_Key", bound=Hashable)
_AGREES: Final = 0.5
"""The share of what memory grows by for certain that steadily growing lines, and types, must account for."""
_MOST: Final = 10


def judged(history: History, *, least_bytes_per_call: float, limit_bytes: int) -> LeakReport:
    """Return what the measurements come to. Looks for who holds the objects, so they have to be there still."""
    windows = history.windows
    if windows < LEAST_WINDOWS:
        return _report(history, "undecided", f"{windows} windows of calls are too few; {LEAST_WINDOWS} are needed.",
                       limit_bytes=limit_bytes)  # fmt: skip
    memory = growth_of(history.memory, history.calls)
    lines = _steady(history.places.grown(), history.calls)
    types = _steady(history.types.grown(), history.calls)
    by_lines, by_types = (sum(growth.per_call for _, growth in one) for one in (lines, types))
    grows = memory.certain and memory.per_call >= least_bytes_per_call
    agree = grows and min(by_lines, by_types) >= max(_AGREES * memory.low, least_bytes_per_call)
    chains = holders_of([place.lines[-1] for place, _ in lines], [name for name, _ in types]) if agree else {}
    growing = [
        GrowingLine(stack_of(place), place.link.target if place.link else None, growth, chains.get(place.lines[-1]))
        for place, growth in lines
    ]
    free = [one for one in growing if one.chain is None or one.chain.bound is None]
    # Not the slope of the whole: other things come and go beside what leaks.
    leaked = sum(one.growth.per_call for one in free)
    held = any(one.chain is not None for one in free)
    verdict, reason = _verdict(
        memory, by_lines, by_types, growing, grows=grows, agree=agree, leaks=held and leaked >= least_bytes_per_call
    )
    return _report(
        history,
        verdict,
        reason,
        limit_bytes=limit_bytes,
        bytes_per_call=leaked if verdict == "leak" else 0.0,
        memory=memory,
        lines=tuple(growing[:_MOST]),
        types=tuple(GrowingType(name, growth) for name, growth in types[:_MOST]),
    )


def _verdict(
    memory: Growth,
    by_lines: float,
    by_types: float,
    growing: Sequence[GrowingLine],
    *,
    grows: bool,
    agree: bool,
    leaks: bool,
) -> tuple[Verdict, str]:
    rate = f"{memory.per_call:,.0f} bytes for each call ({memory.low:,.0f} to {memory.high:,.0f})"
    if not grows:
        return "clean", f"What is in use after a collection does not grow: {rate}."
    if not agree:
        return "undecided", (
            f"What is in use grows by {rate}; but lines that grow steadily come to {by_lines:,.0f} of it, types to "
            f"{by_types:,.0f}. Look again over more calls."
        )
    if leaks:
        return "leak", f"What is in use grows by {rate}; lines and types that grow steadily say the same."
    bounded = next((one.chain for one in growing if one.chain is not None and one.chain.bound is not None), None)
    if bounded is not None:
        held = f"{bounded.entries:,} of at most {bounded.bound:,} entries"
        return "filling", f"What is in use grows by {rate}, in what has a bound: {held}."
    return "undecided", f"What is in use grows by {rate}; but no object of a growing line and type was found."


def _steady(grown: Iterable[tuple[_Key, Sequence[int]]], calls: Sequence[int]) -> list[tuple[_Key, Growth]]:
    found = [(key, growth_of(row, calls)) for key, row in grown if _worth_it(row)]
    return sorted(((key, growth) for key, growth in found if growth.steady), key=lambda one: -one[1].per_call)


def _worth_it(row: Sequence[int]) -> bool:
    """Tell whether a row may be steady at all, before its slopes are sorted: it has grown in more windows than not."""
    return 2 * sum(b > a for a, b in pairwise(row)) > len(row) - 1


def _report(
    history: History,
    verdict: Verdict,
    reason: str,
    *,
    limit_bytes: int,
    bytes_per_call: float = 0.0,
    memory: Growth | None = None,
    lines: tuple[GrowingLine, ...] = (),
    types: tuple[GrowingType, ...] = (),
) -> LeakReport:
    enough = history.windows >= LEAST_WINDOWS
    calls = history.calls[-1] - history.calls[0] if history.windows else 0
    # The measurements have stopped the process; without them it would have taken more calls.
    lasted_s = history.times_s[-1] - history.times_s[0] - sum(history.pauses_s[:-1]) if history.windows else 0.0
    rate = calls / lasted_s if lasted_s > 0 else 0.0
    resident = history.resident[-1] if history.resident else 0
    hours = None
    if bytes_per_call > 0 and rate > 0:
        hours = max(0.0, (limit_bytes - resident) / (bytes_per_call * rate) / 3600)
    return LeakReport(
        verdict=verdict,
        reason=reason,
        calls=calls,
        windows=history.windows,
        bytes_per_call=bytes_per_call,
        memory=memory,
        resident=growth_of(history.resident, history.calls) if enough else None,
        lines=lines,
        types=types,
        calls_per_s=rate,
        resident_bytes=resident,
        limit_bytes=limit_bytes,
        hours_to_limit=hours,
        longest_pause_s=max(history.pauses_s, default=0.0),
    )

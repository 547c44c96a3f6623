"""Calls made one after the other that could be made together: an operation would wait for the longest, not for all.

Spans do not tell whether a call needs what an earlier one has answered, and most that follow each other do. So nothing
is said without a sign that they do not: the calls come in more than one order, a later one is made although the earlier
one has failed, or, which proves less, without it. A sign that they do: the operation works for a while between them.
Queries of a database are left out: they share a connection, and often a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean
from typing import Final

from groundhog_otel.analysis.detectors.n_plus_one import LEAST_SIBLINGS, generalized
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, is_command, sure
from groundhog_otel.analysis.operations import error_of, method_of
from groundhog_otel.analysis.siblings import Siblings, siblings
from groundhog_otel.analysis.waited import Waited, waited_for
from groundhog_otel.store.model import Recording, Span

__all__ = ("detect",)

_LEAST_SEEN: Final = 3
"""Parents with the same calls: two may be chance."""
_LEAST_SHARE: Final = 0.2
"""Of the operation's time, that it would gain: below, it has other things to do than to wait for these."""
_LEAST_OF_ONE_NAME: Final = 3
_PAUSE_NS: Final = 2_000_000
_PAUSE_SHARE: Final = 0.25
"""Of the longer of two calls. A longer pause than both of these is work, probably on what the first has answered."""
_DATABASE: Final = ("db.system", "db.system.name")
_ANY_ORDER, _WENT_ON, _WITHOUT_IT = 0.9, 0.7, 0.5
"""How sure each sign makes. An answer that is kept for the next time explains the last one as well."""
_MOST_EVIDENCE: Final = 5
_MOST_KINDS: Final = 1000

_Operation = tuple[str, str]
"""Service and name."""


@dataclass(slots=True)
class _Seen:
    """One set of calls, as operations of one name have made them one after the other."""

    runs: list[tuple[Span, list[Span]]] = field(default_factory=list)
    """Each operation and its calls."""
    orders: set[tuple[str, ...]] = field(default_factory=set)
    went_on: bool = False
    """Whether a call was made although one before it had failed."""


def detect(recording: Recording) -> list[Finding]:
    """Return one finding for each set of calls that an operation makes one after the other."""
    families = [
        one
        for one in siblings(recording.spans, _eligible, least=1)
        if one.parent.kind != "client"  # below a client's span is its transport
    ]
    together, made = _together(families), _made(families)
    seen: dict[tuple[_Operation, tuple[str, ...]], _Seen] = {}
    for family in families:
        operation = _operation(family)
        for run in _runs(family.children):
            names = tuple(generalized(span.name) for span in run)
            if not any(pair in together.get(operation, ()) for pair in _pairs(names)):
                one = seen.setdefault((operation, tuple(sorted(set(names)))), _Seen())
                one.runs.append((family.parent, run))
                one.orders.add(names)
                one.went_on = one.went_on or any(error_of(span) is not None for span in run[:-1])
    signs = {
        key: sign
        for key, one in seen.items()
        if len(one.runs) >= _LEAST_SEEN and (sign := _sign(one, made[key[0]])) is not None
    }
    waited = waited_for(recording.spans, {parent.trace_id for key in signs for parent, _ in seen[key].runs})
    return [
        found
        for (operation, names), sign in signs.items()
        if (found := _finding(operation, names, seen[operation, names], sign, waited)) is not None
    ]


def _eligible(span: Span) -> bool:
    if span.kind != "client" or any(key in span.attributes for key in _DATABASE):
        return False
    method = method_of(span)
    return method is None or is_command(method)


def _operation(family: Siblings) -> _Operation:
    return family.parent.process.service, family.parent.name


def _runs(children: tuple[Span, ...]) -> Iterator[list[Span]]:
    """Part the calls of one parent where they overlap, or where there is a pause; a repeated attempt is one call."""
    run: list[Span] = []
    for span in children:
        if run:
            pause_ns = span.start_ns - run[-1].end_ns
            if error_of(run[-1]) is not None and run[-1].name == span.name:
                run.pop()
            elif not 0 <= pause_ns <= max(_PAUSE_NS, _PAUSE_SHARE * 1e9 * max(span.duration_s, run[-1].duration_s)):
                yield from _enough(run)
                run = []
        run.append(span)
    yield from _enough(run)


def _enough(run: list[Span]) -> Iterator[list[Span]]:
    counts: dict[str, int] = {}
    for span in run:
        counts[generalized(span.name)] = counts.get(generalized(span.name), 0) + 1
    left = [span for span in run if counts[generalized(span.name)] < LEAST_SIBLINGS]  # those are of n_plus_one
    if len(left) >= (_LEAST_OF_ONE_NAME if len(counts) == 1 else 2):
        yield left


def _pairs(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for one, other in pairwise(names):
        yield (one, other) if one < other else (other, one)


def _together(families: list[Siblings]) -> dict[_Operation, set[tuple[str, str]]]:
    """Return, by operation, the pairs of names that it has called at the same time: it knows already."""
    found: dict[_Operation, set[tuple[str, str]]] = {}
    for family in families:
        last: Span | None = None
        for span in family.children:
            if last is not None and span.start_ns < last.end_ns:
                names = (generalized(last.name), generalized(span.name))
                found.setdefault(_operation(family), set()).update(_pairs(names))
            if last is None or span.end_ns > last.end_ns:
                last = span
    return found


def _made(families: list[Siblings]) -> dict[_Operation, set[frozenset[str]]]:
    """Return, by operation, the sets of names of the calls that one of it has made."""
    found: dict[_Operation, set[frozenset[str]]] = {}
    for family in families:
        kinds = found.setdefault(_operation(family), set())
        if len(kinds) < _MOST_KINDS:
            kinds.add(frozenset(generalized(span.name) for span in family.children))
    return found


def _sign(seen: _Seen, made: set[frozenset[str]]) -> float | None:
    """Return how sure it is that none of the calls needs another; None where nothing speaks for it."""
    if len({tuple(sorted(one)) for one in seen.orders}) < len(seen.orders):
        return _ANY_ORDER
    if seen.went_on:
        return _WENT_ON
    pairs = {pair for order in seen.orders for pair in pairwise(order)}
    if any(later in kinds and earlier not in kinds for kinds in made for earlier, later in pairs):
        return _WITHOUT_IT
    return None


def _finding(
    operation: _Operation, names: tuple[str, ...], seen: _Seen, sign: float, waited: Waited
) -> Finding | None:  # fmt: skip
    worst = []
    for parent, run in seen.runs:
        times_ms = [waited.ns(span) / 1e6 for span in run]
        gain_ms = sum(times_ms) - max(times_ms)
        if gain_ms >= _LEAST_SHARE * parent.duration_s * 1000:
            worst.append((gain_ms, parent, sum(times_ms), max(times_ms)))
    if len(worst) < _LEAST_SEEN or fmean(gain for gain, *_ in worst) < LEAST_MS:
        return None
    worst.sort(key=lambda one: -one[0])
    service, target = operation
    order = min(seen.orders)
    all_ms, longest_ms = fmean(one[2] for one in worst), fmean(one[3] for one in worst)
    called = ", then ".join(order) if len(names) > 1 else f"{names[0]} {len(order)} times"
    return Finding(
        detector="sequential_calls",
        service=service,
        target=target,
        says=f"{target} calls {called}, one after the other: "
        f"{all_ms:.3g} ms, where the longest takes {longest_ms:.3g} ms",
        advice="Start them together, in a task group or with asyncio.gather.",
        impact_ms=fmean(gain for gain, *_ in worst),
        affected=len(worst),
        confidence=sign * sure(len(worst), half=2),
        evidence=tuple(
            Evidence(f"{ms:.3g} ms to gain of {parent.duration_s * 1000:.3g} ms", parent.trace_id, parent.span_id)
            for ms, parent, *_ in worst[:_MOST_EVIDENCE]
        ),
        figures={"calls": float(len(order)), "sum_ms": all_ms, "longest_ms": longest_ms},
    )

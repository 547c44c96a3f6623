"""What slow calls have in common that fast ones lack: a tenant, a version of the client, a process.

Calls of one operation are slow or not; each value of each attribute is there or not. Fisher's exact test says how
likely such a table is by chance, corrected (Bonferroni) for how many tables were looked at; phi, the correlation of the
two, says how much of it the value tells: with many calls, the smallest difference is certain.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from math import sqrt
from operator import eq, ne
from statistics import median, quantiles
from typing import Final

import numpy as np
from scipy import stats

from groundhog_otel import semconv
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.operations import error_of, method_of
from groundhog_otel.analysis.waits import explained
from groundhog_otel.store.model import Recording, Span, Value

__all__ = ("detect",)

_LEAST_CALLS: Final = 20
_LEAST_SLOW: Final = 8
_SLOW: Final = 2.0
"""Slow is from this many times the first quartile on, and ..."""
_SLOW_S: Final = 0.01
"""... this many seconds above it. Of the quartile and not of the median: most of the calls may be slow."""
_CHANCE: Final = 0.001
"""How likely it may be that chance makes one such table of all that were looked at."""
_LEAST_PHI: Final = 0.5
_MOST_VALUES: Final = 20
"""An attribute with more is an identity: each value of it has too few calls."""
_OWN: Final = "groundhog."
_NO_CAUSES: Final = frozenset({
    # Of one call or one connection: no cause, but who happened to have it.
    semconv.JSONRPC_REQUEST_ID, semconv.MCP_SESSION_ID, semconv.CLIENT_PORT, "thread.id", "thread.name",
    # Of the answer.
    semconv.RPC_RESPONSE_STATUS_CODE, semconv.ERROR_TYPE, semconv.GEN_AI_TOOL_CALL_RESULT,
})  # fmt: skip
_SIZES: Final = (semconv.REQUEST_SIZE,)
"""The attributes of ours that may be a cause; others are symptoms, or have a detector of their own."""
_LARGER: Final = 2.0
"""A number is larger from this many times the median of the smaller ones on: a byte more is no cause."""
_PID: Final = "process.pid"
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class _Trait:
    """Something that a call has or has not."""

    attribute: str
    says: str
    holds: Callable[[Value], bool]
    """Of the attribute's value; None where there is none."""

    def of(self, span: Span) -> bool:
        return self.holds(_value(span, self.attribute))


@dataclass(frozen=True, slots=True)
class _Table:
    """How many calls of one operation are slow, and how many have a trait."""

    spans: Sequence[Span]
    trait: _Trait
    slow_having: int
    fast_having: int
    slow_others: int
    fast_others: int

    @property
    def phi(self) -> float:
        """The correlation of being slow and having it: 1 when those that have it are slow and no others."""
        a, b, c, d = self.slow_having, self.fast_having, self.slow_others, self.fast_others
        product = (a + b) * (c + d) * (a + c) * (b + d)
        return (a * d - b * c) / sqrt(product) if product else 0.0

    def chance(self) -> float:
        """Return how likely it is that chance alone distributes slow calls at least so unevenly."""
        table = np.array([[self.slow_having, self.fast_having], [self.slow_others, self.fast_others]])
        return float(stats.fisher_exact(table, alternative="greater").pvalue)


def detect(recording: Recording) -> list[Finding]:
    """Return a finding for each operation whose slow calls have a trait that fast ones lack: its most telling one."""
    tried = 0
    likely: list[list[_Table]] = []
    for spans in _operations(recording):
        likely.append([])
        for table in _tables(spans):
            tried += 1
            if table.phi >= _LEAST_PHI:
                likely[-1].append(table)
    found = []
    for some in likely:
        telling = [one for one in some if one.chance() * tried <= _CHANCE]
        if telling:
            found.append(_finding(sorted(telling, key=lambda one: -one.phi), tried))
    return found


def _operations(recording: Recording) -> Iterator[list[Span]]:
    """Yield the calls of each operation, at its server where that is recorded."""
    groups: dict[tuple[str, str], dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    names = {span.name for span in recording.spans if span.kind == "server"}
    for span in recording.spans:
        at = "server" if span.name in names else "client"
        if method_of(span) is not None and span.kind == at and not explained(span) and error_of(span) is None:
            groups[span.process.service, span.name][at].append(span)
    for sides in groups.values():
        yield from sides.values()


def _tables(spans: Sequence[Span]) -> Iterator[_Table]:
    if len(spans) < _LEAST_CALLS:
        return
    quartile_s = quantiles((span.duration_s for span in spans), n=4)[0]
    bound_s = max(quartile_s * _SLOW, quartile_s + _SLOW_S)
    slow = {id(span) for span in spans if span.duration_s > bound_s}
    if len(slow) < _LEAST_SLOW:
        return
    names = {name for span in spans for name in span.attributes}
    for name in sorted(name for name in names if name in _SIZES or not (name in _NO_CAUSES or name.startswith(_OWN))):
        yield from _of_attribute(name, spans, slow)
    yield from _of_attribute(_PID, spans, slow)


def _of_attribute(name: str, spans: Sequence[Span], slow: AbstractSet[int]) -> Iterator[_Table]:
    counts: dict[Value, list[int]] = defaultdict(lambda: [0, 0])
    for span in spans:
        counts[_value(span, name)][id(span) in slow] += 1
    for trait in _traits(name, counts):
        fast_having, slow_having = (
            sum(one[at] for value, one in counts.items() if trait.holds(value)) for at in (0, 1)
        )
        fast_others = len(spans) - len(slow) - fast_having
        if 0 < fast_having + slow_having < len(spans):
            yield _Table(spans, trait, slow_having, fast_having, len(slow) - slow_having, fast_others)


def _value(span: Span, name: str) -> Value:
    return span.process.pid if name == _PID else span.attributes.get(name)


def _traits(name: str, counts: Mapping[Value, Sequence[int]]) -> Iterator[_Trait]:
    numbers = {float(value): sum(many) for value, many in counts.items() if isinstance(value, int | float)}
    if name in _SIZES or (name != _PID and len(numbers) == len(counts) > 2):
        yield from _sizes(name, numbers)
    elif len(counts) <= _MOST_VALUES:
        for value in counts:
            yield _Trait(name, f"no {name}" if value is None else f"{name} = {value}", partial(eq, value))
            if len(counts) > 2 and value is not None:
                yield _Trait(name, f"{name} other than {value}", partial(ne, value))


def _sizes(name: str, numbers: Mapping[float, int]) -> Iterator[_Trait]:
    """Yield the larger half, quarter and tenth: a number seldom comes twice."""
    ordered = [number for number in sorted(numbers) for _ in range(numbers[number])]
    for bound in sorted({ordered[int(len(ordered) * share)] for share in (0.5, 0.75, 0.9)} if ordered else ()):
        below = bisect_left(ordered, bound)
        if below and bound >= _LARGER * ordered[below // 2]:
            yield _Trait(name, f"{name} of {bound:g} or more", partial(_at_least, bound))


def _at_least(bound: float, value: Value) -> bool:
    return isinstance(value, int | float) and value >= bound


def _finding(telling: Sequence[_Table], tried: int) -> Finding:
    best = telling[0]
    having = [span for span in best.spans if best.trait.of(span)]
    others = [span for span in best.spans if not best.trait.of(span)]
    with_s, without_s = (median(span.duration_s for span in some) for some in (having, others))
    name, service = having[0].name, having[0].process.service
    other = next((one.trait for one in telling if one.trait.attribute != best.trait.attribute), None)
    besides = "" if other is None else f" (so have those with {other.says})"
    slowest = sorted(having, key=lambda span: -span.duration_s)
    fast = min(others, key=lambda span: span.duration_s)
    return Finding(
        detector="contrast",
        service=service,
        target=name,
        says=f"{name} with {best.trait.says} takes {with_s * 1e3:.0f} ms, others {without_s * 1e3:.0f} ms (medians): "
        f"{best.slow_having} of {best.slow_having + best.slow_others} slow calls have it, and "
        f"{best.fast_having} of the others{besides}.",
        advice=f"Compare a slow and a fast trace of {name}: what does it do otherwise with {best.trait.says}?",
        impact_ms=(with_s - without_s) * 1e3,
        affected=best.slow_having,
        confidence=min(best.phi, 1.0) * (1 - min(best.chance() * tried, 1.0)),
        evidence=(
            *(_shown(f"{name} with {best.trait.says}", span) for span in slowest[:_SHOWN]),
            _shown(f"Another {name}", fast),
        ),
        figures={
            "with_ms": with_s * 1e3,
            "without_ms": without_s * 1e3,
            "slow_calls": best.slow_having + best.slow_others,
            "slow_share_with": best.slow_having / len(having),
            "slow_share_without": best.slow_others / len(others),
            "phi": best.phi,
            "traits_tried": tried,
        },
    )


def _shown(what: str, span: Span) -> Evidence:
    return Evidence(f"{what} took {span.duration_s * 1e3:.0f} ms.", span.trace_id, span.span_id)

"""What slow calls have in common that fast ones lack: a tenant, a version of the client, a process.

Calls of one operation are slow or not; each value of each attribute is there or not. Fisher's exact test says how
likely such a table is by chance, corrected (Bonferroni) for how many tables were looked at; phi, the correlation of the
two, says how much of it the value tells: with many calls, the smallest difference is certain.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
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


@dataclass(frozen=True, slots=True)
class _Table:
    """Calls of one operation, by whether they are slow and whether they have a trait."""

    trait: _Trait
    having: tuple[Span, ...]
    others: tuple[Span, ...]
    slow_having: int
    slow_others: int

    @property
    def phi(self) -> float:
        """The correlation of being slow and having it: 1 when those that have it are slow and no others."""
        a, b = self.slow_having, len(self.having) - self.slow_having
        c, d = self.slow_others, len(self.others) - self.slow_others
        product = (a + b) * (c + d) * (a + c) * (b + d)
        return (a * d - b * c) / sqrt(product) if product else 0.0

    def chance(self) -> float:
        """Return how likely it is that chance alone distributes slow calls at least so unevenly."""
        a, c = self.slow_having, self.slow_others
        table = np.array([[a, len(self.having) - a], [c, len(self.others) - c]])
        return float(stats.fisher_exact(table, alternative="greater").pvalue)


def detect(recording: Recording) -> list[Finding]:
    """Return a finding for each operation whose slow calls have a trait that fast ones lack: its most telling one."""
    tables = [list(_tables(spans)) for spans in _operations(recording)]
    tried = sum(map(len, tables))
    found = []
    for some in tables:
        telling = [one for one in some if one.phi >= _LEAST_PHI and one.chance() * tried <= _CHANCE]
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
    for trait, having in _traits(spans):
        inside = {id(span) for span in having}
        others = tuple(span for span in spans if id(span) not in inside)
        if having and others:
            yield _Table(trait, having, others, len(slow & inside), len(slow - inside))


def _traits(spans: Sequence[Span]) -> Iterator[tuple[_Trait, tuple[Span, ...]]]:
    said = [{**span.attributes, _PID: span.process.pid} for span in spans]
    for name in sorted({name for one in said for name in one}):
        if name not in _SIZES and (name in _NO_CAUSES or name.startswith(_OWN)):
            continue
        by_value: dict[Value, list[Span]] = defaultdict(list)
        for span, one in zip(spans, said, strict=True):
            by_value[one.get(name)].append(span)
        numbers = [(float(one), some) for one, some in by_value.items() if isinstance(one, int | float)]
        if name in _SIZES or (name != _PID and len(numbers) == len(by_value) > 2):
            yield from _sizes(name, [(number, span) for number, some in numbers for span in some])
        elif len(by_value) <= _MOST_VALUES:
            for value, some in by_value.items():
                yield _Trait(name, f"no {name}" if value is None else f"{name} = {value}"), tuple(some)
                if len(by_value) > 2 and value is not None:
                    rest = (span for other, others in by_value.items() if other != value for span in others)
                    yield _Trait(name, f"{name} other than {value}"), tuple(rest)


def _sizes(name: str, sized: Sequence[tuple[float, Span]]) -> Iterator[tuple[_Trait, tuple[Span, ...]]]:
    """Yield the larger half, quarter and tenth: a number seldom comes twice."""
    ordered = sorted(number for number, _ in sized)
    for bound in sorted({ordered[int(len(ordered) * share)] for share in (0.5, 0.75, 0.9)} - {ordered[0]}):
        if bound < _LARGER * median(ordered[: bisect_left(ordered, bound)]):
            continue
        yield _Trait(name, f"{name} of {bound:g} or more"), tuple(span for number, span in sized if number >= bound)


def _finding(telling: Sequence[_Table], tried: int) -> Finding:
    best = telling[0]
    with_s = median(span.duration_s for span in best.having)
    without_s = median(span.duration_s for span in best.others)
    name, service = best.having[0].name, best.having[0].process.service
    other = next((one.trait for one in telling if one.trait.attribute != best.trait.attribute), None)
    besides = "" if other is None else f" (so have those with {other.says})"
    slowest = sorted(best.having, key=lambda span: -span.duration_s)
    fast = min(best.others, key=lambda span: span.duration_s)
    return Finding(
        detector="contrast",
        service=service,
        target=name,
        says=f"{name} with {best.trait.says} takes {with_s * 1e3:.0f} ms, without {without_s * 1e3:.0f} ms (medians): "
        f"{best.slow_having} of {best.slow_having + best.slow_others} slow calls have it, and "
        f"{len(best.having) - best.slow_having} of the others{besides}.",
        advice=f"Compare a slow and a fast trace of {name}: what does it do otherwise with {best.trait.says}?",
        impact_ms=(with_s - without_s) * 1e3,
        affected=best.slow_having,
        confidence=min(best.phi, 1.0) * (1 - min(best.chance() * tried, 1.0)),
        evidence=(
            *(_shown(span, f"with {best.trait.says}") for span in slowest[:_SHOWN]),
            _shown(fast, f"without {best.trait.says}"),
        ),
        figures={
            "with_ms": with_s * 1e3,
            "without_ms": without_s * 1e3,
            "slow_calls": best.slow_having + best.slow_others,
            "slow_share_with": best.slow_having / len(best.having),
            "slow_share_without": best.slow_others / len(best.others),
            "phi": best.phi,
            "traits_tried": tried,
        },
    )


def _shown(span: Span, how: str) -> Evidence:
    return Evidence(f"{span.name} {how} took {span.duration_s * 1e3:.0f} ms.", span.trace_id, span.span_id)

"""How two servers differ: each measure with the interval of its change, from blocks that hold both.

Blocks are drawn again and again, each with both of its halves: what a block has in common (the machine's other work,
its clock rate) falls out. Beside that interval stands Student's, of the changes block by block, and the wider of both
is taken at each end: with five blocks, resampling alone cannot tell what happens once in a hundred times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from groundhog_otel.load.judgement.counts import Counts, Floats, Integers
from groundhog_otel.load.judgement.resampling import draws, interval, percentiles, resamples_for
from groundhog_otel.optimizer.blocks import Block, Segment

__all__ = ("Effect", "Errors", "effects", "errors_of")

_LEAST_REQUESTS: Final = 20
"""Of an operation, with each server: fewer say nothing of its slow ones."""
_OWN: Final = "p99 of "

Statistic = Callable[[Counts, Integers], Floats]


@dataclass(frozen=True, slots=True)
class Effect:
    """How one measure differs between the server without an action and the one with it."""

    measure: str
    """``mean``, ``p50``, ``p99``: seconds, each operation by itself and then averaged as often as it is called.
    ``cpu``: seconds of CPU time a request. ``memory``: bytes. ``p99 of tools/call add``: of one operation."""
    without: float
    changed: float
    low: float
    """The interval of the change, as a share of ``without``: negative is less."""
    high: float
    confidence: float

    @property
    def change(self) -> float:
        """As a share."""
        return self.changed / self.without - 1 if self.without else 0.0


@dataclass(frozen=True, slots=True)
class Errors:
    """How many requests failed."""

    without: int
    of_without: int
    changed: int
    of_changed: int
    p: float
    """Of as many more with the action, by chance alone (Fisher's exact test, one-sided)."""


def effects(
    blocks: Sequence[Block], *, promised: Sequence[str] = (), confidence: float = 0.95, seed: int = 0
) -> tuple[Effect, ...]:
    """Return every measure that can be told, the promised ones at a confidence that holds for all of them together.

    Raises:
        ValueError: there are fewer than two blocks.
    """
    return tuple(_Comparing(blocks, promised, confidence, seed).effects())


def errors_of(blocks: Sequence[Block]) -> Errors:
    """Return how many requests failed with either server."""
    without = [one for block in blocks for one in block.without]
    changed = [one for block in blocks for one in block.changed]
    bad, of, bad_now, of_now = (
        sum(one.errors for one in without),
        sum(one.count for one in without),
        sum(one.errors for one in changed),
        sum(one.count for one in changed),
    )
    table = np.array([[bad_now, of_now - bad_now], [bad, of - bad]])
    p = float(stats.fisher_exact(table, alternative="greater")[1]) if bad_now else 1.0
    return Errors(bad, of, bad_now, of_now, p)


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    share: float
    """Of all requests, without the action."""
    without: Counts
    changed: Counts


class _Comparing:
    def __init__(self, blocks: Sequence[Block], promised: Sequence[str], confidence: float, seed: int) -> None:
        self._blocks = blocks
        self._promised, self._confidence = promised, confidence
        self._number = len(blocks)
        generator = np.random.default_rng(seed)
        self._drawn = draws(self._number, resamples_for(self._number, self._strict()), generator)
        self._each = np.eye(self._number, dtype=np.int64)
        self._all = np.ones((1, self._number), dtype=np.int64)
        self._operations = _operations(blocks)

    def effects(self) -> list[Effect]:
        found = []
        if self._operations:
            found += [
                self._latency("mean", _mean, self._operations),
                self._latency("p50", lambda counts, drawn: percentiles(counts, drawn, 50.0), self._operations),
                self._latency("p99", lambda counts, drawn: percentiles(counts, drawn, 99.0), self._operations),
            ]
        found += [
            self._ratio("cpu", lambda one: one.cpu_s, lambda one: one.count),
            self._ratio("memory", lambda one: one.memory_bytes, lambda _one: 1),
        ]
        if len(self._operations) > 1:
            for one in self._operations:
                measure, share = f"{_OWN}{one.name}", len(self._operations)
                found.append(self._latency(measure, lambda c, d: percentiles(c, d, 99.0), [one], share=share))
        return found

    def _strict(self) -> float:
        """Return the confidence of one measure, so that all promised ones together have the wanted one (Bonferroni)."""
        return 1 - (1 - self._confidence) / max(len(self._promised), 1)

    def _latency(self, measure: str, of: Statistic, operations: Sequence[_Operation], *, share: int = 1) -> Effect:
        total = sum(one.share for one in operations)

        def averaged(drawn: Integers) -> tuple[Floats, Floats]:
            pairs = [(of(one.without, drawn), of(one.changed, drawn), one.share / total) for one in operations]
            return sum(w * part for w, _, part in pairs), sum(c * part for _, c, part in pairs)  # type: ignore[return-value]

        return self._effect(measure, averaged, share=share)

    def _ratio(self, measure: str, above: Callable[[Segment], float], below: Callable[[Segment], float]) -> Effect:
        sums = [
            [
                np.array([sum(map(of, getattr(block, which))) for block in self._blocks], dtype=np.float64)
                for of in (above, below)
            ]
            for which in ("without", "changed")
        ]

        def ratios(drawn: Integers) -> tuple[Floats, Floats]:
            (without, count), (changed, count_changed) = sums
            return (
                (drawn @ without) / np.maximum(drawn @ count, 1),
                (drawn @ changed) / np.maximum(drawn @ count_changed, 1),
            )

        return self._effect(measure, ratios)

    def _effect(self, measure: str, of: Callable[[Integers], tuple[Floats, Floats]], *, share: int = 1) -> Effect:
        confidence = self._strict() if measure in self._promised else 1 - (1 - self._confidence) / share
        (without,), (changed,) = of(self._all)
        low, high = interval(_changes(*of(self._drawn)), self._number, confidence)
        least, most = _student(_changes(*of(self._each)), confidence)
        return Effect(measure, float(without), float(changed), min(low, least), max(high, most), confidence)


def _operations(blocks: Sequence[Block]) -> list[_Operation]:
    """Return the operations that each block has, with both servers, and enough of."""
    counts = {}
    for name in sorted({name for block in blocks for one in block.without for name in one.response}):
        sides = [
            Counts.of([one.response.get(name) for block in blocks for one in getattr(block, which)]).blocks(len(blocks))
            for which in ("without", "changed")
        ]
        if all(side.slices.sum(axis=1).all() and side.total >= _LEAST_REQUESTS for side in sides):
            counts[name] = sides
    total = sum(sides[0].total for sides in counts.values())
    return [_Operation(name, sides[0].total / total, *sides) for name, sides in counts.items()]


def _mean(counts: Counts, drawn: Integers) -> Floats:
    middle = (counts.low_s + counts.high_s) / 2
    return np.asarray((drawn @ (counts.slices @ middle)) / (drawn @ counts.slices.sum(axis=1)), dtype=np.float64)


def _changes(without: Floats, changed: Floats) -> Floats:
    """Return the changes as shares; none where there was nothing to change."""
    return np.divide(changed, without, out=np.ones_like(changed, dtype=np.float64), where=without > 0) - 1


def _student(changes: Floats, confidence: float) -> tuple[float, float]:
    """Return the interval of the change of blocks: of logarithms, in which twice and half are equally far."""
    logs = np.log(np.maximum(changes + 1, 1e-9))
    reach = float(stats.t.ppf((1 + confidence) / 2, len(logs) - 1)) * float(logs.std(ddof=1)) / np.sqrt(len(logs))
    middle = float(logs.mean())
    return float(np.expm1(middle - reach)), float(np.expm1(middle + reach))

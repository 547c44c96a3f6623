"""How two servers differ: each measure with the interval of its change, from blocks that hold both.

Each block gives one change: what both of its halves have in common (the machine's other work, its clock rate) falls out
there. The interval is found by drawing blocks again and again; beside it stands Student's, of the same changes, and the
wider of both is taken at each end: with five blocks, resampling cannot tell what happens once in a hundred times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, expm1, sqrt
from typing import Final

import numpy as np
from scipy import stats

from groundhog_otel.load.judgement.counts import Counts, Floats, Integers
from groundhog_otel.load.judgement.resampling import draws, interval, percentiles, resamples_for
from groundhog_otel.optimizer.blocks import Block, Segment

__all__ = ("Effect", "Errors", "effects", "errors_of")

_LEAST_REQUESTS: Final = 20
"""Of an operation, with each server: fewer say nothing of its slow ones."""
_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Effect:
    """How one measure differs between the server without an action and the one with it."""

    measure: str
    """``mean``, ``p50``, ``p99``: seconds, each operation by itself and then averaged as often as it is called.
    ``cpu``: seconds of CPU time a request. ``memory``: bytes. ``p99 of tools/call add``: of one operation."""
    without: float
    """The geometric mean of the blocks, as the next."""
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
    """Return every measure that can be told, from two blocks on.

    The ``promised`` ones have intervals of a confidence that holds for all of them together (Bonferroni); so have those
    of single operations.
    """
    generator = np.random.default_rng(seed)
    operations = _operations(blocks)
    found = []
    for measure, sides, among in _measures(blocks, operations):
        number = len(promised) if measure in promised else among
        found.append(_effect(measure, sides, 1 - (1 - confidence) / number, generator))
    return tuple(found)


def errors_of(blocks: Sequence[Block]) -> Errors:
    """Return how many requests failed with either server."""
    bad, of = _failed([one for block in blocks for one in block.without])
    bad_now, of_now = _failed([one for block in blocks for one in block.changed])
    table = np.array([[bad_now, of_now - bad_now], [bad, of - bad]])
    p = float(stats.fisher_exact(table, alternative="greater")[1]) if bad_now else 1.0
    return Errors(bad, of, bad_now, of_now, p)


_Sides = tuple[Floats, Floats]
"""Without and with: a value for each block."""


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    share: float
    """Of all requests, without the action."""
    without: Counts
    changed: Counts


def _measures(blocks: Sequence[Block], operations: Sequence[_Operation]) -> Iterator[tuple[str, _Sides, int]]:
    """Yield each measure, its values, and among how many of its kind it is."""
    each = np.eye(len(blocks), dtype=np.int64)
    percents: dict[str, Callable[[Counts], Floats]] = {
        "mean": _means,
        "p50": lambda counts: percentiles(counts, each, 50.0),
        "p99": lambda counts: percentiles(counts, each, 99.0),
    }
    if operations:
        for measure, of in percents.items():
            yield measure, _averaged(operations, of), 1
    yield "cpu", _ratios(blocks, lambda one: one.cpu_s, lambda one: one.count), 1
    yield "memory", _ratios(blocks, lambda one: one.memory_bytes, lambda _one: 1), 1
    if len(operations) > 1:
        for one in operations:
            yield f"p99 of {one.name}", _averaged([one], percents["p99"]), len(operations)


def _effect(measure: str, sides: _Sides, confidence: float, generator: np.random.Generator) -> Effect:
    logs = [np.log(np.maximum(side, _NOTHING)) for side in sides]
    changes = logs[1] - logs[0]
    number = len(changes)
    drawn = draws(number, resamples_for(number, confidence), generator)
    low, high = interval(np.asarray(drawn @ changes / number, dtype=np.float64), number, confidence)
    middle = float(changes.mean())
    reach = float(stats.t.ppf((1 + confidence) / 2, number - 1)) * float(changes.std(ddof=1)) / sqrt(number)
    return Effect(
        measure,
        exp(float(logs[0].mean())),
        exp(float(logs[1].mean())),
        expm1(min(low, middle - reach)),
        expm1(max(high, middle + reach)),
        confidence,
    )


def _averaged(operations: Sequence[_Operation], of: Callable[[Counts], Floats]) -> _Sides:
    """Return a statistic of each operation, averaged as often as it is called without the action.

    Of all requests together, the statistic would move with how often each operation was called, too.
    """
    total = sum(one.share for one in operations)
    shares = np.array([[one.share / total] for one in operations])
    without, changed = (
        np.asarray((shares * np.array([of(getattr(one, side)) for one in operations])).sum(axis=0), dtype=np.float64)
        for side in ("without", "changed")
    )
    return without, changed


def _ratios(blocks: Sequence[Block], above: Callable[[Segment], float], below: Callable[[Segment], float]) -> _Sides:
    without, changed = (
        np.array([sum(map(above, side)) / max(sum(map(below, side)), 1) for side in sides], dtype=np.float64)
        for sides in ([one.without for one in blocks], [one.changed for one in blocks])
    )
    return without, changed


def _operations(blocks: Sequence[Block]) -> list[_Operation]:
    """Return the operations that each block has, with both servers, and enough of."""
    found = {}
    for name in sorted({name for block in blocks for one in block.without for name in one.response}):
        without, changed = (
            _counts(sides, name) for sides in zip(*((b.without, b.changed) for b in blocks), strict=True)
        )
        if all(side.slices.sum(axis=1).all() and side.total >= _LEAST_REQUESTS for side in (without, changed)):
            found[name] = without, changed
    total = sum(without.total for without, _ in found.values())
    return [_Operation(name, sides[0].total / total, *sides) for name, sides in found.items()]


def _counts(sides: Sequence[tuple[Segment, ...]], name: str) -> Counts:
    """Return the latencies of an operation: a slice for each block."""
    return Counts.of(one.response.get(name) for segments in sides for one in segments).blocks(len(sides))


def _means(counts: Counts) -> Floats:
    middle = (counts.low_s + counts.high_s) / 2
    sums: Integers = counts.slices.sum(axis=1)
    return np.asarray((counts.slices @ middle) / sums, dtype=np.float64)


def _failed(segments: Sequence[Segment]) -> tuple[int, int]:
    return sum(one.errors for one in segments), sum(one.count for one in segments)

"""Thresholds as people write them: ``p99<50ms``, ``error_rate<=1%``, ``rate>=1000/s``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from groundhog_otel.budgets import budget_for
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.results.result import OperationResult

__all__ = ("MOST_ERRORS", "budget_thresholds", "parse", "percent_of", "text")

MOST_ERRORS: Final = 0.01
"""Without thresholds of their own, tests allow for as many requests that fail as the 99th percentile for slow ones."""

_FORM: Final = re.compile(
    r"(?:(?P<operation>\S.*?)\s*:\s+)?(?P<measure>[a-z_]+[\d.]*)\s*(?P<sign><=|>=|≤|≥|<|>)\s*"
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(?P<unit>\S*)"
)
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
_TIMES: Final = {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
_SHARES: Final = {"": 1.0, "%": 0.01}
_RATES: Final = {"": 1.0, "/s": 1.0, "/min": 1 / 60}
_EXAMPLES: Final = "p99<50ms, error_rate<=1%, rate>=1000/s, tools/call add: p99.9<200ms"


def parse(words: str) -> Threshold:
    """Return the threshold that is written as ``[operation: ]measure sign number unit``.

    The measure is a percentile of the response latency (``p50``, ``p99.9``), ``max``, ``error_rate`` or ``rate``.
    ``<`` means the same as ``<=``, and ``>`` as ``>=``. Latencies need a unit: us, ms, s or min. An ``error_rate`` is
    in % or, without a unit, between 0 and 1; a ``rate`` is per second (``/s``, or no unit) or per minute (``/min``).

    Raises:
        LoadError: it is something else.
    """
    found = _FORM.fullmatch(words.strip())
    if found is None:
        raise LoadError(f'"{words}" is no threshold; write it like one of: {_EXAMPLES}')
    measure, unit, number = found["measure"], found["unit"], float(found["number"])
    units, at_most = _units(words, measure)
    if unit not in units:
        known = ", ".join(filter(None, units))
        what = f'the unit "{unit}"' if unit else "no unit"
        raise LoadError(f'"{words}" has {what}; {measure} takes one of: {known} (as in {_example(measure)})')
    if found["sign"].startswith(("<", "≤")) != at_most:
        bound, sign = ("an upper", "<=") if at_most else ("a lower", ">=")
        raise LoadError(f'"{words}" must be {bound} bound: write {measure}{sign}{found["number"]}{unit}')
    value = number * units[unit]
    if measure == "error_rate" and value > 1:
        raise LoadError(f'"{words}" allows for more errors than requests; write error_rate<={found["number"]}%')
    return Threshold(measure, "at_most" if at_most else "at_least", value, found["operation"])


def text(threshold: Threshold) -> str:
    """Return a threshold as it is written, in the unit that reads best; :func:`parse` gives the same one back."""
    sign = "<=" if threshold.at == "at_most" else ">="
    value = threshold.value
    if threshold.measure == "error_rate":
        written = f"{value * 100:.10g}%"
    elif threshold.measure == "rate":
        written = f"{value:.10g}/s"
    else:
        written = f"{value:.10g}s" if value >= 1 else f"{value * 1000:.10g}ms"
    prefix = "" if threshold.operation is None else f"{threshold.operation}: "
    return f"{prefix}{threshold.measure}{sign}{written}"


def percent_of(measure: str) -> float | None:
    """Return 99.9 for ``p99.9``; None for what is no percentile."""
    found = _PERCENTILE.fullmatch(measure)
    return float(found[1]) if found and float(found[1]) > 0 else None


def budget_thresholds(operations: Iterable[OperationResult]) -> tuple[Threshold, ...]:
    """Return the thresholds of a test that names none: each operation within its budget, and at most 1 % errors.

    A server that fails at once is not fast, so latency alone does not pass. One timeout in a million does not fail a
    test either: as many requests may fail as may be slow, one in a hundred. Write ``error_rate<=0%`` for none at all.
    """
    budgets = tuple(Threshold("p99", "at_most", budget_for(one.method).limit_s, one.name) for one in operations)
    return (*budgets, Threshold("error_rate", "at_most", MOST_ERRORS))


def _units(words: str, measure: str) -> tuple[dict[str, float], bool]:
    """Return the units of a measure, and whether it is bounded from above."""
    if measure == "max" or percent_of(measure) is not None:
        return _TIMES, True
    if measure == "error_rate":
        return _SHARES, True
    if measure == "rate":
        return _RATES, False
    raise LoadError(f'"{words}" measures "{measure}"; what can be is: p50 to p99.99, max, error_rate, rate')


def _example(measure: str) -> str:
    return {"error_rate": "error_rate<=1%", "rate": "rate>=1000/s"}.get(measure, f"{measure}<50ms")

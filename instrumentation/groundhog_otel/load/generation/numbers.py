"""Numbers for schemas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any

__all__ = ("number",)


def number(schema: Mapping[str, Any], rng: Random, *, whole: bool) -> int | float:
    """Return a number that is meant for a schema.

    Raises:
        ValueError: no number is.
    """
    step = schema.get("multipleOf") or (1 if whole else None)
    low, high = _bounds(schema, step)
    if low > high:
        raise ValueError(f"no number is between {low:g} and {high:g}")
    if step is None:
        return round(rng.uniform(low, high), 3) if high - low > 0.01 else rng.uniform(low, high)
    first, last = math.ceil(low / step), math.floor(high / step)
    if first > last:
        raise ValueError(f"no multiple of {step} is between {low:g} and {high:g}")
    found = rng.randint(first, last) * step
    return int(found) if whole else found


def _bounds(schema: Mapping[str, Any], step: float | None) -> tuple[float, float]:
    """Return between which numbers to draw, both inclusive."""
    nudge = step or 1e-6
    lows = [float(schema["minimum"])] if "minimum" in schema else []
    highs = [float(schema["maximum"])] if "maximum" in schema else []
    for key, found, sign in (("exclusiveMinimum", lows, 1), ("exclusiveMaximum", highs, -1)):
        bound = schema.get(key)
        if isinstance(bound, (int, float)) and not isinstance(bound, bool):
            edge = step is not None and math.isclose(bound / step, round(bound / step))
            # Short of the bound itself: by one step, or by next to nothing.
            found.append(bound + sign * (nudge if edge or step is None else 0))
    span = max(100.0, 20 * (step or 0))
    low = max(lows) if lows else min(1.0, min(highs) - span) if highs else min(1.0, step or 1.0)
    high = min(highs) if highs else max(low + span, span)
    return low, high

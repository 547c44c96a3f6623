"""Blocks of an experiment, made from distributions that a test knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from groundhog_otel.optimizer.blocks import Block, Segment
from tests.load.made import histogram

MS = 1e-3


def blocks(
    seed: int,
    *,
    number: int = 6,
    requests: int = 60,
    factor: float = 1.0,
    tail: float = 1.0,
    cpu: float = 1.0,
    memory: float = 1.0,
    fails: float = 0.0,
    drift: float = 0.5,
    noise: float = 0.1,
    operations: Mapping[str, float] | None = None,
) -> list[Block]:
    """Return blocks in which the changed server takes ``factor`` times as long, and its slowest ``tail`` times.

    ``drift`` is what a block has in common (of logarithms, the standard deviation), ``noise`` what a segment has alone.
    """
    random = np.random.default_rng(seed)
    operations = operations or {"tools/call render": 20 * MS, "tools/call quick": 2 * MS}

    def segment(common: float, *, changed: bool) -> Segment:
        own = common * float(np.exp(random.normal(0, noise)))
        response: dict[str, Any] = {}  # as they are before they are encoded, which takes most of the time
        for name, typical_s in operations.items():
            latencies = typical_s * own * random.lognormal(0, 0.3, requests)
            if changed:
                latencies *= factor
                latencies[latencies > np.quantile(latencies, 0.97)] *= tail
            response[name] = histogram(latencies)
        count = requests * len(operations)
        used_s = count * MS * own * float(np.exp(random.normal(0, 0.02))) * (cpu if changed else 1)
        held = round(80e6 * (memory if changed else 1) * (1 + random.normal(0, 0.001)))
        return Segment(response, count, int(random.binomial(count, fails if changed else 0.0)), used_s, held)

    made = []
    for _ in range(number):
        common = float(np.exp(random.normal(0, drift)))
        sides = [tuple(segment(common, changed=changed) for _ in range(2)) for changed in (False, True)]
        made.append(Block(*sides))
    return made

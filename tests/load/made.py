"""Results of load tests, made from latencies that a test knows the distribution of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from groundhog_otel.load.results.result import LoadResult, OperationResult, SelfCheck, Window
from groundhog_otel.load.session import ServerFacts

Seconds = NDArray[np.float64] | Sequence[float]

SERVER = ServerFacts("calculator", "1.0", "2025-11-25", "http")
IDLE = SelfCheck(0, 0.2, 0.3, 0.00002, 0.0001, 0.001, 0.01, 0.002)


def histogram(latencies_s: Seconds) -> Any:
    made = HdrHistogram(1, 3_600_000_000, 3)
    values, counts = np.unique(np.maximum(np.rint(np.asarray(latencies_s) * 1e6), 1).astype(int), return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        made.record_value(value, count)
    return made


def encoded(latencies_s: Seconds) -> str:
    return str(histogram(latencies_s).encode().decode("ascii"))


def operation(
    name: str, response_s: Seconds, *, service_s: Seconds | None = None, errors: Mapping[str, int] | None = None
) -> OperationResult:
    return OperationResult(
        name=name,
        method=name.split(maxsplit=1)[0],
        response=encoded(response_s),
        service=encoded(response_s if service_s is None else service_s),
        count=len(response_s),
        errors=errors or {},
    )


def result(
    windows_s: Mapping[str, Sequence[Seconds]] | None = None,
    *,
    operations: Sequence[OperationResult] | None = None,
    window_length_s: float = 1.0,
    **changes: Any,
) -> LoadResult:
    """Return a result with the latencies of each operation by window; or with operations and no windows."""
    windows_s = windows_s or {}
    length = max((len(windows) for windows in windows_s.values()), default=0)
    facts: dict[str, Any] = {
        "run_id": "run",
        "server": SERVER,
        "target": "http://127.0.0.1:8000/mcp",
        "model": "closed",
        "config": {"concurrent_users": 4},
        "started_at_ns": 1_700_000_000_000_000_000,
        "duration_s": length * window_length_s or 10.0,
        "operations": tuple(operations or (operation(name, np.concatenate(own)) for name, own in windows_s.items())),
        "windows": tuple(
            Window(
                start_s=number * window_length_s,
                length_s=window_length_s,
                count=sum(len(own[number]) for own in windows_s.values()),
                errors=0,
                response={name: encoded(own[number]) for name, own in windows_s.items()},
                due=0,
            )
            for number in range(length)
        ),
        "self_checks": (IDLE,),
    }
    return LoadResult(**(facts | changes))

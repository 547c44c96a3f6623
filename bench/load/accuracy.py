"""Whether percentiles are true: beside a real server in this process, in real time, that knows how long it took."""

from __future__ import annotations

import random
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import anyio

from groundhog_otel.load.arrivals import Constant
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.judgement.counts import Counts
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.results.result import OperationResult
from groundhog_otel.load.targets import target_for
from groundhog_otel.load.tester import LoadTester
from tests.support import sdk

__all__ = ("rows",)

PERCENTS = (50, 90, 99, 99.9)
STALL_S = 1.0


def rows(rate: float, duration_s: float) -> Iterator[str]:
    """Yield a table of true and reported percentiles, and one of a stall."""
    took: list[float] = []
    late: list[float] = []
    draw = random.Random(7)

    async def wait() -> str:
        asked_s, began_s = draw.lognormvariate(-2, 0.5), perf_counter()
        await anyio.sleep(asked_s)
        took.append(perf_counter() - began_s)
        late.append(took[-1] - asked_s)
        return "waited"

    operation = _asked(wait, rate, duration_s)
    took.sort()
    late.sort()
    true = [took[-int(-len(took) * percent // 100) - 1] for percent in PERCENTS]
    yield f"| of {operation.count:,} calls | true ms | response ms | service ms | response off by | sleep late by ms |"
    yield "|---|---:|---:|---:|---:|---:|"
    for index, percent in enumerate(PERCENTS):
        response_s, service_s = (
            Tally.decode(one).percentiles_s(*PERCENTS)[index] for one in (operation.response, operation.service)
        )
        own_s = late[min(len(late) - 1, int(len(late) * percent / 100))]
        yield (
            f"| p{percent:g} | {true[index] * 1e3:.2f} | {response_s * 1e3:.2f} | {service_s * 1e3:.2f} | "
            f"{response_s / true[index] - 1:+.2%} | {own_s * 1e3:.2f} |"
        )
    yield ""
    yield from _stall(rate)


def _stall(rate: float) -> Iterator[str]:
    """Answer nothing for a while in the middle; what was due meanwhile has waited for what was left of it."""
    first_s: float | None = None

    async def stalls() -> str:
        nonlocal first_s
        first_s = first_s or perf_counter()
        at_s = perf_counter() - first_s
        if 5 <= at_s < 5 + STALL_S:
            await anyio.sleep(5 + STALL_S - at_s)
        return "done"

    counts = Counts.of([_asked(stalls, rate, 10.0).response])
    half_s = STALL_S / 2
    yield f"| a stall of {STALL_S:g} s at {rate:g} calls/s | expected | reported |"
    yield "|---|---:|---:|"
    yield f"| calls whose response took more than {half_s:g} s | {rate * half_s:.0f} | {counts.above(half_s)} |"
    yield f"| the longest response | up to {STALL_S * 1e3:.0f} ms | {counts.max_s * 1e3:.0f} ms |"


def _asked(tool: Any, rate: float, duration_s: float) -> OperationResult:
    server = sdk.make_server()
    hint: Any = sdk.mcp_types().ToolAnnotations
    server.tool(annotations=hint.model_validate({"readOnlyHint": True}))(tool)
    config = LoadTestConfig(
        duration=duration_s,
        concurrent_users=int(rate * 3),
        arrivals=Constant(rate),
        test_scenarios=(Scenario("one", (Step(target=tool.__name__),)),),
        seed=1,
    )
    result = LoadTester(target_for(server), telemetry="none").run_load_test(config)
    (operation,) = result.operations
    return operation

"""An MCP client and its server, and many calls at once: slow ones, ten times as many fast ones, spans that come late.

Usage: storm_program.py SLOW FAST LATE_S. Prints, as JSON, how many spans every trace got that holds an MCP operation
over its budget: what this process knows of itself, to be compared with what the pipeline has kept.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from groundhog_otel.budgets import budget_for
from groundhog_otel.semconv import MCP_METHOD_NAME
from tests.support import sdk

WORKERS = 25
LATE_EVERY = 10


class Noting(SpanProcessor):
    """Takes note of the size of every trace, and of those that hold an operation over its budget."""

    def __init__(self) -> None:
        self.spans: Counter[str] = Counter()
        self.over: set[str] = set()

    def on_end(self, span: ReadableSpan) -> None:
        assert span.context is not None
        assert span.start_time is not None
        assert span.end_time is not None
        trace_id = f"{span.context.trace_id:032x}"
        self.spans[trace_id] += 1
        method = (span.attributes or {}).get(MCP_METHOD_NAME)
        if isinstance(method, str) and span.end_time - span.start_time > budget_for(method).limit_s * 1e9:
            self.over.add(trace_id)


def _server(late_s: float, late: set[asyncio.Task[None]]) -> Any:
    server = sdk.make_server()

    async def afterwards() -> None:
        with trace.get_tracer("storm").start_as_current_span("afterwards"):
            await asyncio.sleep(late_s)

    async def work(seconds: float, leave_work: bool) -> str:
        if leave_work:
            task = asyncio.create_task(afterwards())
            late.add(task)
            task.add_done_callback(late.discard)
        await asyncio.sleep(seconds)
        return "done"

    server.tool()(work)
    return server


async def _calls(session: Any, todo: Iterator[dict[str, Any]]) -> None:
    for arguments in todo:
        await session.call_tool("work", arguments)


async def main(slow: int, fast: int, late_s: float) -> None:
    noting = Noting()
    provider: Any = trace.get_tracer_provider()
    provider.add_span_processor(noting)
    # From just over the budget to ten times that: every bucket above it gets exemplars.
    slow_calls = iter([{"seconds": 0.052 + 0.45 * n / slow, "leave_work": n % LATE_EVERY == 0} for n in range(slow)])
    fast_calls = iter([{"seconds": 0, "leave_work": False}] * fast)
    late: set[asyncio.Task[None]] = set()
    async with sdk.in_memory(_server(late_s, late)) as session:
        await session.list_tools()
        await asyncio.gather(
            *(_calls(session, slow_calls) for _ in range(WORKERS)), *(_calls(session, fast_calls) for _ in range(2))
        )
        await asyncio.gather(*late)
    print(json.dumps({trace_id: noting.spans[trace_id] for trace_id in noting.over}))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

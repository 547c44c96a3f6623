"""Requests of the official client that carry a trace context, as the engine makes them."""

from __future__ import annotations

import secrets
import time
from typing import Any

import anyio

from groundhog_otel.load.results.result import Request


async def call(
    session: Any, tool: str, arguments: dict[str, Any], *, run_id: str = "run-1", late_s: float = 0, busy_s: float = 0
) -> Request:
    """Call a tool, and return what the recorder would remember of it.

    It was due ``late_s`` before it is sent, and the client is busy for ``busy_s`` before it writes. What the SDK itself
    does is not told apart from the wire.
    """
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    meta = {"traceparent": f"00-{trace_id}-{span_id}-01", "baggage": f"groundhog.load.run_id={run_id}"}
    sent_ns, started = time.time_ns(), time.perf_counter_ns()
    error = None
    await anyio.sleep(busy_s)
    written_ns = sent_ns + time.perf_counter_ns() - started
    try:
        with anyio.fail_after(30):
            result = await session.call_tool(tool, arguments, meta=meta)
        error = "tool" if getattr(result, "isError", getattr(result, "is_error", False)) else None
    except TimeoutError:
        error = "timeout"
    ended_ns = sent_ns + time.perf_counter_ns() - started
    return Request(
        operation=f"tools/call {tool}",
        scenario="test",
        trace_id=trace_id,
        span_id=span_id,
        intended_ns=sent_ns - round(late_s * 1e9),
        sent_ns=sent_ns,
        written_ns=written_ns,
        read_ns=ended_ns,
        ended_ns=ended_ns,
        error=error,
    )


def request(**changes: Any) -> Request:
    """Return a request of 100 ms, that was due 20 ms before."""
    base = 1_800_000_000_000_000_000
    facts: dict[str, Any] = {
        "operation": "tools/call add",
        "scenario": "s",
        "trace_id": "ab" * 16,
        "span_id": "cd" * 8,
        "intended_ns": base - 20_000_000,
        "sent_ns": base,
        "written_ns": base + 1_000_000,
        "read_ns": base + 99_000_000,
        "ended_ns": base + 100_000_000,
    }
    return Request(**{**facts, **changes})

"""One variant in one process: an in-memory session, and batches of ``tools/call`` on request.

Usage: ``python -m bench.worker VARIANT``. For every line ``N`` on standard input it makes N calls and answers with the
CPU time they took, both sides together, in seconds.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any

from opentelemetry import metrics, propagate, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.mcp import McpInstrumentor
from tests.support import sdk

VARIANTS = ("bare", "control", "native", "floor", "floor+propagation", "ours")
"""``control`` is ``bare`` once more: what differs between those two is noise."""


class Discard(SpanExporter):
    """Takes spans and forgets them: exporting is not what is compared."""

    def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Floor:
    """What somebody would write by hand: one span with six attributes and one histogram record a side."""

    def __init__(self, tracer_provider: trace.TracerProvider, meter: metrics.Meter, *, propagate_context: bool) -> None:
        self._tracer = tracer_provider.get_tracer("floor")
        self._histograms = {
            kind: meter.create_histogram(
                f"mcp.{side}.operation.duration",
                unit="s",
                explicit_bucket_boundaries_advisory=semconv.MCP_DURATION_BUCKETS_S,
            )
            for kind, side in ((SpanKind.CLIENT, "client"), (SpanKind.SERVER, "server"))
        }
        self._propagate = propagate_context

    async def around(self, kind: SpanKind, inner: Callable[[], Awaitable[Any]], meta: Any = None) -> Any:
        attributes = {
            "mcp.method.name": "tools/call",
            "gen_ai.tool.name": "work",
            "gen_ai.operation.name": "execute_tool",
            "mcp.protocol.version": "2025-11-25",
        }
        strings = {key: value for key, value in (meta or {}).items() if isinstance(value, str)}
        context = propagate.extract(strings) if self._propagate and strings else None
        started = time.perf_counter()
        with self._tracer.start_as_current_span(
            "tools/call work",
            context=context,
            kind=kind,
            attributes={**attributes, "jsonrpc.request.id": "1", "network.transport": "pipe"},
        ):
            try:
                return await inner()
            finally:
                self._histograms[kind].record(time.perf_counter() - started, attributes)

    def carrier(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        if self._propagate:
            propagate.inject(carrier)
        return carrier


def _server(floor: Floor | None) -> Any:
    """Return a low-level server with one tool and nothing around it: what is left is the protocol."""
    types = sdk.mcp_types()
    result = types.CallToolResult(content=[types.TextContent(type="text", text="done")])

    async def done() -> Any:
        return result

    async def handle(meta: Any) -> Any:
        return await (floor.around(SpanKind.SERVER, done, meta) if floor else done())

    if sdk.IS_V2:

        async def call_tool(ctx: Any, _params: Any) -> Any:
            return await handle(ctx.meta)

        return import_module("mcp.server.lowlevel.server").Server("bench", on_call_tool=call_tool)

    async def call(request: Any) -> Any:
        meta = request.params.meta
        return types.ServerResult(await handle(meta.model_extra if meta else None))

    server = import_module("mcp.server.lowlevel.server").Server("bench")
    server.request_handlers[types.CallToolRequest] = call
    return server


def _request(carrier: dict[str, str]) -> Any:
    types = sdk.mcp_types()
    params: dict[str, Any] = {"name": "work", "arguments": {}}
    if carrier:
        params["_meta"] = carrier
    request = types.CallToolRequest(method="tools/call", params=types.CallToolRequestParams.model_validate(params))
    return request if sdk.IS_V2 else types.ClientRequest(request)


def _prepare(variant: str) -> Floor | None:
    """Set up a variant's telemetry; return the floor for its two."""
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(BatchSpanProcessor(Discard()))
    meter_provider = MeterProvider([InMemoryMetricReader()])
    if variant == "native":
        trace.set_tracer_provider(tracer_provider)
    elif variant == "ours":
        McpInstrumentor().instrument(tracer_provider=tracer_provider, meter_provider=meter_provider)
    elif variant.startswith("floor"):
        meter = meter_provider.get_meter("floor")
        return Floor(tracer_provider, meter, propagate_context=variant == "floor+propagation")
    return None


async def _serve(variant: str) -> None:
    floor = _prepare(variant)
    result_type = sdk.mcp_types().CallToolResult
    async with sdk.in_memory(_server(floor)) as session:

        async def call() -> None:
            async def send() -> Any:
                return await session.send_request(_request(floor.carrier() if floor else {}), result_type)

            result = await (floor.around(SpanKind.CLIENT, send) if floor else send())
            assert not result.model_dump(by_alias=True)["isError"]

        gc.collect()
        gc.freeze()  # what start-up has left behind is nobody's cost
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            gc.collect()
            started = time.process_time()
            for _ in range(int(line)):
                await call()
            print(time.process_time() - started, flush=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(_serve(sys.argv[1]))

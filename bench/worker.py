"""All variants on one SDK, in one process: they take turns at batches of ``tools/call`` over an in-memory session.

Usage: ``python -m bench.worker ROUNDS CALLS``; answers with a JSON object: µs of CPU time per call, both sides
together, of every batch of every variant.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
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
from groundhog_otel.settings import McpSettings
from tests.support import sdk

VARIANTS = ("bare", "control", *(("native",) if sdk.IS_V2 else ()), "floor", "floor+propagation", "ours")
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


def _server(floor: Callable[[], Floor | None]) -> Any:
    """Return a low-level server with one tool and nothing around it: what is left is the protocol."""
    types = sdk.mcp_types()
    result = types.CallToolResult(content=[types.TextContent(type="text", text="done")])

    async def done() -> Any:
        return result

    async def handle(meta: Any) -> Any:
        current = floor()
        return await (current.around(SpanKind.SERVER, done, meta) if current else done())

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


class Bench:
    """The variants, and the one that is switched on."""

    def __init__(self) -> None:
        self._tracer_provider = TracerProvider()
        self._tracer_provider.add_span_processor(BatchSpanProcessor(Discard()))
        self._meter_provider = MeterProvider([InMemoryMetricReader()])
        meter = self._meter_provider.get_meter("floor")
        self._floors = {
            name: Floor(self._tracer_provider, meter, propagate_context=name.endswith("propagation"))
            for name in ("floor", "floor+propagation")
        }
        self.floor: Floor | None = None

    @contextmanager
    def switched_on(self, variant: str) -> Iterator[None]:
        if variant in self._floors:
            self.floor = self._floors[variant]
            yield
            self.floor = None
        elif variant == "native":
            module: Any = import_module("mcp.shared._otel")
            idle, module._tracer = module._tracer, self._tracer_provider.get_tracer("mcp-python-sdk")
            yield
            module._tracer = idle
        elif variant == "ours":
            instrumentor = McpInstrumentor()
            instrumentor.instrument(
                tracer_provider=self._tracer_provider, meter_provider=self._meter_provider, settings=McpSettings()
            )
            yield
            instrumentor.uninstrument()
        else:
            yield

    async def call(self, session: Any, result_type: Any) -> None:
        floor = self.floor

        async def send() -> Any:
            return await session.send_request(_request(floor.carrier() if floor else {}), result_type)

        await (floor.around(SpanKind.CLIENT, send) if floor else send())


async def measure(rounds: int, calls: int) -> dict[str, list[float]]:
    bench = Bench()
    result_type = sdk.mcp_types().CallToolResult
    found: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    order = list(VARIANTS)
    shuffled = random.Random(0)
    async with sdk.in_memory(_server(lambda: bench.floor)) as session:

        async def batch(variant: str, size: int) -> float:
            with bench.switched_on(variant):
                await bench.call(session, result_type)  # the first after a switch pays for what caches
                gc.collect()
                started = time.process_time()
                for _ in range(size):
                    await bench.call(session, result_type)
                return (time.process_time() - started) / size * 1e6

        for variant in VARIANTS:
            await batch(variant, calls * 3)
        gc.collect()
        gc.freeze()  # what start-up has left behind is nobody's cost
        for _ in range(rounds):
            shuffled.shuffle(order)
            for variant in order:
                found[variant].append(await batch(variant, calls))
    return found


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2])))))

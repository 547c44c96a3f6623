"""The yardstick: what somebody would write by hand around a ``tools/call``, on either generation of the SDK."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Final

from opentelemetry import metrics, propagate, trace
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from tests.support import sdk

__all__ = ("Floor", "Least", "call", "server")

_SHARED: Final = {
    "mcp.method.name": "tools/call",
    "gen_ai.tool.name": "work",
    "gen_ai.operation.name": "execute_tool",
    "mcp.protocol.version": "2025-11-25",
}
_OWN: Final = {**_SHARED, "jsonrpc.request.id": "1", "network.transport": "pipe"}


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
        attributes = dict(_SHARED)
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


class Least(Floor):
    """The least that has both metrics and asks the sampler: no context, nothing made current, nothing to be built."""

    async def around(self, kind: SpanKind, inner: Callable[[], Awaitable[Any]], meta: Any = None) -> Any:  # noqa: ARG002
        started = time.perf_counter()
        self._tracer.start_span("tools/call work", None, kind, _OWN)
        result = await inner()
        self._histograms[kind].record(time.perf_counter() - started, _SHARED)
        return result


def server(floor: Callable[[], Floor | None]) -> Any:
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

    made = import_module("mcp.server.lowlevel.server").Server("bench")
    made.request_handlers[types.CallToolRequest] = call
    return made


def _request(carrier: dict[str, str]) -> Any:
    types = sdk.mcp_types()
    params: dict[str, Any] = {"name": "work", "arguments": {}}
    if carrier:
        params["_meta"] = carrier
    request = types.CallToolRequest(method="tools/call", params=types.CallToolRequestParams.model_validate(params))
    return request if sdk.IS_V2 else types.ClientRequest(request)


async def call(session: Any, result_type: Any, floor: Floor | None) -> Any:
    """Call the tool once, by ``send_request``: the least that a client can do."""

    async def send() -> Any:
        return await session.send_request(_request(floor.carrier() if floor else {}), result_type)

    return await (floor.around(SpanKind.CLIENT, send) if floor else send())

"""A recording of as many spans as asked for, written by the exporter that records: an agent, and its MCP server.

Each trace is a question to the agent: up to seven tool calls, each a CLIENT and a SERVER span, some with work below, an
event here and there, a few errors, latencies with a long tail. Drawn from a seed, so the same again each time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from groundhog_otel.store.exporters import SpanFileExporter
from groundhog_otel.store.layout import prepare

__all__ = ("generate",)

_BATCH = 512
"""Of the SDK's ``BatchSpanProcessor``."""
_SERVICES = ("agent", "shop")
_TOOLS = (("search", 0.020), ("price", 0.004), ("order", 0.060), ("render", 0.120))
_BEGAN_NS = 1_795_000_000 * 10**9
_MCP = InstrumentationScope("groundhog_otel.mcp", "0.1.0", "https://opentelemetry.io/schemas/1.44.0")
_SQL = InstrumentationScope("opentelemetry.instrumentation.sqlite3", "0.66b0")


def generate(store: Path, spans: int, *, seed: int = 8) -> Path:
    """Write a run of about that many spans (a trace is not cut) below ``store``, and return its folder."""
    run = prepare(store, f"2026-11-25T00-00-00.000-{spans:08x}")
    exporters = {service: SpanFileExporter(run) for service in _SERVICES}
    resources = {service: _resource(service) for service in _SERVICES}
    waiting: dict[str, list[ReadableSpan]] = {service: [] for service in _SERVICES}
    written = 0
    chance = random.Random(seed)
    while written < spans:
        for service, span in _trace(chance, resources):
            waiting[service].append(span)
            written += 1
            if len(waiting[service]) == _BATCH:
                exporters[service].export(waiting[service])
                waiting[service] = []
    for service, rest in waiting.items():
        exporters[service].export(rest)
        exporters[service].shutdown()
    return run


def _resource(service: str) -> Resource:
    return Resource.create({"service.name": service, "service.instance.id": f"{service}-1"})


def _trace(chance: random.Random, resources: dict[str, Resource]) -> Iterator[tuple[str, ReadableSpan]]:
    trace_id, now_ns = chance.getrandbits(128), _BEGAN_NS + chance.randrange(3600 * 10**9)

    def context() -> SpanContext:
        return SpanContext(trace_id, chance.getrandbits(64) or 1, False, TraceFlags(1))

    def span(  # noqa: PLR0917 - as they come
        service: str, name: str, kind: SpanKind, own: SpanContext, parent: SpanContext | None, began_ns: int,
        ended_ns: int, attributes: dict[str, str | int], error: str | None = None, events: Sequence[Event] = (),
        scope: InstrumentationScope = _MCP,
    ) -> tuple[str, ReadableSpan]:  # fmt: skip
        if error is not None:
            attributes["error.type"] = error
        return service, ReadableSpan(
            name, own, parent, resources[service], attributes, events, kind=kind,
            status=Status(StatusCode.ERROR) if error else Status(),
            start_time=began_ns, end_time=ended_ns, instrumentation_scope=scope,
        )  # fmt: skip

    root, began_ns = context(), now_ns
    for request in range(chance.randint(1, 7)):
        tool, typical_s = chance.choices(_TOOLS, (6, 4, 2, 1))[0]
        client, server = context(), context()
        took_ns = int(chance.lognormvariate(0, 0.6) * typical_s * 1e9)
        way_ns = chance.randrange(200_000, 2_000_000)
        error = "tool_error" if chance.random() < 0.02 else None
        attributes = {
            "mcp.method.name": "tools/call",
            "mcp.protocol.version": "2026-07-28",
            "network.transport": "pipe",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "jsonrpc.request.id": str(request),
        }
        arrived_ns = now_ns + way_ns
        at_ns = arrived_ns
        for _ in range(chance.randrange(3)):
            until_ns = at_ns + took_ns // 4
            yield span(
                "shop", "SELECT", SpanKind.CLIENT, context(), server, at_ns, until_ns,
                {"db.system": "sqlite", "db.statement": "SELECT name, price FROM goods WHERE id = ?", "rows": 7},
                scope=_SQL,
            )  # fmt: skip
            at_ns = until_ns
        events = [Event("groundhog.worker_threads.wait", {"seconds": 0.001}, at_ns)] if chance.random() < 0.1 else []
        yield span(
            "shop", f"tools/call {tool}", SpanKind.SERVER, server, client, arrived_ns, arrived_ns + took_ns,
            dict(attributes), error, events,
        )  # fmt: skip
        ended_ns = arrived_ns + took_ns + way_ns
        yield span(
            "agent", f"tools/call {tool}", SpanKind.CLIENT, client, root, now_ns, ended_ns, dict(attributes), error
        )
        now_ns = ended_ns + chance.randrange(1_000_000, 50_000_000)
    yield span("agent", "answer", SpanKind.INTERNAL, root, None, began_ns, now_ns, {"question.length": 80})

"""A program with another instrumentation of MCP in it: what others install stays in a process for good.

Arguments: the other one, whether it or we come ``first``, what is imported before both (``mcp`` or ``nothing``), and
``native_spans``. It makes one call over memory streams, and prints the spans of it as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture

Elsewhere = list[str]
"""Names of the spans that went not through OpenTelemetry's SDK, but to where the other one sends its own."""


def start_other(other: str, capture: Capture, elsewhere: Elsewhere) -> None:
    """Start the other instrumentation, as its users do."""
    if other == "sentry" or other.startswith("ddtrace"):
        (_start_sentry if other == "sentry" else _start_ddtrace)(elsewhere)
        return
    if other == "openlit":
        prices = str(Path(__file__).with_name("no_prices.json"))  # or it asks the network
        import_module("openlit").init(disable_metrics=True, disable_events=True, pricing_json=prices)
        return
    if other == "logfire":
        logfire: Any = import_module("logfire")
        processor = SimpleSpanProcessor(capture.exporter)
        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[processor])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on mcp 2 it says that it does nothing
            logfire.instrument_mcp()
        return
    package, name = {
        "traceloop": ("opentelemetry.instrumentation.mcp", "McpInstrumentor"),
        "adot": ("amazon.opentelemetry.distro.instrumentation.mcp", "McpInstrumentor"),
        "openinference": ("openinference.instrumentation.mcp", "MCPInstrumentor"),
    }[other]
    try:
        getattr(import_module(package), name)().instrument(tracer_provider=capture.tracer_provider)
    except ImportError as problem:  # Traceloop's, on mcp 2: opentelemetry-instrument skips it then
        print(problem, file=sys.stderr)


def _start_sentry(elsewhere: Elsewhere) -> None:
    """Start it with what its documentation wants beside OpenTelemetry: Sentry's errors, OpenTelemetry's spans."""
    sentry: Any = import_module("sentry_sdk")
    transport: Any = import_module("sentry_sdk.transport")

    class Kept(transport.Transport):  # type: ignore[misc] # Any
        def capture_envelope(self, envelope: Any) -> None:
            elsewhere.extend(item.payload.json["transaction"] for item in envelope.items if item.type == "transaction")

    sentry.init(
        dsn="http://key@127.0.0.1:9/1",
        traces_sample_rate=1.0,
        transport=Kept,
        integrations=[
            import_module("sentry_sdk.integrations.mcp").MCPIntegration(),
            import_module("sentry_sdk.integrations.otlp").OTLPIntegration(setup_otlp_traces_exporter=False),
        ],
    )


def _start_ddtrace(elsewhere: Elsewhere) -> None:
    """Start it; whether it exports OTLP is by the environment, OTEL_TRACES_EXPORTER."""
    traces: Any = import_module("ddtrace.trace")

    class Kept(traces.TraceFilter):  # type: ignore[misc] # Any
        def process_trace(self, trace: Any) -> None:
            elsewhere.extend(span.resource for span in trace)

    traces.tracer.configure(trace_processors=[Kept()])
    import_module("ddtrace").patch(mcp=True)


async def spans_of_a_call(capture: Capture, elsewhere: Elsewhere) -> list[dict[str, Any]]:
    """Make a call, and return its spans from the outside in."""
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.list_tools()  # or the SDK asks for the tools when it needs their schemas
        capture.clear()
        elsewhere.clear()
        await session.call_tool("add", {"a": 1, "b": 2})
    spans = [span for span in capture.spans() if (span.attributes or {}).get("logfire.span_type") != "pending_span"]
    return [
        {
            "name": span.name,
            "kind": span.kind.name,
            "scope": span.instrumentation_scope.name if span.instrumentation_scope else "",
            "id": span.context.span_id,
            "parent": span.parent.span_id if span.parent else None,
        }
        for span in sorted(spans, key=lambda span: span.start_time or 0)
    ]


def main(other: str, first: str, imported: str, native_spans: Any) -> None:
    """Start both, in the order asked for, and make the call."""
    logging.basicConfig(stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")
    if imported == "mcp":
        import_module("mcp.shared.memory")
        import_module("mcp.server")
    capture, elsewhere = Capture(), Elsewhere()
    datadogs = other == "ddtrace as the provider"
    provider: Any = import_module("ddtrace.opentelemetry").TracerProvider() if datadogs else capture.tracer_provider
    trace.set_tracer_provider(provider)
    if first == "other":
        start_other(other, capture, elsewhere)
    McpInstrumentor().instrument(
        tracer_provider=provider,
        meter_provider=capture.meter_provider,
        settings=McpSettings(native_spans=native_spans),
    )
    if first == "ours":
        start_other(other, capture, elsewhere)
    spans = asyncio.run(spans_of_a_call(capture, elsewhere))
    counts = [
        sum(
            point.count
            for point in capture.points(f"mcp.{side}.operation.duration")
            if (point.attributes or {}).get("gen_ai.tool.name") == "add"
        )
        for side in ("client", "server")
    ]
    print(json.dumps({"spans": spans, "counts": counts, "elsewhere": elsewhere}))


if __name__ == "__main__":
    main(*sys.argv[1:])

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
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture


def start_other(other: str, capture: Capture) -> None:
    """Start the other instrumentation, as its users do."""
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


async def spans_of_a_call(capture: Capture) -> list[dict[str, Any]]:
    """Make a call, and return its spans from the outside in."""
    async with sdk.in_memory(sdk.make_server()) as session:
        capture.clear()
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
    capture = Capture()
    trace.set_tracer_provider(capture.tracer_provider)
    if first == "other":
        start_other(other, capture)
    McpInstrumentor().instrument(
        tracer_provider=capture.tracer_provider,
        meter_provider=capture.meter_provider,
        settings=McpSettings(native_spans=native_spans),
    )
    if first == "ours":
        start_other(other, capture)
    spans = asyncio.run(spans_of_a_call(capture))
    counts = [
        sum(
            point.count
            for point in capture.points(f"mcp.{side}.operation.duration")
            if (point.attributes or {}).get("gen_ai.tool.name") == "add"
        )
        for side in ("client", "server")
    ]
    print(json.dumps({"spans": spans, "counts": counts}))


if __name__ == "__main__":
    main(*sys.argv[1:])

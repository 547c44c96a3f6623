"""A process in which nobody has set a provider, yet: what comes with a message goes on, and telemetry begins with one.

Providers are set once per process, so that this needs one of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys

_PROGRAM = """
import asyncio, json
from opentelemetry import baggage, context, metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.mcp.inflight import IN_FLIGHT
from tests.support import sdk

found, reader, exporter = {}, InMemoryMetricReader(), InMemorySpanExporter()
McpInstrumentor().instrument()
server = sdk.make_server()


@server.tool()
def tenant() -> str:
    return str(baggage.get_baggage("tenant"))


async def main():
    async with sdk.in_memory(server) as session:
        async def asked():
            return (await session.call_tool("tenant", {})).content[0].text

        token = context.attach(baggage.set_baggage("tenant", "t1"))
        found["with a tenant"] = await asked()
        context.detach(token)
        found["without"] = await asked()
        found["in flight"] = len(IN_FLIGHT)
        metrics.set_meter_provider(MeterProvider([reader]))
        await asked()
        data = reader.get_metrics_data()
        found["metrics"] = sorted(m.name for m in data.resource_metrics[0].scope_metrics[0].metrics)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        await asked()
        found["spans"] = [span.kind.name for span in exporter.get_finished_spans()]


asyncio.run(main())
print(json.dumps(found))
"""


def test_until_a_provider_is_set_context_is_passed_on_and_from_then_on_all_is_seen() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "with a tenant": "t1",
        "without": "None",
        "in flight": 0,
        "metrics": ["mcp.client.operation.duration", "mcp.server.operation.duration"],
        "spans": ["SERVER", "CLIENT"],
    }

"""A program of before OpenTelemetry: traced by the archived jaeger-client, speaking MCP by hand.

``call URL`` calls a tool over HTTP within a span, and prints that span; ``serve`` answers on stdio and prints, to
standard error, the span of each call. Its spans are errors. With ``LEGACY_AGENT_PORT`` they go to that UDP
port of loopback, as they did in their day.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from importlib import import_module
from typing import Any


def _tracer() -> Any:
    jaeger: Any = import_module("jaeger_client")
    port = os.environ.get("LEGACY_AGENT_PORT")
    if port is not None:
        agent = {"reporting_host": "127.0.0.1", "reporting_port": int(port)}
        wanted = {"sampler": {"type": "const", "param": 1}, "local_agent": agent}
        return jaeger.Config(wanted, service_name="legacy").initialize_tracer()
    reporter = import_module("jaeger_client.reporter").InMemoryReporter()
    sampler = import_module("jaeger_client.sampler").ConstSampler(True)
    return jaeger.Tracer(service_name="legacy", reporter=reporter, sampler=sampler)


def _told(span: Any) -> str:
    return json.dumps({"trace": f"{span.trace_id:032x}", "span": f"{span.span_id:016x}", "parent": span.parent_id})


def call(url: str) -> None:
    tracer = _tracer()
    with tracer.start_span("legacy agent") as span:
        carrier: dict[str, str] = {}
        tracer.inject(span.context, "text_map", carrier)
        params = {"name": "add", "arguments": {"a": 1, "b": 2}, "_meta": carrier}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        request = urllib.request.Request(url, json.dumps(message).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            assert '"3"' in response.read().decode()
    print(_told(span))


def serve() -> None:
    tracer = _tracer()
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        params = message.get("params") or {}
        result: dict[str, Any] = {"content": [{"type": "text", "text": "done"}]}
        if message["method"] == "initialize":
            info = {"name": "legacy", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        elif message["method"] == "tools/list":
            result = {"tools": []}
        else:
            parent = tracer.extract("text_map", params.get("_meta") or {})
            with tracer.start_span("legacy tool", child_of=parent) as span:
                span.set_tag("error", True)
            print(_told(span), file=sys.stderr, flush=True)
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
    if os.environ.get("LEGACY_AGENT_PORT"):
        tracer.close().result(timeout=10)  # sends what is still buffered


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else call(sys.argv[2])

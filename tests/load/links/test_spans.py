"""The spans of a request, after the fact: its own ids, its own times, the conventions' names."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from groundhog_otel.load.links.spans import SpanWriter
from groundhog_otel.load.results.result import Request
from groundhog_otel.load.session import ServerFacts
from groundhog_otel.mcp import guard
from groundhog_otel.testing import assert_conforms
from tests.load.links.calls import request

FACTS = ServerFacts("sample", "1", "2025-11-25", "http")


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    guard._said.clear()
    yield InMemorySpanExporter()
    assert not guard._said, "telemetry failed; see what was logged"


def _spans(exporter: InMemorySpanExporter, one: Request) -> tuple[ReadableSpan, ReadableSpan]:
    writer = SpanWriter("run-1", [exporter], Resource({"service.name": "load"}))
    writer.served_by(FACTS, "http://127.0.0.1:8000/mcp")
    writer.write(one)
    assert writer.close()
    root, client = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
    return root, client


def test_a_request_is_a_root_and_the_clients_span_with_exactly_its_ids_and_times(
    exporter: InMemorySpanExporter,
) -> None:
    one = request()
    root, client = _spans(exporter, one)
    assert (root.name, root.kind, root.parent) == ("groundhog.load.request", SpanKind.INTERNAL, None)
    assert (root.start_time, root.end_time) == (one.intended_ns, one.ended_ns)
    assert dict(root.attributes or {}) == {
        "groundhog.load.run_id": "run-1",
        "groundhog.load.scenario": "s",
        "groundhog.load.operation": "tools/call add",
        "groundhog.load.schedule.delay": 0.02,
    }
    assert (client.name, client.kind) == ("tools/call add", SpanKind.CLIENT)
    assert f"{client.context.trace_id:032x}" == f"{root.context.trace_id:032x}" == one.trace_id
    assert f"{client.context.span_id:016x}" == one.span_id
    assert client.parent is not None
    assert client.parent.span_id == root.context.span_id not in (0, client.context.span_id)
    assert (client.start_time, client.end_time) == (one.sent_ns, one.ended_ns)
    assert dict(client.attributes or {}) == {
        "groundhog.load.run_id": "run-1",
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "mcp.protocol.version": "2025-11-25",
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "server.address": "127.0.0.1",
        "server.port": 8000,
    }
    assert [(event.name, event.timestamp) for event in client.events] == [
        ("groundhog.load.written", one.written_ns),
        ("groundhog.load.read", one.read_ns),
    ]
    for span in (root, client):
        assert span.status.status_code is StatusCode.UNSET
        scope = span.instrumentation_scope
        assert scope is not None
        assert (scope.name, scope.schema_url) == ("groundhog_otel.load", semconv.GENAI_SCHEMA_URL)
    # Its JSON-RPC id is the official client's secret.
    assert_conforms([client], ignore=["jsonrpc.request.id"])


@pytest.mark.parametrize(
    ("error", "of_client", "code"),
    [
        ("timeout", "timeout", None),
        ("tool", "tool_error", None),
        ("jsonrpc:-32602", "-32602", "-32602"),
        ("jsonrpc", "jsonrpc", None),
        ("transport:httpx.ReadError", "httpx.ReadError", None),
        ("transport", "transport", None),
        ("assertion", None, None),
    ],
)
def test_errors_are_the_conventions_at_the_client_and_the_tests_own_at_the_root(
    exporter: InMemorySpanExporter, error: str, of_client: str | None, code: str | None
) -> None:
    root, client = _spans(exporter, request(error=error))
    assert (root.attributes or {})["error.type"] == error
    assert root.status.status_code is StatusCode.ERROR
    assert (client.attributes or {}).get("error.type") == of_client
    assert (client.attributes or {}).get("rpc.response.status_code") == code
    assert client.status.is_ok == (of_client is None)
    assert_conforms([client], ignore=["jsonrpc.request.id"])


@pytest.mark.parametrize(
    ("operation", "name", "attributes"),
    [
        ("ping", "ping", {}),
        ("tools/call two words", "tools/call two words", {"gen_ai.tool.name": "two words"}),
        ("prompts/get greet", "prompts/get greet", {"gen_ai.prompt.name": "greet"}),
        (
            "resources/read memo://u:pw@n?token=x",
            "resources/read",
            {"mcp.resource.uri": "memo://REDACTED@n?token=REDACTED"},
        ),
        ("completion/complete greet", "completion/complete", {}),
    ],
)
def test_every_kind_of_request(
    exporter: InMemorySpanExporter, operation: str, name: str, attributes: dict[str, str]
) -> None:
    root, client = _spans(exporter, request(operation=operation))
    assert client.name == name
    found = dict(client.attributes or {})
    for key, value in attributes.items():
        assert found[key] == value
    assert "pw" not in f"{found}{dict(root.attributes or {})}"


def test_what_cannot_be_written_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    exporter = InMemorySpanExporter()
    writer = SpanWriter("run-1", [exporter], Resource({}))
    writer.write(request(trace_id="nonsense"))
    writer.write(request())
    assert writer.close()
    assert len(exporter.get_finished_spans()) == 2
    assert "telemetry failed in load.spans" in caplog.text
    guard._said.clear()


def test_whoever_never_answers_holds_up_neither_the_test_nor_its_end(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exporter = OTLPSpanExporter(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces", timeout=30)
        writer = SpanWriter("run-1", [exporter], Resource({}))
        started = time.monotonic()
        for number in range(1, 3000):
            writer.write(request(span_id=f"{number:016x}"))
        assert not writer.close(0.2)
        assert time.monotonic() - started < 25, "it does not wait for the exporter's own limit"

"""What is found in environments with one thing wrong, in this process's own packages."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundhog_otel.diagnosis import Finding, examine
from tests.support.receiver import Receiver, receiving

CLOSED = {"OTEL_TRACES_EXPORTER": "groundhog_file", "OTEL_METRICS_EXPORTER": "groundhog_file"}
"""Nothing to export to, so that nothing is asked over the network."""


MUCH = """
file_format: '1.0'
propagator: {composite_list: tracecontext}
tracer_provider: {processors: [{simple: {exporter: {console: {}}}}]}
meter_provider: {readers: [{periodic: {exporter: {otlp_grpc: {endpoint: 'localhost:4317'}}}}]}
instrumentation/development: {python: {groundhog_mcp: {server_parent: both}, groundhog_resources: {enabled: false}}}
"""


def _to_fix(**environ: str) -> list[tuple[str, str, str]]:
    found = examine({**CLOSED, **environ})
    return [(one.about, one.says, one.fix or "") for one in found if one.level == "fix"]


def test_nothing_wrong_is_nothing_to_fix() -> None:
    assert _to_fix() == []


@pytest.mark.parametrize(
    ("name", "value", "says", "do"),
    [
        ("OTEL_SDK_DISABLED", "true", "nothing is recorded", "Unset OTEL_SDK_DISABLED"),
        ("OTEL_TRACES_EXPORTER", "console", "standard output, which is a stdio server's protocol", "groundhog_file"),
        (
            "OTEL_METRICS_EXPORTER",
            "zipkin",
            "no such exporter is installed",
            "pip install opentelemetry-exporter-zipkin",
        ),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "a, groundhog_mcp", "MCP is not instrumented", "Take groundhog_mcp"),
        ("OTEL_TRACES_SAMPLER", "always_off", "keeps no trace", "Write parentbased_always_on"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "is not installed; every trace is kept", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER", "traceidratio", "is not a sampler", "Set OTEL_TRACES_SAMPLER_ARG"),
        ("OTEL_PYTHON_MCP_NATIVE_SPANS", "both", "is not understood; using 'replace'", "Write replace or keep."),
        (
            "OTEL_PYTHON_GROUNDHOG_RESOURCES",
            "cpu",
            "is not understood",
            "Write process, system, process,system or none.",
        ),
        (
            "OTEL_PYTHON_GROUNDHOG_RUNTIME",
            "cpu",
            "is not understood",
            "Write any of event_loop, worker_threads, gc and",
        ),
        ("OTEL_PYTHON_GROUNDHOG_PROFILE", "cup", "is not understood; using none", "Write any of cpu or light, memory,"),
        (
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
            "groundhog_profiling",
            "nothing is profiled",
            "Take groundhog_profiling out",
        ),
        (
            "OTEL_PYTHON_GROUNDHOG_HEALTH_PORT",
            "http",
            "is not understood; using none",
            "Write a port, 1 to 65535, or 0",
        ),
        (
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
            "groundhog_monitor",
            "nobody is told how healthy the process is",
            "Take groundhog_monitor out",
        ),
        (
            "OTEL_PYTHON_GROUNDHOG_ACTIONS",
            "Limiter",
            "is not understood; using none",
            "Write actions with their parameters and ; between them",
        ),
        ("OTEL_PYTHON_MCP_REDACTOR", "no_such_package.a:b", "no module no_such_package is found", "PYTHONPATH"),
        (
            "OTEL_EXPORTER_OTLP_ENPOINT",
            "http://x:1",
            "is no variable of OpenTelemetry's",
            "OTEL_EXPORTER_OTLP_ENDPOINT.",
        ),
        ("OTEL_SERVICENAME", "me", "is no variable of OpenTelemetry's", "Write OTEL_SERVICE_NAME."),
        ("OTEL_PYTHON_MCP_NATIV_SPANS", "keep", "is no variable", "Write OTEL_PYTHON_MCP_NATIVE_SPANS."),
        ("OTEL_CONFIG_FILE", "/no/such/file.yaml", "is not there", "Write the file's path"),
    ],
)
def test_one_thing_wrong_is_one_thing_to_fix(name: str, value: str, says: str, do: str) -> None:
    asked = {"groundhog_profiling": {"OTEL_PYTHON_GROUNDHOG_PROFILE": "cpu"},
             "groundhog_monitor": {"OTEL_PYTHON_GROUNDHOG_HEALTH_PORT": "0"}}  # fmt: skip
    ((_, said, fix),) = _to_fix(**{name: value, **asked.get(value, {})})
    assert name in said or name in fix or value in said
    assert says in said
    assert do in fix


@pytest.mark.parametrize(
    "name",
    ["OTEL_PYTHON_FLASK_EXCLUDED_URLS", "OTEL_INSTRUMENTATION_HTTP_CAPTURE", "OTEL_MY_OWN", "MY_OTEL_SERVICENAME"],
)
def test_names_of_others_are_left_alone(name: str) -> None:
    assert _to_fix(**{name: "x"}) == []


@pytest.mark.parametrize(
    ("environ", "says", "do"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "is not a protocol of the Python exporters", "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"}, "is not a web address", "Write http://host:port."),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318/v1/traces", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            "the exporter adds /v1/traces to it",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:4318",
        ),
    ],
)
def test_an_endpoint_that_cannot_be_one(environ: dict[str, str], says: str, do: str) -> None:
    ((_, said, fix),) = _to_fix(**{"OTEL_TRACES_EXPORTER": "otlp", **environ})
    assert says in said
    assert do in fix


@pytest.mark.parametrize("none", [("TRACES",), ("METRICS",), ("TRACES", "METRICS")])
def test_one_signal_alone_is_a_choice_and_none_a_mistake(none: tuple[str, ...]) -> None:
    environ = {"OTEL_TRACES_EXPORTER": "groundhog_file", "OTEL_METRICS_EXPORTER": "groundhog_file"}
    findings = list(examine({**environ, **{f"OTEL_{signal}_EXPORTER": "none" for signal in none}}))
    found = [one for one in findings if "go nowhere" in one.says]
    assert [(one.about, one.level) for one in found] == [
        (signal.lower(), "note" if len(none) == 1 else "fix") for signal in none
    ]
    assert all("set it to otlp" in (one.fix or "") for one in found)


def _about(findings: list[Finding], about: str) -> Finding:
    (found,) = [one for one in findings if one.about == about]
    return found


def test_each_signal_goes_where_its_own_variables_say() -> None:
    with receiving() as traces, socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        held.close()
        findings = list(
            examine(
                {
                    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{traces.url}/v1/traces",
                    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                    "OTEL_TRACES_SAMPLER_ARG": "0.25",
                }
            )
        )
    assert _about(findings, "traces").level == "ok"
    assert "connection refused" in _about(findings, "metrics").says
    assert _about(findings, "sampler").says == "parentbased_traceidratio: 0.25 of all traces"


def test_actions_are_said_and_that_they_are_turned_off() -> None:
    asked = {**CLOSED, "OTEL_PYTHON_GROUNDHOG_ACTIONS": "limiter:tokens=80;gc_freeze"}
    found = _about(list(examine(asked)), "actions")
    assert (found.level, found.says) == ("ok", "actions are applied at the start: limiter:tokens=80; gc_freeze")
    off = _about(list(examine({**asked, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "groundhog_actions"})), "actions")
    assert off.says == "no action is applied: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS has groundhog_actions"
    assert not [one for one in examine(CLOSED) if one.about == "actions"]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that the examples' ``${OTEL_EXPORTER_OTLP_ENDPOINT}`` stands for."""
    with receiving() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        yield server


@pytest.mark.parametrize("name", ["collector.yaml", "sampled.yaml"])
def test_the_example_files_have_nothing_to_fix(name: str, receiver: Receiver) -> None:
    path = Path(__file__).resolve().parents[2] / "deploy" / "sdk" / name
    findings = list(examine({"OTEL_CONFIG_FILE": str(path)}))
    assert [one for one in findings if one.level == "fix"] == []
    assert _about(findings, "traces and metrics").says.endswith("over http/protobuf, which takes them")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file_format: '1.0'\nno_such: [", ["is not a configuration"]),
        ("file_format: '7.0'", ["is not a configuration"]),
        ("file_format: '1.0'\ndisabled: true", ["has disabled: true"]),
        (
            "file_format: '1.0'",
            ["has no propagator section", "traces go nowhere", "metrics go nowhere"],
        ),
        (
            MUCH,
            [
                "server_parent='both' for groundhog_mcp",
                "has enabled: false for groundhog_resources",
                "writes traces to standard output",
                "endpoint 'localhost:4317'",
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, says: list[str]) -> None:
    file = tmp_path / "otel.yaml"
    file.write_text(text)
    found = [one for one in examine({"OTEL_CONFIG_FILE": str(file)}) if one.level == "fix"]
    assert [expected in one.says for one, expected in zip(found, says, strict=True)] == [True] * len(says), found
    assert all(one.fix for one in found)

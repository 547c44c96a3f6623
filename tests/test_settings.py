"""What each way of giving a setting accepts, and what it says about what it does not."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.settings import McpSettings, ResourceSettings, metric_interval_ms, otlp_protocol, resolved

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def test_nothing_given_is_the_defaults() -> None:
    assert McpSettings.from_environ({}) == (McpSettings(), [])
    assert ResourceSettings.from_environ({}) == (ResourceSettings(), [])


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("OTEL_PYTHON_MCP_NATIVE_SPANS", "Keep", "native_spans", "keep"),
        (
            "OTEL_PYTHON_MCP_EXCLUDED_METHODS",
            " ping, notifications/* ,",
            "excluded_methods",
            ("ping", "notifications/*"),
        ),
        *((CAPTURE, value, "capture_content", True) for value in ("true", "True", "SPAN_ONLY", "SPAN_AND_EVENT")),
        *((CAPTURE, value, "capture_content", False) for value in ("false", "NO_CONTENT", "EVENT_ONLY", "", " ")),
        ("OTEL_PYTHON_MCP_CAPTURE_MAX_LENGTH", "200", "capture_max_length", 200),
        ("OTEL_PYTHON_MCP_REDACTOR", "my.own:Filter.apply", "redact", "my.own:Filter.apply"),
        ("OTEL_PYTHON_MCP_RESOURCE_URI_IN_NAME", "TRUE", "resource_uri_in_name", True),
        ("OTEL_PYTHON_MCP_SERVER_PARENT", "ambient", "server_parent", "ambient"),
        ("OTEL_PYTHON_MCP_FLUSH_ON_SIGTERM", "false", "flush_on_sigterm", False),
        ("OTEL_PYTHON_MCP_EXECUTE_TOOL_SPANS", "enrich", "execute_tool", "enrich"),
        ("OTEL_PYTHON_MCP_DETAIL", "true", "detail", True),
    ],
)
def test_every_variable_is_read(variable: str, value: str, field: str, expected: object) -> None:
    found, problems = McpSettings.from_environ({variable: value})
    assert (getattr(found, field), problems) == (expected, [])


@pytest.mark.parametrize(
    ("variable", "value", "used", "write"),
    [
        (CAPTURE, "yes", "false", "true or false, or SPAN_ONLY or NO_CONTENT"),
        ("OTEL_PYTHON_MCP_CAPTURE_MAX_LENGTH", "0", "4096", "a whole number of characters from 1 up"),
        ("OTEL_PYTHON_MCP_CAPTURE_MAX_LENGTH", "4k", "4096", "a whole number of characters from 1 up"),
        ("OTEL_PYTHON_MCP_RESOURCE_URI_IN_NAME", "1", "false", "true or false"),
        ("OTEL_PYTHON_MCP_SERVER_PARENT", "none", "'meta'", "meta or ambient"),
        ("OTEL_PYTHON_MCP_FLUSH_ON_SIGTERM", "off", "true", "true or false"),
        ("OTEL_PYTHON_MCP_EXECUTE_TOOL_SPANS", "both", "'own'", "own or enrich"),
        ("OTEL_PYTHON_MCP_DETAIL", "sizes", "false", "true or false"),
    ],
)
def test_a_wrong_variable_is_one_sentence_and_the_default(variable: str, value: str, used: str, write: str) -> None:
    found, problems = McpSettings.from_environ({variable: value})
    assert found == McpSettings()
    assert problems == [f"{variable}={value!r} is not understood; using {used}. Write {write}."]


def test_a_wrong_redactor_means_no_content() -> None:
    """Whoever asks for a redactor has secrets; a typing error must not show them."""
    found, problems = McpSettings.from_environ({CAPTURE: "true", "OTEL_PYTHON_MCP_REDACTOR": "my.module.filter"})
    assert found == McpSettings()
    assert problems == [
        "OTEL_PYTHON_MCP_REDACTOR='my.module.filter' is not understood; using none. Write module:function.",
        "Without the redactor that was asked for, no content is captured.",
    ]


def test_a_redactor_is_found_by_its_name() -> None:
    expected: list[tuple[Any, object]] = [
        ("json:dumps", json.dumps),
        ("json:JSONEncoder.encode", json.JSONEncoder.encode),
        (json.dumps, json.dumps),
        (None, None),
    ]
    for given, function in expected:
        assert resolved(given) == (function, None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("json.no_such:dumps", "cannot be imported (ModuleNotFoundError"),
        ("json:no_such", "cannot be imported (AttributeError"),
        ("json:__name__", "is not a function"),
    ],
)
def test_a_redactor_that_is_not_there_is_a_sentence(name: str, said: str) -> None:
    found, problem = resolved(name)
    assert found is None
    assert problem is not None
    assert said in problem
    assert "no content is captured. Write module:function" in problem


def test_arguments_come_first_and_the_environment_gives_the_rest() -> None:
    environ = {"OTEL_PYTHON_MCP_NATIVE_SPANS": "keep", "OTEL_PYTHON_MCP_EXCLUDED_METHODS": "ping", CAPTURE: "true"}
    kwargs: dict[str, Any] = {"excluded_methods": [], "capture_max_length": 10, "redact": str, "tracer_provider": None}
    assert McpSettings.given(kwargs, environ) == (
        McpSettings(native_spans="keep", capture_content=True, capture_max_length=10, redact=str),  # type: ignore[arg-type]
        [],
    )
    assert ResourceSettings.given({"system": False}, {"OTEL_PYTHON_GROUNDHOG_RESOURCES": "system"}) == (
        ResourceSettings(process=False, system=False),
        [],
    )


def test_a_settings_object_stands_for_the_environment() -> None:
    environ = {"OTEL_PYTHON_MCP_NATIVE_SPANS": "keep"}
    kwargs: dict[str, Any] = {"settings": McpSettings(capture_max_length=7), "server_parent": "ambient"}
    assert McpSettings.given(kwargs, environ) == (McpSettings(capture_max_length=7, server_parent="ambient"), [])


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        (
            {"native_spans": "both"},
            "native_spans='both' in instrument() is not understood; using 'keep'. Write replace or keep.",
        ),
        (
            {"server_parent": None, "execute_tool": 5},
            "execute_tool=5 in instrument() is not understood; using 'own'. Write own or enrich.",
        ),
        (
            {"capture_max_length": True},
            (
                "capture_max_length=True in instrument() is not understood; using 4096. "
                "Write a whole number of characters from 1 up."
            ),
        ),
        (
            {"exclude_methods": ["ping"]},
            (
                "'exclude_methods' in instrument() is not an option (did you mean 'excluded_methods'?). Options are: "
                "native_spans, excluded_methods, capture_content, capture_max_length, redact, resource_uri_in_name, "
                "server_parent, flush_on_sigterm, exit_timeout_s, forward_environment, execute_tool, detail."
            ),
        ),
    ],
)
def test_a_wrong_argument_is_a_warning_and_the_rest_goes_on(
    kwargs: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_MCP_NATIVE_SPANS", "keep")
    instrumentor = McpInstrumentor()
    with caplog.at_level(logging.WARNING):
        instrumentor.instrument(**kwargs)
        instrumentor.uninstrument()
    assert [record.getMessage() for record in caplog.records] == [said]


def test_a_wrong_argument_of_the_resource_instrumentor_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    instrumentor = ResourceInstrumentor()
    instrumentor.instrument(sytem=False, process="no")
    instrumentor.uninstrument()
    assert [record.getMessage() for record in caplog.records] == [
        "process='no' in instrument() is not understood; using true. Write true or false.",
        "'sytem' in instrument() is not an option (did you mean 'system'?). Options are: process, system, folders.",
    ]


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": " grpc "}, "grpc"),
    ],
)
def test_a_signals_own_protocol_counts_before_that_of_all(environ: dict[str, str], protocol: str) -> None:
    assert otlp_protocol("traces", environ) == protocol


@pytest.mark.parametrize(("value", "interval"), [("", None), ("soon", None), ("-1", None), ("0", None), ("250", 250.0)])
def test_an_interval_is_one_that_somebody_has_set(value: str, interval: float | None) -> None:
    assert metric_interval_ms({"OTEL_METRIC_EXPORT_INTERVAL": value}) == interval
    assert metric_interval_ms({}) is None

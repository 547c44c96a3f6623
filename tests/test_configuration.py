"""Options on the command line and in a configuration file, of programs under ``opentelemetry-instrument``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel import environment_variables
from groundhog_otel.diagnosis import examine
from tests.support.receiver import receiving

ROOT = Path(__file__).resolve().parent.parent
INSTRUMENT = str(Path(sys.executable).parent / "opentelemetry-instrument")
EXAMPLES = ROOT / "deploy" / "sdk"

UPSTREAM = "OTEL_CONFIG_FILE is set; ignoring configurator kwargs: ['auto_instrumentation_version']\n"

CALL = """
import asyncio
from tests.support import sdk

async def main():
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.send_ping()
        await asyncio.wait_for(session.call_tool("add", {"a": 1, "b": 2}), 30)

asyncio.run(main())
"""
SETTINGS = """
from groundhog_otel.settings import McpSettings
print(McpSettings.from_environ())
"""


def _run(*options: str, program: str = CALL, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [INSTRUMENT, *options, sys.executable, "-c", program],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    # The distro's configurator says this of its own launcher, whatever the file.
    done.stderr = done.stderr.replace(UPSTREAM, "")
    return done


def _file(folder: Path, options: str) -> str:
    """Write a configuration file with these instrumentations, and spans in a file beside it; return its path."""
    file = folder / "otel.yaml"
    file.write_text(
        f"""
file_format: "1.0"
propagator: {{composite_list: tracecontext}}
tracer_provider:
  processors:
    - simple: {{exporter: {{otlp_file/development: {{output_stream: "file://{folder}/spans.jsonl"}}}}}}
instrumentation/development:
  python:
{options}
"""
    )
    return str(file)


def test_every_variable_is_an_option_in_the_help() -> None:
    done = subprocess.run([INSTRUMENT, "--help"], capture_output=True, text=True, timeout=50, check=True)
    for name in environment_variables.__all__:
        assert f"  --{name.removeprefix('OTEL_PYTHON_').lower()} " in done.stdout


def test_options_on_the_command_line_count() -> None:
    quiet = ("--traces_exporter", "none", "--metrics_exporter", "none", "--logs_exporter", "none")
    options = ("--mcp_native_spans", "keep", "--mcp_capture_max_length", "12", "--mcp_redactor", "json:dumps")
    done = _run(*quiet, *options, program=SETTINGS, OTEL_PYTHON_MCP_NATIVE_SPANS="replace")
    assert not done.stderr
    for said in ("native_spans='keep'", "capture_max_length=12", "redact='json:dumps'"):
        assert said in done.stdout


def test_the_collector_example_exports_and_leaves_pings_out() -> None:
    with receiving() as receiver:
        done = _run(OTEL_CONFIG_FILE=str(EXAMPLES / "collector.yaml"), OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = [span.name for span in receiver.spans]
    assert names.count("tools/call add") == 2, names
    assert "ping" not in names
    (trace,) = {span.trace_id for span in receiver.spans if span.name == "tools/call add"}
    assert trace, "the propagator is configured"
    assert {"mcp.client.operation.duration", "process.memory.usage"} <= set(receiver.metrics)
    assert not any(name.startswith("system.") for name in receiver.metrics)


def test_the_sampled_example_samples_and_its_views_hold() -> None:
    """At a tenth of the traces nothing can be asserted of a few; at none and at all of them it can."""
    file = {"OTEL_CONFIG_FILE": str(EXAMPLES / "sampled.yaml")}
    with receiving() as receiver:
        none = _run(OTEL_TRACES_SAMPLER_ARG="0", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **file)
        assert (none.returncode, none.stderr) == (0, "")
        assert not receiver.spans
        every = _run(OTEL_TRACES_SAMPLER_ARG="1", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **file)
    assert (every.returncode, every.stderr) == (0, "")
    assert "tools/call add" in {span.name for span in receiver.spans}
    assert not any("notifications/" in span.name for span in receiver.spans)
    points = receiver.metrics["asyncio.process.duration"].histogram.data_points
    assert {attribute.key for point in points for attribute in point.attributes} == {"type", "state"}
    assert {tuple(point.explicit_bounds) for point in points} == {(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60)}


def test_a_wrong_option_in_a_file_is_a_warning_that_names_it(tmp_path: Path) -> None:
    path = _file(tmp_path, "    groundhog_mcp: {native_spans: both, exclude_methods: [ping], server_parent: ambient}")
    done = _run(OTEL_CONFIG_FILE=path)
    assert done.returncode == 0
    where = f"for groundhog_mcp in {path} or instrument()"
    assert done.stderr.splitlines() == [
        f"native_spans='both' {where} is not understood; using 'replace'. Write replace or keep.",
        (
            f"'exclude_methods' {where} is not an option (did you mean 'excluded_methods'?). Options are: "
            "native_spans, excluded_methods, capture_content, capture_max_length, redact, resource_uri_in_name, "
            "server_parent, flush_on_sigterm, exit_timeout_s, forward_environment, execute_tool, detail."
        ),
    ]
    assert "tools/call add" in (tmp_path / "spans.jsonl").read_text()


def test_wrong_options_of_the_others_are_warnings_as_well(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "    groundhog_resources: {system: maybe, folder: /x}\n"
        "    groundhog_runtime: {parts: 7, blocking_threshold_ms: soon}",
    )
    done = _run(OTEL_CONFIG_FILE=path)
    assert done.returncode == 0

    def where(name: str) -> str:
        return f"for {name} in {path} or instrument()"

    assert sorted(done.stderr.splitlines()) == sorted(
        [
            f"system='maybe' {where('groundhog_resources')} is not understood; using false. Write true or false.",
            (
                f"'folder' {where('groundhog_resources')} is not an option (did you mean 'folders'?). "
                "Options are: process, system, folders."
            ),
            (
                f"parts=7 {where('groundhog_runtime')} is not understood; "
                "using 'event_loop,gc,requests,worker_threads'. Write any of event_loop, worker_threads, "
                "gc and requests, with commas between them, or none."
            ),
            (
                f"blocking_threshold_ms='soon' {where('groundhog_runtime')} is not understood; using 100. "
                "Write whole milliseconds, 10 or more."
            ),
        ]
    )


@pytest.mark.parametrize(
    "text",
    [
        None,
        "file_format: [1.0",
        'file_format: "1.0"\ntracer_provider: {processors: 5}\n',
        'file_format: "1.0"\ninstrumentation/development: {python: {groundhog_mcp: 5}}\n',
    ],
    ids=["missing", "no YAML", "a wrong section", "no options"],
)
def test_a_file_that_the_sdk_cannot_read_stops_no_program(tmp_path: Path, text: str | None) -> None:
    """What it says is upstream's, with a traceback; `groundhog doctor` says it in a sentence."""
    path = tmp_path / "otel.yaml"
    if text is not None:
        path.write_text(text)
    done = _run(OTEL_CONFIG_FILE=str(path), program="print('ran')")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "ConfigurationError: " in done.stderr
    (found,) = [one for one in examine({"OTEL_CONFIG_FILE": str(path)}) if one.level == "fix"]
    assert found.fix
    assert "\n" not in found.says


@pytest.mark.parametrize(
    ("options", "instrumented"),
    [
        ("    groundhog_mcp: {enabled: false}", False),
        ("    groundhog_mcp: {}", True),
        ("    groundhog_resources: {system: false}", True),
    ],
)
def test_a_file_turns_off_what_it_says_and_nothing_is_started_twice(
    tmp_path: Path, options: str, instrumented: bool
) -> None:
    done = _run(OTEL_CONFIG_FILE=_file(tmp_path, options))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    spans = tmp_path / "spans.jsonl"
    assert (spans.exists() and "groundhog_otel.mcp" in spans.read_text()) is instrumented


def test_what_a_file_leaves_open_the_environment_gives(tmp_path: Path) -> None:
    path = _file(tmp_path, "    groundhog_mcp: {excluded_methods: [ping]}")
    done = _run(OTEL_CONFIG_FILE=path, OTEL_PYTHON_MCP_NATIVE_SPANS="both", OTEL_PYTHON_MCP_EXCLUDED_METHODS="tools/*")
    assert "OTEL_PYTHON_MCP_NATIVE_SPANS='both' is not understood" in done.stderr
    recorded = (tmp_path / "spans.jsonl").read_text()
    assert "tools/call add" in recorded
    assert '"ping"' not in recorded

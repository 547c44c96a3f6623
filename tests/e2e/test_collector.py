"""The Collector as it is built: every overlay, what it listens on, and services of before OpenTelemetry."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import RunningStack, eventually, say
from tests.e2e.spans import call, new_ids, send
from tests.e2e.tiers import Collector
from tests.support.otlp import receiving
from tests.support.processes import INSTRUMENT, ROOT, environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OVERLAYS = ROOT / "collector" / "overlays"
SECOND = {"balancer-dns": ["balancer"], "kafka-sampler": ["sampler"]}
"""Overlays that stand on another one."""
LEGACY = ROOT / "tests" / "mcp" / "legacy_jaeger.py"
needs_the_legacy_client = pytest.mark.skipif(find_spec("jaeger_client") is None, reason="in the main environment only")


@pytest.fixture(scope="module")
def program(settings: StackSettings) -> Path:
    return Stack(settings, say=say).build()["groundhog-collector"]


def _validate(program: Path, *configs: str) -> subprocess.CompletedProcess[str]:
    command = [str(program), "validate", *(f"--config={config}" for config in configs)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDHOG_")}
    return subprocess.run(command, env=own, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("overlay", sorted(file.stem for file in OVERLAYS.glob("*.yaml")))
def test_the_collector_takes_every_overlay_and_the_readme_knows_it(program: Path, overlay: str) -> None:
    files = [OVERLAYS / f"{name}.yaml" for name in (*SECOND.get(overlay, ()), overlay)]
    done = _validate(program, str(ROOT / "otel-config.yaml"), *map(str, files))
    assert done.returncode == 0, done.stderr
    assert f"| `{overlay}` |" in (ROOT / "collector" / "README.md").read_text("utf-8")


def test_one_setting_on_the_command_line(program: Path) -> None:
    config = str(ROOT / "otel-config.yaml")
    assert _validate(program, config, "yaml:service::telemetry::logs::level: debug").returncode == 0
    assert "unrecognized level" in _validate(program, config, "yaml:service::telemetry::logs::level: loud").stderr


def test_the_collector_carries_what_its_manifest_names(program: Path) -> None:
    done = subprocess.run([program, "components"], capture_output=True, text=True, timeout=30, check=True)
    manifest = (ROOT / "collector" / "builder-config.yaml").read_text("utf-8")
    named = set(re.findall(r"gomod: (\S+ v\S+)", manifest))
    assert set(re.findall(r"module: (\S+ v\S+)", done.stdout)) >= {one for one in named if "/provider/" not in one}


def test_without_settings_it_listens_on_loopback_only(program: Path, settings: StackSettings, tmp_path: Path) -> None:
    collector = Collector("alone", program, settings._replace(state=tmp_path), [], {})
    try:
        collector.start()
        assert collector.running is not None
        found = psutil.Process(collector.running.pid).net_connections("inet")
        listening = {one.laddr for one in found if one.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)}
    finally:
        collector.stop()
    assert {ip for ip, _ in listening} == {"127.0.0.1"}
    names = ("otlp_grpc", "otlp_http", "collector_jaeger_udp", "collector_jaeger_http", "collector_health")
    assert {port for _, port in listening} >= {collector.ports[name] for name in names}


@needs_the_legacy_client
def test_one_trace_across_a_legacy_service_and_an_mcp_client(running_stack: RunningStack) -> None:
    """The legacy one reports over UDP, as jaeger-client does, and is what makes the trace an error."""
    done = subprocess.run(
        [INSTRUMENT, sys.executable, str(Path(__file__).with_name("client_program.py")), sys.executable, str(LEGACY),
         "serve"],
        input=json.dumps([["anything", {}, 1, 0]]),
        env=environment(
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_SERVICE_NAME="modern",
            SERVER_NAME="unused",
            OTEL_PROPAGATORS="jaeger",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{running_stack.ports['otlp_grpc']}",
            LEGACY_AGENT_PORT=str(running_stack.ports["collector_jaeger_udp"]),
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    def whole() -> dict[str, Any] | None:
        for trace in running_stack.traces("legacy"):
            if {"legacy tool", "tools/call anything"} <= {span["operationName"] for span in trace["spans"]}:
                return trace
        return None

    trace = eventually(whole, within_s=30, what="both services' spans in one stored trace")
    spans = {span["operationName"]: span for span in trace["spans"]}
    assert spans["legacy tool"]["references"][0]["spanID"] == spans["tools/call anything"]["spanID"]
    assert {process["serviceName"] for process in trace["processes"].values()} == {"modern", "legacy"}


@needs_the_legacy_client
def test_spans_of_a_legacy_service_over_http(running_stack: RunningStack) -> None:
    types = import_module("jaeger_client.thrift_gen.jaeger.ttypes")
    thrift, protocol = import_module("thrift.TSerialization"), import_module("thrift.protocol.TBinaryProtocol")
    trace = int.from_bytes(os.urandom(7), "big")
    span = types.Span(
        traceIdLow=trace, traceIdHigh=0, spanId=trace, parentSpanId=0, operationName="legacy http", flags=1,
        startTime=int(time.time() * 1e6), duration=1000,
        tags=[types.Tag(key="error", vType=types.TagType.BOOL, vBool=True)],
    )  # fmt: skip
    batch = types.Batch(process=types.Process(serviceName="legacy-http"), spans=[span])
    body = thrift.serialize(batch, protocol_factory=protocol.TBinaryProtocolFactory())
    connection = http.client.HTTPConnection("127.0.0.1", running_stack.ports["collector_jaeger_http"], timeout=10)
    connection.request("POST", "/api/traces", body, {"Content-Type": "application/x-thrift"})
    assert connection.getresponse().status == 202
    connection.close()
    eventually(lambda: running_stack.trace(f"{trace:032x}"), within_s=30, what="the trace in Jaeger")


def test_the_file_overlay_writes_kept_traces_beside_sending_them(
    program: Path, settings: StackSettings, tmp_path: Path
) -> None:
    (trace,) = new_ids(1)
    file = tmp_path / "kept" / "traces.jsonl"
    with receiving() as sink:
        own = {"GROUNDHOG_JAEGER_OTLP": sink.grpc, "GROUNDHOG_FILE": str(file)}
        collector = Collector("filing", program, settings._replace(state=tmp_path), ["file"], own)
        try:
            collector.start()
            send(collector.ports["otlp_http"], [call(trace, error=True, root=True)])
            eventually(lambda: sink.spans and file.exists() and file.read_text(), within_s=20, what="both")
        finally:
            collector.stop()
    assert json.loads(file.read_text().splitlines()[0])["resourceSpans"]
    assert trace.hex() in file.read_text()

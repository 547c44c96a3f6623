"""Where telemetry goes, and that what is tested joins it without anybody doing anything."""

from __future__ import annotations

import asyncio
import pickle
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.links.finding import look_up
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.results.result import Request
from groundhog_otel.recording.command import Recorded
from groundhog_otel.store.reader import read_runs
from tests.load.links.calls import call, request
from tests.support import sdk
from tests.support.ports import free_ports
from tests.support.processes import environment
from tests.support.receiver import receiving


@pytest.mark.parametrize(
    ("mode", "environ", "chosen"),
    [
        (None, {}, "files"),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, "otlp"),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4317"}, "otlp"),
        ("files", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, "files"),
        ("otlp", {}, "otlp"),
        ("none", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, "none"),
    ],
)
def test_what_is_asked_for_counts_then_the_environment(mode: str | None, environ: dict[str, str], chosen: str) -> None:
    telemetry = Telemetry.chosen("r", mode, environ=environ)
    assert telemetry.mode == chosen
    assert telemetry.store.is_absolute()
    assert pickle.loads(pickle.dumps(telemetry)) == telemetry


def test_a_mode_that_there_is_not() -> None:
    with pytest.raises(LoadError, match=r"--telemetry: 'jaeger' is not known\. Write otlp, files or none"):
        Telemetry.chosen("r", "jaeger")


def test_what_keeps_telemetry_from_arriving_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    files = Telemetry("files", "r", tmp_path / "file")
    assert "Name another folder" in (files.problem() or "")
    assert files.span_writer() is None
    otlp = Telemetry("otlp", "r", tmp_path)
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_ports()['otlp_grpc']}"}
    assert "nothing listens" in (otlp.problem(nowhere) or "")
    assert "groundhog stack up" in (otlp.problem(nowhere) or "")
    with receiving() as receiver:
        there = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        assert otlp.problem({**there, "OTEL_TRACES_EXPORTER": "none"}) is None
    assert Telemetry("none", "r", tmp_path).problem() is None
    assert Telemetry("none", "r", tmp_path).span_writer() is None


async def _calls(server: Recorded) -> list[Request]:
    async with sdk.over_stdio(*server.words, env=dict(server.environ)) as session:
        return [await call(session, "add", {"a": 1, "b": 2}) for _ in range(3)]


def test_a_server_on_stdio_is_recorded_into_the_run_and_joins_its_traces(tmp_path: Path) -> None:
    telemetry = Telemetry("files", "run-1", tmp_path)
    writer = telemetry.span_writer()
    assert writer is not None
    requests = asyncio.run(_calls(telemetry.server([sys.executable, "-m", "tests.support.sdk"], environment())))
    for one in requests:
        writer.write(one)
    assert writer.close()

    traces = {trace.trace_id: trace.spans for trace in read_runs([telemetry.folder]).traces()}
    for one in requests:
        by_kind = {span.kind: span for span in traces[one.trace_id]}
        assert set(by_kind) == {"internal", "client", "server"}
        assert by_kind["client"].parent_id == by_kind["internal"].span_id
        assert by_kind["server"].parent_id == by_kind["client"].span_id == one.span_id
        assert by_kind["client"].process.service == "groundhog-load"
        assert by_kind["server"].process.service == "tests.support.sdk"
        assert by_kind["client"].process.pid != by_kind["server"].process.pid

    source = telemetry.source(started_at_s=requests[0].sent_ns / 1e9)
    assert source is not None
    link = look_up(requests, source).link(requests[1])
    assert (link.found, link.missing) == (True, None)
    assert Path(link.url_or_file or "").parent == telemetry.folder
    words = shlex.split(link.command or "")
    words[0] = str(Path(sys.executable).with_name(words[0]))
    shown = subprocess.run(words, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert [line.split()[0] for line in shown.stdout.splitlines() if " ms" in line and "trace" not in line] == [
        "groundhog.load.request", "tools/call", "tools/call",
    ]  # fmt: skip


def test_where_traces_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDHOG_PORT_OFFSET", "5")
    otlp = Telemetry("otlp", "r", tmp_path)
    assert [getattr(otlp.source(started_at_s=0, jaeger=given), "name", None) for given in (None, "http://j:1")] == [
        "Jaeger at http://127.0.0.1:16691", "Jaeger at http://j:1",
    ]  # fmt: skip
    assert Telemetry("none", "r", tmp_path).source(started_at_s=0) is None


def test_over_otlp_spans_and_metrics_go_where_the_sdks_variables_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "the-server")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
        writer = Telemetry.chosen("run-1").span_writer()
        assert writer is not None
        writer.write(request())
        assert writer.close()
    assert {span.name for span in receiver.spans} == {"groundhog.load.request", "tools/call add"}


def test_the_server_that_is_tested_keeps_the_users_otlp(tmp_path: Path) -> None:
    otlp = Telemetry("otlp", "r", tmp_path)
    made = otlp.server([sys.executable, "server.py"], {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"})
    assert made.words[0].endswith("opentelemetry-instrument")
    assert made.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://c:4317"
    assert "GROUNDHOG_RUN_ID" not in made.environ
    assert Telemetry("none", "r", tmp_path).server(["x"], {}).words == ("x",)
    with pytest.raises(LoadError, match="no-such-command is not a command"):
        otlp.server(["no-such-command"], {})

"""Which source a place is, and what those of files say; what real backends say is in tests/e2e/test_sources.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundhog_otel.store import StoreError, telemetry
from groundhog_otel.store.layout import prepare, signal_file
from groundhog_otel.store.sources import open_source
from groundhog_otel.store.telemetry import Files, JaegerAndPrometheus, JaegerTraces, PrometheusMetrics
from tests.store.backend import Answer, answering
from tests.support.ports import free_ports
from tests.support.recorded import MS, SERVER, START, span, traces_line

BUILD = b'{"status":"success","data":{"version":"3.1.0"}}'


def _jaeger(path: str, _query: dict[str, str]) -> tuple[int, bytes]:
    if path == "/api/v3/services":
        return 200, b'{"services":["app"]}'
    if path == "/api/v3/traces":
        return 200, json.dumps({"result": json.loads(traces_line(span()))}).encode()
    return 404, b""


def _prometheus(path: str, _query: dict[str, str]) -> tuple[int, bytes]:
    if path == "/api/v1/status/buildinfo":
        return 200, BUILD
    if path == "/api/v1/query":
        return 200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}'
    return 404, b""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for name, ms in (("r1", 10), ("r2", 20)):
        run = prepare(tmp_path / "store", name)
        lines = [
            traces_line(span(ms=ms), span(own=2, trace=2, at_ms=100, ms=ms)),
            traces_line(span(own=3, parent=1, kind="server", process=SERVER, error="timeout")),
        ]
        for service, pid, line in (("app", 11, lines[0]), ("srv", 22, lines[1])):
            signal_file(run, service=service, pid=pid, signal="traces").write_text(line)
    return tmp_path / "store"


def test_a_folder_is_its_latest_run_or_another(store: Path) -> None:
    assert [one.duration_s for one in open_source(store).read().spans] == [0.02, 0.02, 0.01]
    assert [one.duration_s for one in open_source(str(store), run="r1").read().spans] == [0.01, 0.01, 0.01]
    assert [run.run_id for run in open_source(store, run="all").read().runs] == ["r1", "r2"]
    assert open_source(store / "r1").name == str(store / "r1")


def test_operations_are_of_that_time_and_of_those_services(store: Path) -> None:
    files = open_source(store)
    assert {(one.service, one.count, one.errors) for one in files.operations()} == {
        ("app", 2, ()),
        ("srv", 1, (("timeout", 1),)),
    }
    assert [one.service for one in files.operations(services=["srv"])] == ["srv"]
    assert [(one.service, one.count) for one in files.operations(since_ns=START + 50 * MS)] == [("app", 1)]


@pytest.mark.parametrize("services", [(), ("srv",)])
def test_of_large_recordings_the_engine_says_the_same(
    store: Path, monkeypatch: pytest.MonkeyPatch, services: tuple[str, ...]
) -> None:
    small = open_source(store, run="all").operations(services=services)
    monkeypatch.setattr(telemetry, "_LARGE_BYTES", 1)
    monkeypatch.setattr(telemetry, "read_runs", None)
    large = open_source(store, run="all").operations(services=services)
    assert sorted(large, key=repr) == sorted(small, key=repr)


def test_what_is_at_an_address_is_found_out(store: Path) -> None:
    with answering(_jaeger) as jaeger, answering(_prometheus) as prometheus:
        assert isinstance(open_source(jaeger), JaegerTraces)
        assert isinstance(open_source(f"{prometheus}/"), PrometheusMetrics)
        for both in (f"{jaeger},{prometheus}", f"{prometheus}, {jaeger}"):
            found = open_source(both)
            assert isinstance(found, JaegerAndPrometheus)
            assert found.name == f"Jaeger at {jaeger} and Prometheus at {prometheus}"
            recording = found.read(since_ns=START - MS, until_ns=START + MS)
            assert [one.trace_id for one in recording.spans] == [f"{1:032x}"]
            assert found.operations() == ()
            assert [one.count for one in found.traces.operations(since_ns=START - MS, until_ns=START + MS)] == [1]
    assert isinstance(open_source(store), Files)


@pytest.mark.parametrize("answer", [lambda _p, _q: (200, b'{"status":"up"}'), lambda _p, _q: (404, b"")])
def test_what_is_neither(answer: Answer) -> None:
    with answering(answer) as address, pytest.raises(StoreError, match="is neither a Jaeger 2 nor a Prometheus"):
        open_source(address)


def test_what_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_ports()['prometheus']}"
    with pytest.raises(StoreError, match=f"nothing answers at {nobody}: start"):
        open_source(nobody)
    with pytest.raises(StoreError, match="Write http://host:port"):
        open_source("ftp://host")
    with pytest.raises(StoreError, match="nothing was recorded yet"):
        open_source(tmp_path / "nowhere")
    with answering(_jaeger) as jaeger, pytest.raises(StoreError, match="is not one Jaeger and one Prometheus"):
        open_source(f"{jaeger},{jaeger}")
    with answering(_jaeger) as jaeger, pytest.raises(StoreError, match="ends before it begins"):
        open_source(jaeger).read(since_ns=5, until_ns=5)

"""Jaeger with other storages than memory. No ClickHouse, Cassandra or OpenSearch runs here: those three are looked at
as far as Jaeger gets without, which is up to the connection. Badger is Jaeger's own, and is tried in earnest."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from groundhog_otel.pipeline.configs import write_configs
from groundhog_otel.pipeline.processes import Running, is_alive, stop
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, free_ports, get, say
from tests.e2e.spans import call, new_ids, request_of
from tests.e2e.started import started
from tests.support.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

JAEGER = ROOT / "deploy" / "jaeger"
SERVERS = {
    "clickhouse": "GROUNDHOG_CLICKHOUSE",
    "cassandra": "GROUNDHOG_CASSANDRA",
    "opensearch": "GROUNDHOG_OPENSEARCH",
}


@pytest.fixture(scope="module")
def jaeger(settings: StackSettings) -> str:
    return str(Stack(settings, say=say).build()["jaeger"])


@pytest.fixture
def own(settings: StackSettings, tmp_path: Path) -> StackSettings:
    return settings._replace(ports=free_ports(), state=tmp_path)


def _run(jaeger: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [jaeger, *arguments],
        env={**os.environ, "OTEL_TRACES_SAMPLER": "always_off", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("storage", [*SERVERS, "badger"])
def test_jaeger_knows_the_storage_and_every_setting(jaeger: str, storage: str, tmp_path: Path) -> None:
    base, overlay = f"--config={JAEGER / 'jaeger.yaml'}", JAEGER / f"{storage}.yaml"
    done = _run(jaeger, "validate", base, f"--config={overlay}")
    assert done.returncode == 0, done.stderr
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        overlay.read_text("utf-8").replace(f"        {storage}:\n", f"        {storage}:\n          no_such: 1\n")
    )
    assert "no_such" in _run(jaeger, "validate", base, f"--config={wrong}").stderr


@pytest.mark.parametrize("storage", SERVERS)
def test_jaeger_goes_to_the_server_it_is_told_and_logs_no_password(
    jaeger: str, storage: str, own: StackSettings
) -> None:
    nobody = f"127.0.0.1:{own.ports['otlp_http']}"
    address = f"http://{nobody}" if storage == "opensearch" else nobody
    configs = (write_configs(ROOT, own) / "jaeger.yaml", JAEGER / f"{storage}.yaml")
    variable, secret = SERVERS[storage], "password-of-the-test-3e15"
    given = {variable: f'["{address}"]', f"{variable}_USER": "jaeger", f"{variable}_PASSWORD": secret}
    debug = "--set=service.telemetry.logs.level=debug"
    done = _run(jaeger, *(f"--config={file}" for file in configs), debug, **given)
    assert done.returncode != 0
    assert "\tdebug\t" in done.stderr or '"level":"debug"' in done.stderr
    assert secret not in done.stdout + done.stderr
    assert f"failed to initialize storage '{storage}'" in done.stderr
    assert f"{nobody}: connect: connection refused" in done.stderr


def test_badger_has_what_jaeger_has_acknowledged_also_when_it_is_killed(jaeger: str, own: StackSettings) -> None:
    def again() -> Running:
        configs = (write_configs(ROOT, own) / "jaeger.yaml", JAEGER / "badger.yaml")
        return started(
            "jaeger",
            [jaeger, *(f"--config={file}" for file in configs)],
            folder=own.state,
            health=f"http://127.0.0.1:{own.ports['jaeger_health']}/status",
            environment={"OTEL_TRACES_SAMPLER": "always_off", "GROUNDHOG_JAEGER_STATE": str(own.state / "jaeger")},
        )

    traces = new_ids(100)
    running = again()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{own.ports['jaeger_otlp']}") as channel:
            TraceServiceStub(channel).Export(request_of([call(one) for one in traces]), timeout=20)  # type: ignore[no-untyped-call]
        os.kill(running.pid, signal.SIGKILL)
        eventually(lambda: not is_alive(running), within_s=10, what="the end")
        running = again()
        for trace in traces:
            with suppress(HTTPError):
                found = get(f"http://127.0.0.1:{own.ports['jaeger_query']}/api/traces/{trace.hex()}")["data"]
                assert len(found[0]["spans"]) == 1
                continue
            pytest.fail(f"{trace.hex()} is lost")
    finally:
        stop(running)

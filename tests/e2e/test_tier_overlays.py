"""The overlays of more than one machine, as the Collector itself reads them over ``otel-config.yaml``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, say
from tests.e2e.spans import call, new_ids, send
from tests.e2e.tiers import Collector
from tests.support.otlp import receiving
from tests.support.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OVERLAYS = ROOT / "collector" / "overlays"
COMBINATIONS = (
    ["balancer"],
    ["balancer", "balancer-dns"],
    ["balancer", "remote-write"],
    ["sampler"],
    ["sampler", "remote-write"],
    ["kafka-gateway"],
    ["kafka-gateway", "remote-write"],
    ["sampler", "kafka-sampler"],
    ["sampler", "kafka-sampler", "remote-write"],
    ["remote-write"],
)
LISTS = {name: json.dumps(["one:1", "two:2"]) for name in ("GROUNDHOG_SAMPLERS", "GROUNDHOG_KAFKA")}


@pytest.fixture(scope="module")
def program(settings: StackSettings) -> Path:
    return Stack(settings, say=say).build()["groundhog-collector"]


def _validate(program: Path, *files: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "validate", *(f"--config={file}" for file in files)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("environment", [{}, LISTS], ids=["defaults", "lists"])
@pytest.mark.parametrize("overlays", COMBINATIONS, ids="+".join)
def test_the_collector_takes_it(program: Path, overlays: list[str], environment: dict[str, str]) -> None:
    files = [ROOT / "otel-config.yaml", *(OVERLAYS / f"{name}.yaml" for name in overlays)]
    done = _validate(program, *files, **environment)
    assert done.returncode == 0, done.stderr


def test_the_operators_agent_has_a_configuration_that_the_collector_takes(program: Path, tmp_path: Path) -> None:
    agent = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "operator" / "agent.yaml").read_text("utf-8"))
    config = tmp_path / "agent.yaml"
    config.write_text(yaml.safe_dump(agent["spec"]["config"]), "utf-8")
    done = _validate(program, config, POD_IP="127.0.0.1")
    assert done.returncode == 0, done.stderr
    wrong = {**agent["spec"]["config"], "processors": {"memory_limiter": {"limit_mb": 150}}}
    config.write_text(yaml.safe_dump(wrong), "utf-8")
    assert "limit_mb" in _validate(program, config, POD_IP="127.0.0.1").stderr


def test_a_balancer_finds_the_samplers_behind_a_name(program: Path, settings: StackSettings, tmp_path: Path) -> None:
    """An address is the one name that has the same single meaning on every machine; Go resolves it as any other."""
    own = settings._replace(state=tmp_path)
    traces = new_ids(50)
    with receiving() as sink:
        sampler = Collector("sampler", program, own, ["sampler"], {"GROUNDHOG_JAEGER_OTLP": sink.grpc})
        named = {"GROUNDHOG_SAMPLERS_NAME": "127.0.0.1", "GROUNDHOG_SAMPLERS_PORT": str(sampler.ports["otlp_grpc"])}
        balancer = Collector("balancer", program, own, ["balancer", "balancer-dns"], named)
        try:
            sampler.start()
            balancer.start()
            send(balancer.ports["otlp_http"], [call(trace, error=True, root=True) for trace in traces])
            eventually(lambda: len(sink.spans) == len(traces), within_s=20, what="all at the one sampler")
        finally:
            balancer.stop()
            sampler.stop()
    assert {span.trace_id for span in sink.spans} == set(traces)

"""The scenarios run as declared, and what they emit is what is declared."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.store.model import Span
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import select_runs
from tests.conformance.expectations import DIRECTORY, failures, load
from tests.conformance.scenario import SCENARIOS

SPEC = load()


def _run(scenario: dict[str, Any], store: Path) -> tuple[list[Span], set[str]]:
    environment = {
        **os.environ,
        **SPEC["env"],
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GROUNDHOG_DIR": str(store),
        "GROUNDHOG_RUN_ID": "conformance",  # the same for a server that is a process of its own
        "OTEL_TRACES_EXPORTER": "groundhog_file",
        "OTEL_METRICS_EXPORTER": "groundhog_file",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    command = shlex.split(scenario["run"])
    done = subprocess.run(
        command, cwd=DIRECTORY, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return list(read_runs(select_runs(store)).spans), _metric_names(store)


def _metric_names(store: Path) -> set[str]:
    lines = [json.loads(line) for file in store.rglob("*.jsonl") for line in file.read_text().splitlines()]
    return {
        metric["name"]
        for line in lines
        for resource in line.get("resourceMetrics", ())
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
        if not metric["name"].startswith("otel.")
    }


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SPEC["scenarios"])
def test_scenario(name: str, tmp_path: Path) -> None:
    scenario = SPEC["scenarios"][name]
    spans, metrics = _run(scenario, tmp_path)
    assert list(failures(scenario, spans, metrics)) == []
    if name != "tool_call":
        return
    tool = next(span for span in spans if span.name == "tools/call add")
    assert list(failures(scenario, [*spans, tool], metrics)), "one span too many goes unnoticed"
    assert list(failures(scenario, [span for span in spans if span is not tool], metrics)), "a missing span does"
    assert list(failures(scenario, spans, metrics | {"mcp.calls"})), "an undeclared metric does"


def test_every_program_is_a_scenario() -> None:
    assert list(SPEC["scenarios"]) == list(SCENARIOS)
    for name, scenario in SPEC["scenarios"].items():
        assert scenario["run"] == f"opentelemetry-instrument python -m tests.conformance.scenario {name}"

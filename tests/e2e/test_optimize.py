"""``groundhog optimize`` on real servers: what helps is kept, what does nothing or harms is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.optimizer import reports
from groundhog_otel.optimizer.ledger import history
from groundhog_otel.optimizer.optimizer import PerformanceOptimizer
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.result import OptimizationResult
from groundhog_otel.optimizer.serving import Command
from groundhog_otel.store.model import Recording
from tests.support.processes import CALL, HANDSHAKE, INSTRUMENT, QUIET, ROOT, StdioServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
SERVER = (sys.executable, "-m", "tests.optimizer.server")


def _optimizer(store: Path, *tools: str, users: int = 8, segment_s: float = 0.8, **more: Any) -> PerformanceOptimizer:
    plan = Plan(
        load=LoadTestConfig(duration=1.5, concurrent_users=users),
        tools=tools,
        blocks=5,
        segment_s=segment_s,
        warm_up_s=0.8,
        relevant=0.2,  # far more than what a machine with other work to do makes of nothing
    )
    return PerformanceOptimizer(Command(SERVER, {"PYTHONPATH": str(ROOT)}), plan=plan, store=store, **more)


def _groundhog(*words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GROUNDHOG_"))}
    return subprocess.run(
        [GROUNDHOG, *words], cwd=ROOT, env={**kept, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=500, check=False,
    )  # fmt: skip


def test_a_blocking_tool_is_offloaded_and_the_line_keeps_it(tmp_path: Path) -> None:
    done = _groundhog(
        "optimize", "--tool", "render", "--tool", "quick", "--actions", "offload:tool=render", "--blocks", "5",
        "--segment", "800ms", "--warm-up", "800ms", "--duration", "1500ms", "--json",
        "--dir", str(tmp_path), "--", *SERVER,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "improved"
    assert found["actions"] == "offload:tool=render"
    assert found["line"] == (
        "OTEL_PYTHON_GROUNDHOG_ACTIONS=offload:tool=render opentelemetry-instrument " + " ".join(SERVER)
    )
    (trial,) = found["trials"]
    assert trial["outcome"] == "kept"
    assert trial["measured_saving_ms"] > 0
    assert found["performance_impact"]["p50"]["high"] < 0
    assert set(found["resource_savings"]) == {"cpu_s", "memory_bytes"}
    assert "offload:tool=render: block 5 of 5" in done.stderr
    (entry,) = history(tmp_path)
    assert (entry.trial["action"], entry.trial["outcome"]) == ("offload:tool=render", "kept")
    assert "offload:tool=render   kept" in _groundhog("optimize", "history", "--dir", str(tmp_path)).stdout

    variable, _, line = found["line"].partition(" ")
    report = tmp_path / "report.jsonl"
    more = dict([variable.split("=", 1)], OTEL_PYTHON_GROUNDHOG_ACTIONS_REPORT=str(report))
    server = StdioServer([INSTRUMENT, *line.split()[1:]], **QUIET, **more)
    server.say(HANDSHAKE + CALL.replace("add", "render").replace('"a":1,"b":2', '"size":3'), answers=2)
    assert "###" in server.end().out
    assert [(one.action, one.status) for one in reports.read(report)] == [("offload:tool=render", "applied")]


def _finding(action: str, **parameters: str) -> Finding:
    return Finding(
        "by_hand", "server", "tools/call wait", "Calls wait for a thread.", "Have more of them.", 300.0, 20, 0.9,
        (Evidence("look"),), action=action, parameters=parameters,
    )  # fmt: skip


def test_starved_threads_are_found_in_a_recording_and_more_of_them_help(tmp_path: Path) -> None:
    recordings: list[Recording] = []

    def analyse(recording: Recording) -> list[Finding]:
        recordings.append(recording)
        return [_finding("limiter", tokens="100")]

    optimizer = _optimizer(tmp_path, "wait", users=80, segment_s=2.0, analyse=analyse)
    result = optimizer.optimize_resource_usage()
    spans = [span for span in recordings[0].spans if span.kind == "server" and span.name == "tools/call wait"]
    assert len(spans) > 40
    assert any(event.name == "groundhog.worker_threads.waited" for span in spans for event in span.events)
    assert result.actions == "limiter:tokens=100", result.trials
    (trial,) = result.applied_optimizations
    assert trial.finding == "Calls wait for a thread."
    assert trial.predicted_saving_ms is not None
    assert trial.measured_saving_ms is not None
    assert trial.measured_saving_ms > 0


def test_what_does_nothing_is_not_kept_and_nothing_helps(tmp_path: Path) -> None:
    result = _optimizer(tmp_path, "quick", actions="gc_freeze:after_s=0.3").optimize_resource_usage()
    assert _outcomes(result) != ["kept"]
    assert result.applied_optimizations == ()
    assert result.line is None
    assert result.performance_impact == {}
    assert result.trials[0].blocks == 5
    assert len(history(tmp_path)) == 1


def test_what_harms_is_reverted(tmp_path: Path) -> None:
    result = _optimizer(tmp_path, "fetch", actions=["offload:tool=fetch", "nonsense"]).optimize_resource_usage()
    assert _outcomes(result) == ["reverted", "not tried"]
    assert "of requests fail with it, 0 % without" in result.trials[0].why
    assert result.line is None


def test_what_nobody_has_found_is_not_tried(tmp_path: Path) -> None:
    optimizer = _optimizer(tmp_path, "quick", analyse=lambda _recording: [])
    assert optimizer.suggest_improvements() == ()
    assert optimizer.baseline is not None
    assert optimizer.baseline.operations > 0
    result = optimizer.optimize_resource_usage()
    assert result == OptimizationResult()
    assert history(tmp_path) == ()


def _outcomes(result: OptimizationResult) -> list[str]:
    return [one.outcome for one in result.trials]

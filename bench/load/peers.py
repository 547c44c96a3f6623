"""The same calls by ``groundhog load`` and by k6: how many, what the generator needs for one, and the percentiles."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.results import files
from tests.support.processes import ROOT, environment

__all__ = ("Run", "k6", "ours")


@dataclass(frozen=True, slots=True)
class Run:
    """What one generator did."""

    requests_per_s: float
    cpu_us: float
    """CPU of the generator for one request: all of its processes, start and end included."""
    p50_ms: float
    p99_ms: float
    failed: int


def ours(url: str, *, users: int, duration_s: float, workers: int = 1, tool: str = "look") -> Run:
    """Load ``url`` as the command does, in a closed model."""
    with tempfile.TemporaryDirectory() as folder:
        scenario, out = Path(folder, "scenario.yaml"), Path(folder, "out.json")
        arguments = "{word: x}" if tool == "look" else "{}"
        scenario.write_text(
            f"scenarios:\n  - name: one\n    steps:\n      - tool: {tool}\n        arguments: {arguments}\n"
        )
        options = ("--users", str(users), "--duration", f"{duration_s:g}s", "--workers", str(workers))
        command = (str(Path(sys.executable).parent / "groundhog"), "load", url, *options)
        more = ("--protocol", "handshake", "--telemetry", "none", "--scenario", str(scenario), "--out", str(out))
        cpu_s = _cpu_of([*command, *more], {})
        result = files.read(out)
    (operation,) = result.operations
    p50_s, p99_s = Tally.decode(operation.service).percentiles_s(50, 99)
    failed = sum(operation.errors.values())
    rate = operation.count / result.duration_s
    return Run(rate, cpu_s / operation.count * 1e6, p50_s * 1e3, p99_s * 1e3, failed)


def k6(program: str, url: str, *, users: int, duration_s: float) -> Run:
    """Load ``url`` with k6 and as many virtual users."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "summary.json")
        variables = {"URL": url, "USERS": str(users), "DURATION": f"{duration_s:g}"}
        script = str(Path(__file__).parent / "k6.js")
        cpu_s = _cpu_of(
            [program, "run", "--quiet", "--no-usage-report", "--summary-export", str(out), script], variables
        )
        metrics = json.loads(out.read_text())["metrics"]
    took, count = metrics["http_req_duration"], metrics["http_reqs"]["count"]
    failed = int(metrics["checks"]["fails"])
    return Run(metrics["http_reqs"]["rate"], cpu_s / count * 1e6, took["med"], took["p(99)"], failed)


def _cpu_of(command: list[str], variables: dict[str, str]) -> float:
    """Run a command, and return the CPU seconds that it and its children have used."""
    before = psutil.Process().cpu_times()
    done = subprocess.run(
        command, cwd=ROOT, env=environment(**variables), capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode not in (0, 3, 4):
        raise RuntimeError(f"{command[0]}: {done.stderr[-1000:]}")
    after = psutil.Process().cpu_times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)

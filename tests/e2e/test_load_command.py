"""``groundhog load`` with OTLP into the real stack: the slowest ten open the traces that Jaeger has stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.store.jaeger import Jaeger
from tests.e2e.conftest import RunningStack
from tests.support.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")


def test_the_slowest_ten_open_stored_traces(running_stack: RunningStack, tmp_path: Path) -> None:
    jaeger = f"http://127.0.0.1:{running_stack.ports['jaeger_query']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GROUNDHOG_"))}
    endpoint = f"http://127.0.0.1:{running_stack.ports['otlp_grpc']}"
    done = subprocess.run(
        [
            GROUNDHOG, "load", "--duration", "2s", "--rate", "50/s", "--users", "2", "--json", "--run-id", "load-e2e",
            "--dir", str(tmp_path), "--jaeger", jaeger, "--", sys.executable, "-m", "tests.load.sample",
        ],
        cwd=ROOT, env={**kept, "PYTHONPATH": str(ROOT), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3, 4), done.stderr
    summary = json.loads(done.stdout)
    slowest = summary["slowest"]
    assert len(slowest) == 10
    for one in slowest:
        assert one["trace"] == {"url_or_file": f"{jaeger}/trace/{one['trace_id']}", "found": True, "missing": None}
        trace = Jaeger(jaeger).trace(one["trace_id"])
        assert trace is not None
        by_kind = {span.kind: span for span in trace.spans}
        assert set(by_kind) == {"internal", "client", "server"}
        assert by_kind["client"].attributes["groundhog.load.run_id"] == "load-e2e"
        assert by_kind["server"].parent_id == by_kind["client"].span_id == one["span_id"]
    assert sum(part["share"] for part in summary["latency_budget"]["parts"]) == pytest.approx(1, abs=1e-9)

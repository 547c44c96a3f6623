"""A run that was recorded into files, sent into the stack later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.settings.stack import port_variable
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import ALL, select_runs
from tests.e2e.conftest import RunningStack, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

BIN = Path(sys.executable).parent
HOURS_AGO = 6


def _earlier(line: str) -> str:
    """Return a recorded line as if it had been written hours ago."""
    request = json.loads(line)
    for group in request["resourceSpans"]:
        for scoped in group["scopeSpans"]:
            for one in scoped["spans"]:
                for key in ("startTimeUnixNano", "endTimeUnixNano"):
                    one[key] = str(int(one[key]) - HOURS_AGO * 3600 * 10**9)
    return json.dumps(request) + "\n"


def test_a_recorded_run_is_in_jaeger_with_its_own_times_once(running_stack: RunningStack, tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    groundhog = str(BIN / "groundhog")
    environment = {**os.environ, "SERVER_NAME": "replayed-server", "OTEL_SERVICE_NAME": "replayed-client"}
    recorded = subprocess.run(
        [groundhog, "run", "--dir", str(store), "--",
         sys.executable, str(Path(__file__).with_name("client_program.py")),
         groundhog, "run", "--name", "replayed-server", "--", str(BIN / "mcp-server-time")],
        input=json.dumps([["get_current_time", {"timezone": "UTC"}, 3, 0]]),
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert recorded.returncode == 0, recorded.stderr
    for file in store.rglob("*.traces.jsonl"):
        file.write_text("".join(map(_earlier, file.read_text().splitlines())))
    spans = {(one.trace_id, one.span_id): one for one in read_runs(select_runs(store, ALL)).spans}
    assert {one.process.service for one in spans.values()} == {"replayed-client", "replayed-server"}

    for _ in range(2):  # the second time changes nothing
        done = subprocess.run(
            [groundhog, "replay", str(store), "--run", "all"],
            env={**os.environ, **{port_variable(name): str(port) for name, port in running_stack.ports.items()}},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"Sent {len(spans)} spans of {len({key[0] for key in spans})} traces to ")

    def stored() -> dict[tuple[str, str], list[dict[str, Any]]]:
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for trace_id in {key[0] for key in spans}:
            for one in (running_stack.trace(trace_id) or {"spans": []})["spans"]:
                found.setdefault((trace_id, one["spanID"]), []).append(one)
        return found

    eventually(lambda: stored().keys() == spans.keys(), within_s=30, what=f"{len(spans)} spans in Jaeger")
    for key, (one, *more) in stored().items():
        assert not more, "the same span twice"
        assert one["startTime"] == spans[key].start_ns // 1000
        assert one["duration"] == pytest.approx((spans[key].end_ns - spans[key].start_ns) / 1000, abs=1)
    # It is not traffic of now: nothing counts it, so nothing alerts on it.
    assert not running_stack.query('mcp_span_calls_total{service_name=~"replayed-.*"}')

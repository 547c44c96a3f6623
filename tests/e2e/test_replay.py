"""A run that was recorded into files, sent into the stack later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.settings.stack import port_variable
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import ALL, select_runs
from tests.e2e.conftest import RunningStack, eventually
from tests.support.recorded import span, traces_line

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


def test_through_the_collector_every_trace_is_kept_when_that_is_asked_for(
    running_stack: RunningStack, tmp_path: Path
) -> None:
    """Each of them is fast and without error: of those the Collector would keep one in ten."""
    spans = [span(trace=0xABC000 + number, ms=1, kind="server") for number in range(40)]
    file = tmp_path / "recorded.jsonl"
    file.write_text("".join(_earlier(traces_line(one)) for one in spans))
    done = subprocess.run(
        [str(BIN / "groundhog"), "replay", str(file), "--keep-all",
         "--endpoint", f"http://127.0.0.1:{running_stack.ports['otlp_http']}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wanted = {one.trace_id for one in spans}
    eventually(lambda: all(running_stack.trace(one) for one in wanted), within_s=30, what="all forty traces in Jaeger")
    (one,) = (running_stack.trace(spans[0].trace_id) or {})["spans"]
    assert one["startTime"] == spans[0].start_ns // 1000 - HOURS_AGO * 3600 * 10**6


def test_load_whose_every_trace_is_wanted_is_kept_by_its_run(running_stack: RunningStack, tmp_path: Path) -> None:
    spans = [span(trace=0xDEF000 + number, ms=1, kind="server") for number in range(40)]
    file = tmp_path / "recorded.jsonl"
    lines = [replace(one, attributes={**one.attributes, "groundhog.load.run_id": "run-1"}) for one in spans]
    file.write_text("".join(map(traces_line, lines)))
    done = subprocess.run(
        [str(BIN / "groundhog"), "replay", str(file),
         "--endpoint", f"http://127.0.0.1:{running_stack.ports['otlp_http']}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wanted = {one.trace_id for one in spans}
    eventually(lambda: all(running_stack.trace(one) for one in wanted), within_s=30, what="all forty traces in Jaeger")


def test_a_port_of_grpc_is_one_line(running_stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / "recorded.jsonl").write_text(traces_line(span()))
    done = subprocess.run(
        [str(BIN / "groundhog"), "replay", "recorded.jsonl",
         "--endpoint", f"http://127.0.0.1:{running_stack.ports['otlp_grpc']}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "is that a port of OTLP/gRPC?" in done.stderr

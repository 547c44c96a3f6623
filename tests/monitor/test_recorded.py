"""A run while it is written: read on from where it was, and the same in the end as the report has it."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.analysis.operations import operations
from groundhog_otel.monitor.recorded import Folder
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.reader import read_runs

START_NS = 1_800_000_000 * 1_000_000_000
MS = 1_000_000
Line = dict[str, Any]


def _attributes(**given: object) -> list[Line]:
    def value(one: object) -> Line:
        return {"intValue": str(one)} if isinstance(one, int) else {"stringValue": str(one)}

    return [{"key": key.replace("__", "."), "value": value(one)} for key, one in given.items()]


def _resource(pid: int, service: str) -> Line:
    return {"attributes": _attributes(service__name=service, process__pid=pid)}


def _spans(*calls: tuple[str, float, str | None], at_ms: float = 0, pid: int = 99, kind: int = 2) -> bytes:
    """Return a line of spans: tool, milliseconds, error."""
    made = []
    for number, (tool, ms, error) in enumerate(calls):
        named: dict[str, object] = {"mcp__method__name": "tools/call", "gen_ai__tool__name": tool}
        started = START_NS + int((at_ms + number) * MS)
        made.append(
            {
                "traceId": f"{random.getrandbits(128):032x}",
                "spanId": f"{random.getrandbits(64):016x}",
                "name": f"tools/call {tool}",
                "kind": kind,
                "startTimeUnixNano": str(started),
                "endTimeUnixNano": str(started + int(ms * MS)),
                "attributes": _attributes(**named, **({} if error is None else {"error__type": error})),
            }
        )
    group = {"resource": _resource(pid, "srv" if kind == 2 else "app"), "scopeSpans": [{"spans": made}]}
    return json.dumps({"resourceSpans": [group]}).encode() + b"\n"


def _metrics(at_ms: float, *, rss: int, cpu: float, active: int, lag: tuple[int, ...], pid: int = 99) -> bytes:
    at = str(START_NS + int(at_ms * MS))

    def points(*values: tuple[float, dict[str, object]]) -> list[Line]:
        return [{"timeUnixNano": at, "asDouble": value, "attributes": _attributes(**named)} for value, named in values]

    share = points((cpu / 2, {"cpu__mode": "user"}), (cpu / 2, {"cpu__mode": "system"}))
    requests = points((active, {"groundhog__mcp__side": "server", "mcp__method__name": "tools/call"}))
    late = {
        "timeUnixNano": at, "startTimeUnixNano": str(START_NS), "sum": 1.0, "explicitBounds": [0.001, 0.1, 1],
        "bucketCounts": [str(count) for count in lag],
    }  # fmt: skip
    found = [
        {"name": "process.memory.usage", "unit": "By", "sum": {"dataPoints": points((rss, {}))}},
        {"name": "process.cpu.utilization", "unit": "1", "gauge": {"dataPoints": share}},
        {"name": "groundhog.mcp.requests.active", "sum": {"dataPoints": requests}},
        {"name": "groundhog.event_loop.lag", "unit": "s", "histogram": {"dataPoints": [late]}},
    ]
    group = {"resource": _resource(pid, "srv"), "scopeMetrics": [{"metrics": found}]}
    return json.dumps({"resourceMetrics": [group]}).encode() + b"\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "a-run"
    folder.mkdir()
    return folder


def _ended(run: Path) -> None:
    Manifest(("python",), "2027-01-15T08:00:00+00:00").ended(exit_code=0, duration_s=10).write(run)


def test_it_reads_on_and_leaves_what_is_being_written(run: Path) -> None:
    _ended(run)
    file = run / "srv-99.traces.jsonl"
    whole, cut = _spans(("search", 10, None), ("search", 80, "tool_error")), _spans(("search", 30, None), at_ms=100)
    file.write_bytes(whole + cut[:40])
    folder = Folder(run)
    (first,) = folder.look()
    (operation,) = first.operations
    assert (operation.count, operation.errors, operation.p99_s) == (2, {"tool_error": 1}, 0.08)
    assert operation.in_flight is None
    assert (first.service, first.pid, first.running) == ("srv", 99, False)
    with file.open("ab") as lines:
        lines.write(cut[40:] + b"not JSON\n" + _spans(("fetch", 5, None), at_ms=200))
    (second,) = folder.look()
    assert [(one.key.target, one.count) for one in second.operations] == [("fetch", 1), ("search", 3)]
    (third,) = folder.look()
    assert third == second


def test_the_figures_of_a_process_come_from_its_metrics(run: Path) -> None:
    file = run / f"srv-{os.getpid()}.metrics.jsonl"
    pid = os.getpid()
    file.write_bytes(
        b"".join(
            _metrics(number * 5000, rss=10**8 + number * 10**6, cpu=0.2, active=number, lag=lag, pid=pid)
            for number, lag in enumerate([(9, 1, 0, 0), (18, 2, 0, 0), (27, 3, 2, 0), (27, 3, 2, 0), (127, 3, 2, 0)])
        )
    )
    folder = Folder(run)
    (found,) = folder.look()
    memory, cpu = found.resource("process.memory.usage"), found.resource("process.cpu.utilization")
    assert memory is not None
    assert cpu is not None
    assert memory.last == 104_000_000
    assert cpu.avg == pytest.approx(0.2)
    assert memory.trend is not None
    assert memory.trend.per_hour == pytest.approx(10**6 / 5 * 3600)
    assert found.loop_lag_s == 0.001, "of a hundred beats since the point before"
    assert (found.running, found.in_flight) == (True, 4)
    assert (found.health["memory"].state, found.health["cpu"].state) == ("ok", "ok")
    file.write_bytes(
        file.read_bytes() + _metrics(25_000, rss=6 * 10**8, cpu=0.2, active=0, lag=(127, 3, 3, 0), pid=pid)
    )
    (later,) = folder.look()
    assert later.loop_lag_s == 1
    assert later.health["memory"].state == "over"


def test_servers_come_before_their_clients(run: Path) -> None:
    (run / "app-1.traces.jsonl").write_bytes(_spans(("search", 10, None), pid=1, kind=3))
    (run / "srv-99.traces.jsonl").write_bytes(_spans(("search", 9, None)))
    assert [one.service for one in Folder(run).look()] == ["srv", "app"]


def test_a_window_looks_back_from_the_end_of_a_run(run: Path) -> None:
    _ended(run)
    (run / "srv-99.traces.jsonl").write_bytes(
        _spans(("search", 500, None)) + _spans(("search", 10, None), at_ms=300_000)
    )
    (recent,) = Folder(run, window_s=60).look()
    (everything,) = Folder(run).look()
    assert (recent.operations[0].count, recent.operations[0].state) == (1, "ok")
    assert (everything.operations[0].count, everything.operations[0].state) == (2, "over")
    assert everything.window_s == pytest.approx(300, abs=1)


def test_it_agrees_with_the_report(run: Path) -> None:
    chance = random.Random(7)
    calls = [("search" if chance.random() < 0.9 else "fetch", chance.lognormvariate(3, 1), None) for _ in range(2000)]
    (run / "srv-99.traces.jsonl").write_bytes(
        b"".join(_spans(*calls[at : at + 50], at_ms=at) for at in range(0, 2000, 50))
    )
    (found,) = Folder(run).look()
    reported = {one.name: one for one in operations(read_runs([run]).spans)}
    assert {one.key.name for one in found.operations} == set(reported)
    for one in found.operations:
        known = reported[one.key.name]
        assert (one.count, one.max_s, one.state == "ok") == (known.latency.count, known.latency.max_s, known.met)
        for value, exact in ((one.p50_s, known.latency.p50_s), (one.p99_s, known.latency.p99_s)):
            assert value == pytest.approx(exact, rel=one.precision + 1e-9)

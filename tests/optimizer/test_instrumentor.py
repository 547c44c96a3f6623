"""What ``opentelemetry-instrument`` applies at the start of a real server, and what it says of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from groundhog_otel.optimizer import reports
from groundhog_otel.optimizer.instrumentor import ActionInstrumentor
from tests.support import sdk
from tests.support.processes import CALL, HANDSHAKE, QUIET, StdioServer, python

ACTIONS = "limiter:tokens=64; offload:tool=nap; offload:tool=add; gc_freeze:after_s=0.01; nonsense; limiter:tokens=many"
NAP = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"nap","arguments":{"seconds":0.01}}}\n'


def _server(**more: str) -> StdioServer:
    return StdioServer(python("-m", "tests.support.sdk"), **QUIET, **more)


def test_a_server_that_nobody_has_edited_runs_with_them_and_says_so(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    server = _server(
        OTEL_PYTHON_GROUNDHOG_ACTIONS=ACTIONS,
        OTEL_PYTHON_GROUNDHOG_ACTIONS_REPORT=str(report),
        OTEL_PYTHON_LOG_LEVEL="info",
    )
    server.say(HANDSHAKE + CALL + NAP + CALL.replace('"id":1', '"id":3'), answers=4)
    ended = server.end()
    assert ended.code == 0
    assert '"text":"rested"' in ended.out.replace(" ", "")
    found = {one.action: (one.status, one.why) for one in reports.read(report)}
    assert found["offload:tool=nap"] == ("applied", "nap runs in a worker thread")
    assert found["limiter:tokens=64"] == ("applied", "40 worker threads before, 64 now")
    assert found["gc_freeze:after_s=0.01"][0] == "applied"
    assert found["nonsense"][1].startswith("there is no action nonsense: there are offload,")
    assert found["limiter:tokens=many"][1] == (
        "limiter:tokens=many is not understood: write a whole number from 1 to 10,000"
    )
    assert found["offload:tool=add"][0] == ("refused" if sdk.IS_V2 else "applied")
    assert ended.err.count("The action nonsense is not applied: there is no action nonsense") == 1
    assert len(reports.read(report)) == len(found)


def test_without_a_word_nothing_is_loaded() -> None:
    code = (
        "import sys; from groundhog_otel.optimizer.instrumentor import ActionInstrumentor as A; A().instrument();"
        "print([name for name in sys.modules if name.startswith(('groundhog_otel.optimizer.', 'scipy', 'anyio'))])"
    )
    server = StdioServer(python("-c", code, watched=False))
    assert server.end().out.strip() == "['groundhog_otel.optimizer.instrumentor']"


def test_what_cannot_be_read_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    instrumentor = ActionInstrumentor()
    with caplog.at_level(logging.WARNING):
        instrumentor.instrument(actions="limiter:tokens")
    instrumentor.uninstrument()
    (record,) = caplog.records
    assert record.getMessage() == (
        "actions='limiter:tokens' in instrument() is not understood; using none. Write actions with their parameters"
        " and ; between them: limiter:tokens=100;offload:tool=render."
    )


async def _tokens() -> Any:
    await anyio.to_thread.run_sync(lambda: None)
    return anyio.to_thread.current_default_thread_limiter().total_tokens


def test_arguments_are_taken_and_all_is_taken_back() -> None:
    instrumentor = ActionInstrumentor()
    run_sync = anyio.to_thread.run_sync
    instrumentor.instrument(actions=["limiter:tokens=5", "gc_freeze"])
    try:
        assert anyio.run(_tokens) == 5
    finally:
        instrumentor.uninstrument()
    assert anyio.to_thread.run_sync is run_sync
    assert anyio.run(_tokens) == 40


def test_an_action_that_fails_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def fail(_self: object) -> None:
        raise ZeroDivisionError("in the action")

    monkeypatch.setattr("groundhog_otel.optimizer.actions.gc_freeze.GcFreeze.apply", fail)
    instrumentor = ActionInstrumentor()
    nowhere = str(tmp_path / "no" / "folder")
    with caplog.at_level(logging.WARNING):
        instrumentor.instrument(actions="gc_freeze;limiter:tokens=6", report=nowhere)
    try:
        assert anyio.run(_tokens) == 6
    finally:
        instrumentor.uninstrument()
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "The action gc_freeze is not applied: it failed here (ZeroDivisionError: in the action)"
    assert said[1].startswith(f"What became of actions cannot be written to {nowhere} (")

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import prepare, signal_file
from groundhog_otel.store.replay import replay, sender, wanted_batches
from tests.support.recorded import span, traces_line

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
ONE, OTHER = f"{1:032x}", f"{2:032x}"


@contextmanager
def _receiver(*answers: tuple[int, dict[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """An OTLP/HTTP endpoint that gives these answers in turn, the last one for ever; and what it was sent."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, body = answers[min(len(got), len(answers)) - 1]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def _recorded(store: Path, *lines: str) -> Path:
    run = prepare(store, "run-1")
    signal_file(run, service="app", pid=11, signal="traces").write_text("".join(lines))
    return run


def _replay(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDHOG_")}
    return subprocess.run(
        [GROUNDHOG, "replay", *words], cwd=cwd, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def _ids(got: list[Any]) -> list[str]:
    return [
        one["traceId"]
        for request in got
        for group in request["resourceSpans"]
        for scoped in group["scopeSpans"]
        for one in scoped["spans"]
    ]


def test_what_was_recorded_is_sent_as_it_is(tmp_path: Path) -> None:
    line = traces_line(span(trace=1), span(trace=2))
    _recorded(tmp_path / ".groundhog", line)
    with _receiver((200, {})) as (url, got):
        done = _replay("--endpoint", url, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert got == [json.loads(line)]
    assert done.stdout == f"Sent 2 spans of 2 traces to {url}\n"


def test_one_trace_of_many(tmp_path: Path) -> None:
    _recorded(tmp_path, traces_line(span(trace=1), span(trace=2)), traces_line(span(trace=2)))
    with _receiver((200, {})) as (url, got):
        done = _replay(".", "--trace", OTHER, "--endpoint", url, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert _ids(got) == [OTHER, OTHER]
        missing = _replay(".", "--trace", "3" * 32, "--endpoint", url, cwd=tmp_path)
    assert missing.returncode == 1
    assert f"trace {'3' * 32} is not in run-1. Try --run all." in missing.stderr
    wrong = _replay(".", "--trace", "xyz", cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "32 hexadecimal digits" in wrong.stderr


def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    _recorded(tmp_path, traces_line(span(trace=1)))
    with _receiver((200, {})) as (url, got):
        done = _replay(".", "--dry-run", "--endpoint", url, cwd=tmp_path)
    assert done.stdout == f"Would send 1 spans of 1 traces to {url}\n"
    assert not got


def test_a_line_that_cannot_be_read_costs_that_line(tmp_path: Path) -> None:
    line = traces_line(span(trace=1))
    run = _recorded(tmp_path, line, line[: len(line) // 2] + "\n", line)
    with _receiver((200, {})) as (url, got):
        done = _replay(".", "--endpoint", url, cwd=tmp_path)
    assert done.returncode == 0
    assert len(got) == 2
    (file,) = run.glob("*.jsonl")
    assert f"{file.relative_to(tmp_path)}, line 2" in done.stderr


def test_what_is_refused_in_part_is_said(tmp_path: Path) -> None:
    _recorded(tmp_path, traces_line(span(trace=1), span(trace=2)))
    answer = {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}
    with _receiver((200, answer)) as (url, _):
        done = _replay(".", "--endpoint", url, cwd=tmp_path)
    assert done.returncode == 1
    assert "Sent 1 spans" in done.stdout
    assert "it refused 1 spans: too old" in done.stderr


def test_a_busy_receiver_is_asked_again_and_another_answer_ends_it(tmp_path: Path) -> None:
    run = _recorded(tmp_path, traces_line(span(trace=1)), traces_line(span(trace=2)))
    waits: list[float] = []
    with _receiver((503, {}), (429, {}), (200, {})) as (url, got):
        done = replay(wanted_batches([run], trace_id=None, unreadable=[]), sender(url, sleep=waits.append))
    assert (done.spans, len(got)) == (2, 4)
    assert waits == sorted(waits)
    assert len(waits) == 2
    with (
        _receiver((200, {}), (400, {"message": "no"})) as (url, got),
        pytest.raises(StoreError, match=r"answers 400 .*no.*; 1 spans were sent before"),
    ):
        replay(wanted_batches([run], trace_id=None, unreadable=[]), sender(url, sleep=waits.append))
    assert len(waits) == 2


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://127.0.0.1", "http://"])
def test_what_is_no_endpoint_is_said(tmp_path: Path, endpoint: str) -> None:
    _recorded(tmp_path, traces_line(span(trace=1)))
    done = _replay(".", "--endpoint", endpoint, cwd=tmp_path)
    assert done.returncode == 1
    assert "Write http://host:port" in done.stderr


def test_nobody_there_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    _recorded(tmp_path, traces_line(span(trace=1)))
    with _receiver((200, {})) as (url, _):
        pass
    done = _replay(".", "--endpoint", url, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "groundhog stack up" in done.stderr
    assert _replay(cwd=tmp_path / "..").returncode == 1

"""Real processes: a server on stdio as its client sees it, with or without ``opentelemetry-instrument``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
INSTRUMENT = str(Path(sys.executable).parent / "opentelemetry-instrument")
HANDSHAKE = (
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    '"clientInfo":{"name":"test","version":"1"}}}\n'
    '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
)
CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2}}}\n'
SPANS = ["initialize", "notifications/initialized", "tools/call add"]
QUIET = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


def environment(**more: str) -> dict[str, str]:
    """Return the tests' own environment, able to import them, with ``more``."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    quiet = {"PYTHONWARNINGS": "ignore", "OTEL_PYTHON_GROUNDHOG_RESOURCES": "none"}  # old releases' own warnings
    return {**own, "PYTHONPATH": str(ROOT), **quiet, **more}


def python(*arguments: str, watched: bool = True) -> list[str]:
    """Return the command of a Python program."""
    return [*([INSTRUMENT] if watched else []), sys.executable, *arguments]


@dataclass
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str
    seconds: float
    """From what ended it to its end."""


class StdioServer:
    """A server process; its standard input stays open until :meth:`end`."""

    def __init__(self, command: list[str], **more: str) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: list[str] = []

    def say(self, messages: str, *, answers: int) -> None:
        """Send messages and wait for that many lines."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(messages)
        self._process.stdin.flush()
        self._lines += [self._process.stdout.readline() for _ in range(answers)]

    def end(self, *signals: int, close: bool = True) -> Ended:
        """Send signals, or none; then, with ``close``, end its input; wait for the process."""
        started = time.monotonic()
        for number in signals:
            self._process.send_signal(number)
            time.sleep(0.1)
        if close:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.stdin = None
        try:
            out, err = self._process.communicate(timeout=50)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        return Ended(self._process.returncode, "".join(self._lines) + out, err, time.monotonic() - started)


def sample_server(watched: bool = True, /, **more: str) -> StdioServer:
    """Start the sample server, make one call, and return it."""
    server = StdioServer(python("-m", "tests.support.sdk", watched=watched), **more)
    server.say(HANDSHAKE + CALL, answers=2)
    return server

"""``groundhog top`` in a real terminal (a pseudo-terminal), in a pipe, and of a process that goes away."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundhog_otel.monitor import MetricCollector
from groundhog_otel.monitor.endpoint import Endpoint
from groundhog_otel.monitor.metrics import Key

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")


class Terminal:
    """A program on a terminal of its own, and what it has drawn."""

    def __init__(self, *arguments: str, width: int = 100, height: int = 12, **environment: str) -> None:
        self._master, slave = pty.openpty()
        self.resize(width, height)
        self._before = termios.tcgetattr(slave)
        self._slave = slave
        self.process = subprocess.Popen(
            [GROUNDHOG, "top", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", **environment},
            start_new_session=True,
        )
        self.drawn = ""

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def until(self, pattern: str) -> str:
        """Wait for something to be drawn from now on; return the frame that has it."""
        self.drawn = ""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if ready:
                self.drawn += os.read(self._master, 65536).decode(errors="replace")
            for shown in self.drawn.split("\x1b[H"):
                if re.search(pattern, shown) and "\x1b[J" in shown:
                    return shown
        raise AssertionError(f"{pattern} was not drawn: {self.drawn[-5000:]!r}")

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    def ended(self) -> int:
        """Wait for the end, with everything that is drawn until then."""
        deadline = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < deadline:
            ready, _, _ = select.select([self._master], [], [], 0.1)
            if ready:
                self.drawn += os.read(self._master, 65536).decode(errors="replace")
        while select.select([self._master], [], [], 0.2)[0]:
            self.drawn += os.read(self._master, 65536).decode(errors="replace")
        assert termios.tcgetattr(self._slave) == self._before, "the terminal is as it was"
        assert self.drawn.endswith("\x1b[?25h\x1b[?1049l"), repr(self.drawn[-200:])
        return self.process.wait(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint of this process, which has seen thirty tools."""
    with MetricCollector() as collector:
        for number in range(30):
            for _ in range(number + 1):
                collector.watch.note(Key("server", "tools/call", f"tool_{number:02}"), 0.09 - number * 0.002)
        found = Endpoint(collector)
        yield found
        found.close()


@pytest.fixture
def terminal(endpoint: Endpoint) -> Iterator[Terminal]:
    found = Terminal(endpoint.url, "--interval", "0.1")
    yield found
    found.close()


def test_it_draws_sorts_resizes_and_quits(terminal: Terminal) -> None:
    first = terminal.until(r"q quits")
    rows = [line for line in first.split("\r\n") if "tools/call" in line]
    assert "tool_00" in rows[0]
    assert len(first.split("\r\n")) == 12
    assert "23 operations more; q quits, s sorts (by budget)" in first
    terminal.press(b"s")
    rows = [line for line in terminal.until(r"by calls").split("\r\n") if "tools/call" in line]
    assert "tool_29" in rows[0]
    terminal.resize(60, 40)
    taller = terminal.until(r"tool_00")
    assert len([line for line in taller.split("\r\n") if "tools/call tool_" in line]) == 30
    assert "In flight" not in taller
    assert "Budget" in taller
    terminal.press(b"q")
    assert terminal.ended() == 0


def test_a_new_size_is_drawn_at_once(endpoint: Endpoint) -> None:
    terminal = Terminal(endpoint.url, "--interval", "60")
    assert "23 operations more" in terminal.until("q quits")
    terminal.resize(100, 20)
    terminal.process.send_signal(signal.SIGWINCH)
    assert "15 operations more" in terminal.until("q quits")
    terminal.press(b"q")
    assert terminal.ended() == 0
    terminal.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_signals_put_the_terminal_back(terminal: Terminal, number: int, code: int) -> None:
    terminal.until("q quits")
    terminal.process.send_signal(number)
    assert terminal.ended() == code


def test_a_process_that_goes_away_is_said_and_what_was_known_stays(terminal: Terminal, endpoint: Endpoint) -> None:
    terminal.until("q quits")
    endpoint.close()
    gone = terminal.until("does not answer")
    assert "tools/call tool_00" in gone
    terminal.press(b"q")
    assert terminal.ended() == 0


def test_no_colour_where_none_is_wanted(endpoint: Endpoint) -> None:
    terminal = Terminal(endpoint.url, NO_COLOR="1")
    assert "\x1b[1;31m" not in terminal.until("q quits")
    terminal.press(b"q")
    assert terminal.ended() == 0
    terminal.close()


def _piped(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([GROUNDHOG, *arguments], capture_output=True, text=True, timeout=50, check=False)


def test_in_a_pipe_it_prints_once_all_there_is(endpoint: Endpoint) -> None:
    done = _piped("top", endpoint.url, "--sort", "name")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert len([line for line in done.stdout.splitlines() if line.startswith("tools/call tool_")]) == 30


def test_on_a_terminal_it_prints_once_when_asked(endpoint: Endpoint) -> None:
    terminal = Terminal(endpoint.url, "--once")
    deadline = time.monotonic() + 30
    while "tool_29" not in terminal.drawn and time.monotonic() < deadline:
        if select.select([terminal._master], [], [], 0.2)[0]:
            terminal.drawn += os.read(terminal._master, 65536).decode()
    assert "\x1b" not in terminal.drawn
    terminal.process.wait(20)
    terminal.close()

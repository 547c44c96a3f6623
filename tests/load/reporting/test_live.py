from __future__ import annotations

import io
import time
from dataclasses import dataclass, replace

import pytest
from rich.console import Console

from groundhog_otel.load.reporting.live import LiveProgress


@dataclass(frozen=True)
class Told:
    elapsed_s: float = 12.0
    remaining_s: float = 18.0
    started: int = 3_612
    finished: int = 3_590
    errors: int = 3
    in_flight: int = 22
    rate_now: float = 298.0
    due_now: float | None = 300.0
    p50_s: float | None = 0.0041
    p99_s: float | None = 0.031
    connections: int = 100
    workers: int = 2
    notes: tuple[str, ...] = ()


def _console(*, terminal: bool, width: int = 80) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=width, color_system=None), out


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("groundhog_otel.load.reporting.live.time.monotonic", lambda: now[0])
    return now


def test_without_a_terminal_it_is_a_line_every_few_seconds(clock: list[float]) -> None:
    console, out = _console(terminal=False)
    with LiveProgress(console) as show:
        for step in range(24):
            clock[0] = 100 + step * 0.5
            show(Told(elapsed_s=step * 0.5))
    lines = out.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == ["0 s", "5 s", "10 s"]
    assert lines[0] == ("0 s: 3,590 answered; 3 errors; 22 under way; 298/s of 300/s due; p50 4.1 ms, p99 31 ms")
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_it_is_drawn_a_few_times_a_second_at_most(clock: list[float]) -> None:
    console, out = _console(terminal=True)
    with LiveProgress(console) as show:
        for step in range(1_000):
            clock[0] = 100 + step * 0.002
            show(Told())
        drawn = out.getvalue().count("0:12 of 0:30")
    assert drawn == 8
    assert "3,590 answered, 22 under way, 100 connections, 2 workers" in out.getvalue()
    assert "298/s of 300/s due; p50 4.1 ms, p99 31 ms" in out.getvalue()


def test_it_is_taken_away_when_the_test_is_over(clock: list[float]) -> None:
    console, out = _console(terminal=True)
    with LiveProgress(console) as show:
        show(Told())
    assert "\x1b[2K" in out.getvalue().split("0:12 of 0:30")[-1]


def test_a_line_is_never_longer_than_the_terminal(clock: list[float]) -> None:
    console, out = _console(terminal=True, width=40)
    with LiveProgress(console) as show:
        show(Told(notes=("the generator is late by 40 ms: its results will not be valid",)))
    shown = out.getvalue().replace("\r", "\n").split("\n")
    assert max(len(line) for line in shown if "\x1b" not in line) <= 40


def test_what_comes_from_elsewhere_moves_no_cursor_and_is_no_markup(clock: list[float]) -> None:
    console, out = _console(terminal=False)
    with LiveProgress(console) as show:
        show(Told(notes=("\x1b[2J[red]gone\r\n",)))
    assert "?[2J[red]gone??" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_closed_model_has_no_rate_that_is_due_and_a_pause_no_latency(clock: list[float]) -> None:
    console, out = _console(terminal=False)
    with LiveProgress(console) as show:
        show(replace(Told(), due_now=None, p50_s=None, p99_s=None))
    assert out.getvalue().strip().endswith("22 under way; 298/s; no answer just now")


def test_a_terminal_that_is_gone_ends_no_test(clock: list[float]) -> None:
    for terminal in (True, False):
        console, out = _console(terminal=terminal)
        with LiveProgress(console) as show:
            show(Told())
            out.close()
            clock[0] += 60
            show(Told())
            show(Told())


def test_standard_output_is_left_to_results(capfd: pytest.CaptureFixture[str]) -> None:
    with LiveProgress() as show:
        show(Told())
        print("a result")
    captured = capfd.readouterr()
    assert captured.out == "a result\n"
    assert "3,590 answered" in captured.err


def test_it_is_cheap() -> None:
    """Calls that draw nothing are all that a busy generator makes; they cost next to nothing beside one that does."""
    console, _ = _console(terminal=True)
    with LiveProgress(console) as show:
        began = time.process_time()
        show(Told())
        drawn = time.process_time() - began
        began = time.process_time()
        for _ in range(1_000):
            show(Told())
        skipped = (time.process_time() - began) / 1_000
    assert skipped < drawn

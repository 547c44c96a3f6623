"""Parts that end, are watched, read and started again; harmless processes stand in for the programs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

import pytest

from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.configs import keep_configs, restore_configs, write_configs
from groundhog_otel.pipeline.deaths import death_of, last_words
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.pipeline.logs import follow, merged, said_at
from groundhog_otel.pipeline.parts import part_named
from groundhog_otel.pipeline.processes import Running, ended_file, is_alive, load, save, start, start_again, stop
from groundhog_otel.pipeline.prune import prune
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.pipeline.watch import watch
from groundhog_otel.settings.stack import STACK_PORTS, StackSettings

ROOT = find_project()


def _until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _started(folder: Path, code: str, **variables: str) -> Running:
    return start(
        "Jaeger", [sys.executable, "-c", code], log=folder / "logs" / "jaeger.log", cwd=folder, environment=variables
    )


def _gone(running: Running) -> Running:
    _until(lambda: not is_alive(running))
    return running


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    settings, _ = StackSettings.from_environ({"HOME": str(tmp_path), "GROUNDHOG_STATE_DIR": str(tmp_path / "state")})
    return Stack(settings, say=lambda line: None)


# --- deaths ----------------------------------------------------------------------------------------------------------


def test_an_exit_code_is_known_to_whoever_asks_later(tmp_path: Path) -> None:
    death = death_of(_gone(_started(tmp_path, "print('no error: bad port'); raise SystemExit(3)")))
    assert (death.exit_code, death.signal, death.last_words) == (3, None, "no error: bad port")
    assert death.at is not None
    assert abs((datetime.now(timezone.utc) - death.at).total_seconds()) < 20
    assert str(death).startswith("Jaeger died at ")
    assert "(exit code 3): no error: bad port (its log: " in str(death)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_so_is_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    running = _started(tmp_path, "import time; time.sleep(60)")
    os.kill(running.pid, number)
    death = death_of(_gone(running))
    assert (death.exit_code, death.signal) == (None, number.name)
    assert f"({number.name})" in death.how


@pytest.mark.parametrize("written", [None, "", "x"])
def test_an_end_that_nobody_has_seen_is_said_as_that(tmp_path: Path, written: str | None) -> None:
    log = tmp_path / "jaeger.log"
    if written is not None:
        ended_file(log).write_text(written)
    death = death_of(Running("Jaeger", 1, "before", str(log)))
    assert (death.at, death.exit_code, death.signal) == (None, None, None)
    assert "perhaps with the machine: it left no log" in str(death)


def test_an_earlier_end_is_not_taken_for_a_later_one_and_its_log_is_kept(tmp_path: Path) -> None:
    first = _gone(_started(tmp_path, "print('first'); raise SystemExit(3)"))
    death_of(first)
    second = _started(tmp_path, "import time; print('second', flush=True); time.sleep(60)")
    try:
        _until(lambda: "second" in Path(second.log).read_text())
        assert not ended_file(Path(second.log)).exists()
        assert Path(first.log).with_suffix(".previous").read_text() == "first\n"
    finally:
        stop(second)


def test_last_words_without_an_error_are_the_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n\n" + "x" * 1000 + "\n")
    assert last_words(Running("Jaeger", 1, "", str(log))) == "x" * 250
    log.write_text("an Error:\nmore of it\n")
    assert last_words(Running("Jaeger", 1, "", str(log))) == "an Error: | more of it"


# --- starting again --------------------------------------------------------------------------------------------------


def test_a_part_starts_again_with_what_it_was_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os; print(sorted((k, v) for k, v in os.environ.items() if k.startswith('GROUNDHOG_')))"
    file = tmp_path / "stack.json"
    save(file, [_gone(_started(tmp_path, code, GROUNDHOG_A="1"))])
    assert file.stat().st_mode & 0o077 == 0, "it may hold secrets"
    monkeypatch.setenv("GROUNDHOG_B", "2")  # of another shell
    (again,) = load(file)
    again = _gone(start_again(again, cwd=tmp_path))
    assert Path(again.log).read_text() == "[('GROUNDHOG_A', '1')]\n"


def test_what_is_no_program_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"Jaeger cannot be started .*groundhog stack build"):
        start("Jaeger", [tmp_path / "no"], log=tmp_path / "log", cwd=tmp_path)


def test_a_part_of_an_older_version_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"older version: groundhog stack down, then groundhog stack up"):
        start_again(Running("Jaeger", 1, "before", str(tmp_path / "log")), cwd=tmp_path)


def test_configuration_is_put_back_as_it_was(tmp_path: Path) -> None:
    settings = StackSettings(tmp_path, tmp_path, STACK_PORTS)
    keep_configs(settings)
    write_configs(ROOT, settings)
    restore_configs(settings)  # there was nothing to put back
    before = {file: file.read_bytes() for file in (tmp_path / "config").rglob("*.y*ml")}
    assert len(before) > 4
    keep_configs(settings)
    write_configs(ROOT, settings._replace(interval="1s"))
    assert {file: file.read_bytes() for file in before} != before
    restore_configs(settings)
    assert {file: file.read_bytes() for file in before} == before


# --- watching --------------------------------------------------------------------------------------------------------


def test_watching_ends_with_the_first_part_that_does(stack: Stack) -> None:
    state = stack.settings.state
    file = state / "stack.json"
    one = _started(state, "import time; time.sleep(60)")
    save(file, [one])
    said: list[str] = []
    timer = threading.Timer(0.3, os.kill, (one.pid, signal.SIGKILL))
    timer.start()
    (death,) = watch(stack, said.append)
    timer.join()
    assert death.signal == "SIGKILL"
    assert said == ["Jaeger does not answer"], "it has no address to answer on"


def test_watching_ends_quietly_when_the_stack_is_stopped(stack: Stack) -> None:
    file = stack.settings.state / "stack.json"
    save(file, [_started(stack.settings.state, "import time; time.sleep(60)")])
    timer = threading.Timer(0.3, stack.down)
    timer.start()
    assert watch(stack, lambda line: None) == []
    timer.join()
    with pytest.raises(StackError, match="nothing is running"):
        watch(stack, lambda line: None)


# --- logs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "time=2026-11-24T01:11:45.500Z level=INFO",
        "2026-11-24T01:11:45.500Z\tinfo\tservice.go",
        '{"level":"info","ts":"2026-11-24T01:11:45.500Z","caller":"x"}',
        '{"level":"info","ts":"2026-11-24T02:11:45.500+0100"}',
        '{"level":"info","ts":"2026-11-23T20:11:45.500000000-05:00"}',
        '{"level":"info","ts":1795482705.5}',
    ],
)
def test_every_way_of_telling_the_time_is_understood(line: str) -> None:
    assert said_at(line) == 1795482705.5


@pytest.mark.parametrize("line", ["", "Error: x", "at 2026-13-41T01:11:45Z", "x" * 300 + "2026-11-24T01:11:45.5Z"])
def test_a_line_without_a_time_has_none(line: str) -> None:
    assert said_at(line) is None


def test_logs_are_merged_by_time_and_a_line_without_one_stays_with_its_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("2026-11-24T01:00:00Z left out\n2026-11-24T01:00:01Z a\n  more of a\n2026-11-24T01:00:03Z c\n")
    two.write_text("2026-11-24T01:00:02Z b\n2026-11-24T01:00:04Z d\n")
    found = list(merged({"One": one, "Two": two, "None": tmp_path / "none"}, 3))
    assert [(name, line[-1]) for name, line in found] == [
        ("One", "a"), ("One", "a"), ("Two", "b"), ("One", "c"), ("Two", "d"),
    ]  # fmt: skip
    assert list(merged({"One": one}, 0)) == []


def test_logs_are_followed_by_whole_lines_and_into_the_next_file(tmp_path: Path) -> None:
    log, late = tmp_path / "log", tmp_path / "late"
    log.write_text("old\n")

    def more() -> None:
        with log.open("a") as stream:
            stream.write("new\nunfinished")

    lines = follow({"One": log, "Late": late})
    timer = threading.Timer(0.3, more)
    timer.start()
    # What was there when it began is not told again.
    assert next(lines) == ("One", "new")
    timer.join()
    log.rename(tmp_path / "log.previous")
    log.write_text("of the next\n")
    late.write_text("first\n")
    assert sorted(islice(lines, 2)) == [("Late", "first"), ("One", "of the next")]


# --- names, ports, builds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "meant"), [("jeager", "jaeger"), ("prom", "prometheus"), ("Colector", "collector")])
def test_an_unknown_part_is_answered_with_the_nearest(name: str, meant: str) -> None:
    assert part_named(meant.upper()).name.lower() == meant
    with pytest.raises(StackError, match=rf"no part '{name}'. Did you mean {meant}\? Its parts: jaeger, .*collector"):
        part_named(name)


def test_a_name_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(StackError, match=r"no part 'x'\. Its parts: jaeger, "):
        part_named("x")


def test_one_variable_moves_all_ports_but_those_that_are_named() -> None:
    found, problems = StackSettings.from_environ({"GROUNDHOG_PORT_OFFSET": "100", "GROUNDHOG_PORT_PROMETHEUS": "9999"})
    assert not problems
    assert found.ports == {**{name: port + 100 for name, port in STACK_PORTS.items()}, "prometheus": 9999}


@pytest.mark.parametrize("offset", ["-1", "x", "1.5", "65535"])
def test_an_offset_that_cannot_be_added_is_said_once(offset: str) -> None:
    _, (problem,) = StackSettings.from_environ({"GROUNDHOG_PORT_OFFSET": offset})
    assert problem.startswith(f"GROUNDHOG_PORT_OFFSET={offset!r} cannot be added to every port. Write 0 to ")


def test_only_builds_that_nothing_uses_are_removed(tmp_path: Path) -> None:
    wanted, old, running = (tmp_path / "bin" / f"{name}-0123456789abcdef" for name in ("wanted", "old", "running"))
    for folder in (wanted, old, running):
        folder.mkdir(parents=True)
        (folder / "program").write_bytes(b"x" * 1000)
    sleep = running / "sleep"
    sleep.write_bytes(Path("/bin/sleep").read_bytes())
    sleep.chmod(0o755)
    process = start("sleeper", [sleep, "60"], log=tmp_path / "log", cwd=tmp_path)
    try:
        assert prune(tmp_path, [wanted / "program"]) == [(old, 1000)]
        assert sorted((tmp_path / "bin").iterdir()) == [running, wanted]
    finally:
        stop(process)
    assert [folder for folder, _ in prune(tmp_path, [wanted / "program"])] == [running]

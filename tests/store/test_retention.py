from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundhog_otel.settings.retention import RetentionSettings
from groundhog_otel.store.layout import MANIFEST, earlier_file, prepare, profile_file, recording_file, signal_file
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.retention import kept_runs, prune, tidy, why_kept

NOTHING = RetentionSettings(dir_max_bytes=None)
DEAD_PID = 2**22 + 1
"""Above what Linux gives."""
HOUR_S = 3600.0


def _run(store: Path, name: str, *, size: int = 100, pid: int = DEAD_PID, hours: float = 1) -> Path:
    run = prepare(store, name)
    signal_file(run, service="app", pid=pid, signal="traces").write_bytes(b"x" * size)
    _age(run, hours)
    return run


def _age(run: Path, hours: float) -> None:
    then_s = time.time() - hours * HOUR_S
    for path in (*run.iterdir(), run):
        os.utime(path, (then_s, then_s))


def _pruned(store: Path, settings: RetentionSettings, **options: object) -> list[str]:
    gone = [run.directory.name for run in prune(kept_runs(store), settings, **options)]  # type: ignore[arg-type]
    assert not any((store / name).exists() for name in gone)
    return gone


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for number in range(1, 6):
        _run(tmp_path, f"r{number}", size=number * 100, hours=10 - number)
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        (NOTHING, []),
        (RetentionSettings(), []),
        (NOTHING._replace(dir_max_runs=3), ["r1", "r2"]),
        (NOTHING._replace(dir_max_runs=5), []),
        (NOTHING._replace(dir_max_bytes=1500), []),
        (NOTHING._replace(dir_max_bytes=1499), ["r1"]),
        (NOTHING._replace(dir_max_bytes=900), ["r1", "r2", "r3"]),
        (NOTHING._replace(dir_max_bytes=1), ["r1", "r2", "r3", "r4", "r5"]),
        (NOTHING._replace(dir_max_age_s=7.5 * HOUR_S), ["r1", "r2"]),
        (NOTHING._replace(dir_max_runs=4, dir_max_age_s=7.5 * HOUR_S), ["r1", "r2"]),
    ],
)
def test_the_oldest_go_until_the_rest_is_within_each_bound(
    store: Path, settings: RetentionSettings, gone: list[str]
) -> None:
    assert _pruned(store, settings) == gone
    assert sorted(path.name for path in store.iterdir() if path.is_dir()) == sorted(
        {f"r{n}" for n in range(1, 6)} - set(gone)
    )


def test_the_run_that_begins_stays_and_counts(store: Path) -> None:
    assert _pruned(store, NOTHING._replace(dir_max_runs=1), keep="r2") == ["r1", "r3", "r4", "r5"]


def test_the_run_that_begins_counts_before_it_has_a_file(store: Path) -> None:
    assert _pruned(store, NOTHING._replace(dir_max_runs=4), keep="r6") == ["r1", "r2"]


def test_a_folder_that_cannot_be_read_stops_nobody(tmp_path: Path) -> None:
    assert tidy(tmp_path / "nowhere", keep="r1") == []


def test_a_folder_is_tidied_as_the_environment_says(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDHOG_DIR_MAX_RUNS", "4")
    assert [run.directory.name for run in tidy(store, keep="r6")] == ["r1", "r2"]


def test_a_dry_run_removes_nothing(store: Path) -> None:
    found = [run.directory.name for run in prune(kept_runs(store), NOTHING._replace(dir_max_runs=3), dry_run=True)]
    assert found == ["r1", "r2"]
    assert len(kept_runs(store)) == 5


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_run_that_a_living_process_writes_to_stays(store: Path, child: subprocess.Popen[bytes]) -> None:
    living = _run(store, "r0", pid=child.pid, hours=-HOUR_S)
    run = kept_runs(store)[0]
    assert (run.directory, run.living, why_kept(run, now_s=run.written_s + 1e6)) == (
        living,
        True,
        "a process of it lives",
    )
    assert "r0" not in _pruned(store, NOTHING._replace(dir_max_runs=1))
    child.kill()
    child.wait()
    _age(living, 1)
    assert _pruned(store, NOTHING._replace(dir_max_bytes=1))[0] == "r0"


def test_another_process_by_the_same_number_keeps_nothing(store: Path, child: subprocess.Popen[bytes]) -> None:
    _run(store, "r0", pid=child.pid, hours=1)  # written an hour before that process began
    assert _pruned(store, NOTHING._replace(dir_max_runs=5)) == ["r0"]


def test_a_run_that_has_begun_and_has_no_file_yet_stays(store: Path, child: subprocess.Popen[bytes]) -> None:
    run = prepare(store, "r0")
    begun = Manifest(("x",), "2026-01-01T00:00:00+00:00", pid=child.pid)
    begun.write(run)
    now_s = time.time() + HOUR_S
    assert why_kept(kept_runs(store)[0], now_s=now_s) == "a process of it lives"
    begun.ended(exit_code=0, duration_s=1).write(run)
    assert why_kept(kept_runs(store)[0], now_s=now_s) is None


@pytest.mark.parametrize("name", ["notes.txt", "spans.jsonl", "deeper/"])
def test_a_run_with_something_that_is_not_ours_stays(store: Path, name: str) -> None:
    if name.endswith("/"):
        (store / "r1" / name).mkdir()
    else:
        (store / "r1" / name).write_text("mine")
    _age(store / "r1", 9)
    assert _pruned(store, NOTHING._replace(dir_max_runs=3)) == ["r2", "r3"]
    assert why_kept(kept_runs(store)[0]) == "something in its folder is not ours"


def test_nothing_beside_the_runs_and_nothing_behind_a_link_is_touched(tmp_path: Path) -> None:
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    _run(elsewhere, "real", hours=9)
    _run(store, "r1", hours=9)
    (store / "r1" / "app-1.traces.jsonl").symlink_to(elsewhere / "real" / f"app-{DEAD_PID}.traces.jsonl")
    (store / "linked").symlink_to(elsewhere / "real")
    (store / "collector").mkdir()
    (store / "collector" / "queue").write_text("x")
    assert _pruned(store, NOTHING._replace(dir_max_bytes=1)) == []
    assert (elsewhere / "real" / f"app-{DEAD_PID}.traces.jsonl").exists()
    assert (store / "collector" / "queue").exists()


def test_what_was_written_to_just_now_stays(store: Path) -> None:
    (store / "r1" / f"app-{DEAD_PID}.traces.jsonl").write_text("x")
    assert _pruned(store, NOTHING._replace(dir_max_runs=4)) == ["r2"]


def test_all_that_a_run_may_hold_is_removed_with_it(store: Path) -> None:
    run = store / "r1"
    traces = signal_file(run, service="a b", pid=DEAD_PID, signal="traces")
    for file in (
        run / MANIFEST,
        traces,
        earlier_file(traces),
        signal_file(run, service="s", pid=DEAD_PID, signal="metrics"),
        profile_file(run, service="s", pid=DEAD_PID, kind="cpu", profile_id="a" * 32),
        recording_file(run, service="s", pid=DEAD_PID, profile_id="b" * 32),
    ):
        file.write_text("{}")
    _age(run, 9)
    assert _pruned(store, NOTHING._replace(dir_max_runs=4)) == ["r1"]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, RetentionSettings()),
        ({"GROUNDHOG_DIR_MAX_BYTES": "500M"}, RetentionSettings(dir_max_bytes=500 << 20)),
        ({"GROUNDHOG_DIR_MAX_BYTES": "none"}, RetentionSettings(dir_max_bytes=None)),
        ({"GROUNDHOG_DIR_MAX_AGE": "72h"}, RetentionSettings(dir_max_age_s=72 * HOUR_S)),
        ({"GROUNDHOG_DIR_MAX_AGE": "30d"}, RetentionSettings(dir_max_age_s=720 * HOUR_S)),
        ({"GROUNDHOG_DIR_MAX_RUNS": "20"}, RetentionSettings(dir_max_runs=20)),
        ({"GROUNDHOG_FILE_MAX_BYTES": "1000"}, RetentionSettings(file_max_bytes=1000)),
    ],
)
def test_settings(environ: dict[str, str], expected: RetentionSettings) -> None:
    assert RetentionSettings.from_environ(environ) == (expected, [])


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("GROUNDHOG_DIR_MAX_BYTES", "10 GB", "using 10737418240. Write bytes, like 500M or 10G, or none."),
        ("GROUNDHOG_DIR_MAX_BYTES", "0", "using 10737418240. Write bytes, like 500M or 10G, or none."),
        ("GROUNDHOG_DIR_MAX_AGE", "3600", "using none. Write whole hours or days, like 72h or 30d, or none."),
        ("GROUNDHOG_DIR_MAX_RUNS", "-1", "using none. Write a number of runs from 1 up, or none."),
        ("GROUNDHOG_FILE_MAX_BYTES", "1T", "using 1073741824. Write bytes, like 100M or 1G, or none."),
    ],
)
def test_what_is_not_understood_is_said(variable: str, value: str, said: str) -> None:
    settings, problems = RetentionSettings.from_environ({variable: value})
    assert settings == RetentionSettings()
    assert problems == [f"{variable}={value!r} is not understood; {said}"]

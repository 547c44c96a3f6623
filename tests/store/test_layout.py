from __future__ import annotations

import stat
from pathlib import Path

import pytest

from groundhog_otel.settings import run_id
from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import (
    new_run_id,
    pid_of,
    prepare,
    profile_file,
    profile_files,
    run_directories,
    signal_file,
    signal_files,
)
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.selection import select_runs


def test_names_of_runs_sort_by_time_and_differ() -> None:
    names = [new_run_id() for _ in range(50)]
    assert len(set(names)) == 50
    assert [name[:23] for name in names] == sorted(name[:23] for name in names)


def test_a_run_is_private_and_not_for_git(tmp_path: Path) -> None:
    run = prepare(tmp_path / "deep" / "store", "r")
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert (run.parent / ".gitignore").read_text() == "*\n"
    assert prepare(tmp_path / "deep" / "store", "r") == run


@pytest.mark.parametrize("service", ["app", "a b/../c", "", "x" * 500, "días-7"])
def test_the_name_of_a_file_tells_its_process(tmp_path: Path, service: str) -> None:
    file = signal_file(tmp_path, service=service, pid=4711, signal="traces")
    file.touch()
    assert file.parent == tmp_path
    assert pid_of(file) == 4711
    assert signal_files(tmp_path, "traces") == [file]
    assert signal_files(tmp_path, "metrics") == []


def test_the_name_of_a_profile_tells_its_process_and_its_id(tmp_path: Path) -> None:
    ids = {"cpu": "a" * 32, "memory": "0" * 32}
    made = [profile_file(tmp_path, service="a.b", pid=7, kind=kind, profile_id=ids[kind]) for kind in ("cpu", "memory")]
    for file in made:
        file.touch()
    assert [pid_of(file) for file in made] == [7, 7]
    assert profile_files(tmp_path) == made
    assert profile_files(tmp_path, profile_id="0" * 32) == made[1:]
    assert signal_files(tmp_path, "traces") == []


def test_a_file_of_another_name_tells_no_process() -> None:
    assert pid_of(Path("collector.traces.jsonl")) is None


def test_runs_are_found_oldest_first_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("2026-02-01", "2026-01-01"):
        Manifest(("x",), "2026-01-01T00:00:00+00:00").write(prepare(tmp_path, name))
    (tmp_path / "notes").mkdir()
    assert [run.name for run in run_directories(tmp_path)] == ["2026-01-01", "2026-02-01"]
    assert run_directories(tmp_path / "2026-01-01") == [tmp_path / "2026-01-01"]
    assert [run.name for run in select_runs(tmp_path)] == ["2026-02-01"]
    assert [run.name for run in select_runs(tmp_path, "all")] == ["2026-01-01", "2026-02-01"]
    assert [run.name for run in select_runs(tmp_path, "2026-01-01")] == ["2026-01-01"]


def test_a_ledger_beside_the_runs_does_not_make_their_folder_one(tmp_path: Path) -> None:
    run = prepare(tmp_path, "run-1")
    (tmp_path / "optimizations.jsonl").write_text("{}\n")
    for signal in ("traces", "metrics"):
        file = signal_file(run, service="app", pid=1, signal=signal)
        file.write_text("{}\n")
        assert run_directories(tmp_path) == [run]
        file.unlink()
    assert run_directories(tmp_path) == []


def test_what_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*: nothing was recorded yet.*groundhog run -- "):
        select_runs(tmp_path / "none")
    with pytest.raises(StoreError, match=r"holds no recorded run.*groundhog run -- "):
        select_runs(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot read"):
        select_runs(tmp_path / "file")
    prepare(tmp_path, "r1").joinpath("a-1.traces.jsonl").touch()
    with pytest.raises(StoreError, match=r"no run 'r2'.*The newest: r1"):
        select_runs(tmp_path, "r2")


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    begun = Manifest(("python", "x.py"), "2026-01-01T00:00:00+00:00")
    begun.write(tmp_path)
    assert Manifest.read(tmp_path) == begun
    ended = begun.ended(exit_code=143, duration_s=1.23456)
    ended.write(tmp_path)
    assert Manifest.read(tmp_path) == ended
    assert (ended.exit_code, ended.duration_s) == (143, 1.235)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"command": 3, "started_at": "x"}', "[" * 100_000])
def test_a_manifest_that_cannot_be_understood_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert Manifest.read(tmp_path) is None


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "/abs", "a\\b"])
def test_a_run_id_never_leads_out_of_the_store(value: str) -> None:
    assert run_id({"GROUNDHOG_RUN_ID": value}) is None
    assert run_id({"GROUNDHOG_RUN_ID": "2026"}) == "2026"

"""Folders on a real disk: what ``du`` says, bounds, and nobody kept waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundhog_otel.resources import ResourceInstrumentor, folders
from groundhog_otel.resources.folders import METRIC, Folders, usage_bytes
from groundhog_otel.settings import ResourceSettings
from tests.resources.collector import Collector

_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="du, hard links and forks")


def _tree(top: Path) -> Path:
    (top / "in" / "deep").mkdir(parents=True)
    (top / "a").write_bytes(os.urandom(300_000))
    (top / "in" / "b").write_bytes(b"x")
    (top / "in" / "deep" / "c").write_bytes(os.urandom(50_000))
    return top


def _walked(found: Folders) -> dict[str, int]:
    found.sizes()
    assert found._walk is not None
    found._walk.join(30)
    return found.sizes()


@_UNIX
def test_as_du_has_it(tmp_path: Path) -> None:
    top, outside = _tree(tmp_path / "top"), tmp_path / "outside"
    outside.write_bytes(os.urandom(900_000))
    os.link(top / "a", top / "in" / "same")
    (top / "link").symlink_to(outside)
    (top / "loop").symlink_to(top)
    with (top / "sparse").open("wb") as file:
        file.truncate(1_000_000_000)
    said = subprocess.run(["du", "-sk", str(top)], capture_output=True, text=True, check=True)
    own = top.stat().st_blocks * 512  # du counts the folder itself too
    assert abs(int(said.stdout.split()[0]) * 1024 - own - usage_bytes(str(top))) <= 1024
    assert 350_000 < usage_bytes(str(top)) < 900_000


def test_collections_report_the_last_walk(tmp_path: Path) -> None:
    top, found, instrumentor = _tree(tmp_path / "top"), Collector(), ResourceInstrumentor()
    settings = ResourceSettings(process=False, folders=(str(top),))
    instrumentor.instrument(meter_provider=found.provider, settings=settings)
    try:
        deadline = time.monotonic() + 30
        while not (readings := found.readings()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert readings == {METRIC: [(usage_bytes(str(top)), {"file.directory": str(top)})]}
        assert found.metrics()[0].unit == "By"
    finally:
        instrumentor.uninstrument()
    assert not found.metrics()


def test_nothing_before_the_first_walk_has_ended_and_one_walk_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tree(tmp_path / "top")
    monkeypatch.setattr(folders, "_PAUSE_EVERY", 1)
    monkeypatch.setattr(folders, "_PAUSE_S", 0.5)
    found = Folders([str(tmp_path / "top")])
    assert found.sizes() == {}
    walk = found._walk
    assert found.sizes() == {}
    assert found._walk is walk
    assert walk is not None
    assert walk.daemon
    walk.join(30)
    assert list(found.sizes()) == [str(tmp_path / "top")]
    assert found._walk is walk, "what is fresh is not looked at again"
    monkeypatch.setattr(folders, "_OLD_S", -1.0)
    found.sizes()
    assert found._walk is not walk


def test_a_missing_folder_is_one_warning_and_takes_nothing_else_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(folders, "_OLD_S", -1.0)
    top, missing, file = _tree(tmp_path / "top"), tmp_path / "missing", tmp_path / "file"
    file.touch()
    found = Folders([str(missing), str(file), str(top)])
    for _ in range(3):
        assert list(_walked(found)) == [str(top)]
    assert [record.getMessage() for record in caplog.records] == [
        f"{missing} does not exist, so its size is not reported; create it, or correct OTEL_PYTHON_GROUNDHOG_FOLDERS.",
        f"{file} is not a folder, so its size is not reported; correct OTEL_PYTHON_GROUNDHOG_FOLDERS.",
    ]
    missing.mkdir()
    _walked(found)  # the walk that was under way may have begun before
    assert str(missing) in _walked(found)


def test_what_is_too_much_is_not_half_reported(tmp_path: Path) -> None:
    top = _tree(tmp_path / "top")
    with pytest.raises(Exception, match="holds more than 3 files"):
        usage_bytes(str(top), most_entries=3)
    for number in range(150):
        (top / str(number)).touch()
    with pytest.raises(Exception, match="takes longer than"):
        usage_bytes(str(top), longest_s=-1)


def test_the_setting_is_a_path_list(tmp_path: Path) -> None:
    listed = os.pathsep.join([str(tmp_path), "", "relative"])
    settings, problems = ResourceSettings.from_environ({"OTEL_PYTHON_GROUNDHOG_FOLDERS": listed})
    assert (settings.folders, problems) == ((str(tmp_path), "relative"), [])
    settings, _ = ResourceSettings.from_environ(
        {"OTEL_PYTHON_GROUNDHOG_FOLDERS": str(tmp_path), "OTEL_PYTHON_GROUNDHOG_RESOURCES": "none"}
    )
    assert settings == ResourceSettings(process=False, folders=(str(tmp_path),))


@_UNIX
def test_a_forked_child_walks_for_itself(tmp_path: Path) -> None:
    _tree(tmp_path / "top")
    code = """
import os, sys, time, warnings
warnings.simplefilter("ignore")
from groundhog_otel.resources import folders
folders._PAUSE_EVERY, folders._PAUSE_S = 1, 0.2
found = folders.Folders(sys.argv[1:])
found.sizes()
if os.fork() == 0:
    first = found.sizes()
    while not found.sizes(): time.sleep(0.05)
    print(first, len(found.sizes()), flush=True)
    os._exit(0)
os.wait()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "top")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "{} 1\n"

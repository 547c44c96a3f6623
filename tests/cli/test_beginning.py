"""``groundhog`` alone says what there is, and what to type next."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from groundhog_otel.cli import main


def _typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GROUNDHOG_DIR", raising=False)
    monkeypatch.setattr(sys, "argv", ["groundhog"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_where_nothing_is_recorded_it_says_how_to_begin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = _typed(monkeypatch, capsys, tmp_path)
    assert "Usage: groundhog COMMAND" in said
    assert "Nothing is recorded in this folder yet.\nNext:\n  groundhog run -- python my_server.py " in said


def test_where_something_is_it_says_how_to_read_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = tmp_path / ".groundhog" / "2026-01-01T00-00-00.000-0a0a0a0a"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    said = _typed(monkeypatch, capsys, tmp_path)
    assert "Recorded last: .groundhog/2026-01-01T00-00-00.000-0a0a0a0a\nNext:\n  groundhog report " in said

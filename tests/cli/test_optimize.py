from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from groundhog_otel.cli import main
from groundhog_otel.optimizer import ledger
from groundhog_otel.optimizer.result import Trial


def _groundhog(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["groundhog", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("optimize",), "There is no server to improve: write groundhog optimize -- python my_server.py"),
        (("optimize", "--actions", "limiter:"), "there is no"),
        (("optimize", "--actions", "Limiter", "--", "x"), "'Limiter' names no actions: write them like"),
        (("optimize", "--segment", "soon", "--", "x"), "'soon' is no time: write it like 30s"),
        (("optimize", "--blocks", "3", "--", "x"), "3 blocks cannot tell an effect from chance: take 5 or more"),
        (("optimize", "--", "no-such-program"), "no-such-program is not a command: check its spelling, and PATH."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.setenv("GROUNDHOG_DIR", str(tmp_path))
    code = _groundhog(monkeypatch, *words)
    assert isinstance(code, str)
    assert code.startswith("groundhog: ")
    assert says.lower() in code.lower()
    assert "\n" not in code


def test_history(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _groundhog(monkeypatch, "optimize", "history", "--dir", str(tmp_path)) == 0
    assert "Nothing has been tried here yet." in capsys.readouterr().out
    ledger.note(tmp_path, ["python"], Trial(action="gc_freeze", outcome="refused", why="no gain"), load={})
    assert _groundhog(monkeypatch, "optimize", "history", "--dir", str(tmp_path)) == 0
    assert "gc_freeze" in capsys.readouterr().out
    assert _groundhog(monkeypatch, "optimize", "history", "--json", "--dir", str(tmp_path)) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["trial"]["why"] == "no gain"


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundhog_otel.cli.find_spec", lambda name: None if name == "duckdb" else object())
    code = _groundhog(monkeypatch, "optimize", "--", "x")
    assert code == "groundhog: optimising is an extra of this package: pip install 'groundhog-otel[optimize]'"


def test_history_takes_no_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GROUNDHOG_DIR", str(tmp_path))
    assert _groundhog(monkeypatch, "optimize", "history", "--", "--dir", "elsewhere") == 0

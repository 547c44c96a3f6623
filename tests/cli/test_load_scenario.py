"""A scenario file with all that there is in it, done by ``groundhog load`` on real servers."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from groundhog_otel.cli import main
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.result import LoadResult
from tests.load.sample import make_sample
from tests.support.processes import ROOT
from tests.support.sdk import http_server

pytestmark = [pytest.mark.timeout(180), pytest.mark.e2e]

SCENARIOS = """
scenarios:
  - name: twice
    weight: 3
    data: words.%s
    steps:
      - tool: look
        arguments: {word: "${word}"}
        save: {seen: "content[0].text"}
        expect:
          - {path: "content[0].text", matches: "^(marmot|vole)$"}
      - tool: look
        arguments: {word: "${seen}", times: 2}
        think: [0.01, 0.05]
        timeout: 20
        expect:
          - {path: "content[0].text", matches: "^(marmotmarmot|volevole)$"}
          - {path: "content", exists: true}
  - name: wrong
    steps:
      - tool: add
        arguments: {a: 1, b: 2}
        expect:
          - {path: "content[0].text", equals: "4"}
      - tool: boom
"""


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("groundhog_otel.cli.load.tested.quiet", lambda: None)  # which is for good


def _scenario(folder: Path, kind: str) -> Path:
    (folder / "words.csv").write_text("word,of\nmarmot,meadow\nvole,field\n", encoding="utf-8")
    (folder / "words.jsonl").write_text('{"word": "marmot"}\n{"word": "vole"}\n', encoding="utf-8")
    file = folder / "scenarios.yaml"
    file.write_text(SCENARIOS % kind, encoding="utf-8")
    return file


def _done(monkeypatch: pytest.MonkeyPatch, out: Path, *words: str) -> LoadResult:
    options = ("--telemetry", "none", "--duration", "2s", "--seed", "3", "--out", str(out))
    monkeypatch.setattr(sys, "argv", ["groundhog", "load", *options, *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (3, 4), "one expectation is never met, and on a busy machine nothing is proven"
    return result_files.read(out)


def _held(result: LoadResult) -> tuple[int, int]:
    """Hold that all of one scenario was met and nothing of the other; return how many requests each made."""
    own = {one.name: one for one in result.operations}
    assert set(own) == {"tools/call look", "tools/call add"}, "a round ends with what it did not expect"
    look, add = own["tools/call look"], own["tools/call add"]
    assert look.errors == {}
    assert add.errors == {"assertion:content[0].text": add.count}
    assert add.messages["assertion:content[0].text"] == 'content[0].text is "3", expected it to be "4"'
    return look.count, add.count


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_data_saved_values_and_expectations_on_a_url(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with http_server(make=make_sample) as url:
        words = (url, "--scenario", str(_scenario(tmp_path, kind)), "--rate", "20/s", "--users", "3")
        result = _done(monkeypatch, tmp_path / "out.json", *words)
    looks, adds = _held(result)
    # 40 rounds; the second step of one that is due after the end is not begun.
    assert 70 < looks + 2 * adds <= 80
    assert 1 < looks / 2 / adds < 9, "three to one, as drawn"
    assert Counter(one.scenario for one in result.sample) == {"twice": looks, "wrong": adds}


def test_users_of_a_command_do_the_same_as_often_as_they_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = ("--", sys.executable, "-W", "ignore", "-m", "tests.load.sample")
    words = ("--scenario", str(_scenario(tmp_path, "csv")), "--users", "2", *command)
    result = _done(monkeypatch, tmp_path / "out.json", *words)
    assert (result.model, result.connections_peak) == ("closed", 2)
    looks, adds = _held(result)
    assert looks > adds > 0

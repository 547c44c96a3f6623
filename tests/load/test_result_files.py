from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.result import LoadResult, OperationResult, Request, SelfCheck, Window
from groundhog_otel.load.session import ServerFacts

EMPTY = Tally().encode()
RESULT = LoadResult(
    run_id="r",
    server=ServerFacts("calculator", "1", "2025-11-25", "http"),
    target="http://127.0.0.1/mcp",
    model="open",
    config={"duration": 3.0, "arrivals": {"kind": "constant", "rate": 10}, "test_scenarios": []},
    started_at_ns=1_700_000_000_000_000_001,
    duration_s=3.0,
    operations=(OperationResult("ping", "ping", EMPTY, EMPTY, 1, {"tool": 1}, {"tool": "übel"}),),
    windows=(Window(0.0, 1.0, 1, 0, {"ping": EMPTY}, 1),),
    self_checks=(SelfCheck(0, 0.1, 0.2, 0.001, 0.002, 0.003, 0.0, 0.0, 30, 30),),
    slowest=(Request("ping", "s", "1" * 32, "2" * 16, 1, 2, None, 4, 5, "tool"),),
    sample=(Request("ping", "s", "1" * 32, "2" * 16, 1, 2, 3, None, 5),),
)


def test_a_result_is_written_and_read_without_loss(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    result_files.write(RESULT, file)
    assert result_files.read(file) == RESULT
    assert [one.name for one in tmp_path.iterdir()] == ["result.json"]
    assert json.loads(file.read_text())["version"] == 1


def test_what_a_later_release_has_added_is_left_out_and_what_it_has_a_default_for_may_be_missing() -> None:
    raw = json.loads(result_files.dumps(RESULT))
    raw["new"] = raw["self_checks"][0]["new"] = 3
    del raw["reopened"], raw["self_checks"][0]["due"], raw["self_checks"][0]["begun"]
    found = result_files.loads(json.dumps(raw))
    assert found.reopened == found.self_checks[0].due == 0


def _changed(**changes: Any) -> str:
    return json.dumps({**json.loads(result_files.dumps(RESULT)), **changes})


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "this is no result of a load test"),
        ("{", "this is no result of a load test"),
        ("[" * 100_000, "this is no result of a load test"),
        ("[]", "groundhog load --out writes them"),
        ('{"format": "other"}', "groundhog load --out writes them"),
        (_changed(version=2), "this result has version 2 and this release reads 1"),
        (_changed(duration_s="long"), "damaged: duration_s is 'long'"),
        (_changed(unfinished=True), "damaged: unfinished is True"),
        (_changed(windows=[{"start_s": 0}]), "damaged: windows[0]"),
        (_changed(server={"name": 3}), "damaged: server.name is 3"),
        (_changed(operations=[7]), "damaged: operations[0] is 7"),
    ],
)
def test_what_is_no_result_is_refused_in_one_sentence(text: str, part: str) -> None:
    with pytest.raises(LoadError) as raised:
        result_files.loads(text)
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"Cannot read .*absent.json \(No such file or directory\)"):
        result_files.read(tmp_path / "absent.json")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LoadError, match=r"binary.json: this is no result"):
        result_files.read(binary)
    with pytest.raises(LoadError, match=r"Cannot write .*: name another with --out"):
        result_files.write(RESULT, tmp_path / "no" / "folder.json")

"""What ``groundhog load`` ends with, and writes, for results that are known to the last request."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from junitparser import JUnitXml

from groundhog_otel.cli import main
from groundhog_otel.load.reporting.summary import FORMAT
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.result import LoadResult
from tests.load.made import IDLE, result

ADD = "tools/call add"


def _ends_with(monkeypatch: pytest.MonkeyPatch, *words: str) -> str | int | None:
    monkeypatch.setattr(sys, "argv", ["groundhog", "load", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def _of(pace: float) -> LoadResult:
    """Twelve seconds of a server whose every request takes ten milliseconds, times a pace, more or less."""
    return result({ADD: [np.linspace(0.009, 0.011, 100) * pace] * 12})


def _file(folder: Path, name: str, one: LoadResult) -> str:
    file = folder / name
    result_files.write(one, file)
    return str(file)


@pytest.mark.parametrize(
    ("thresholds", "code"),
    [
        ((), 0),
        (("p99<50ms", "error_rate<=0%", "rate>=100/s"), 0),
        (("p99<50ms", "p50<5ms"), 3),
        (("rate>=101/s",), 3),
        (("tools/call nothing: p50<50ms",), 4),
        (("tools/call nothing: p50<50ms", "p50<5ms"), 3),
        (("p99<soon",), 'groundhog: "p99<soon" is no threshold; write it like one of: '),
    ],
)
def test_the_exit_code_is_of_the_thresholds(
    thresholds: Sequence[str], code: int | str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = [word for one in thresholds for word in ("--threshold", one)]
    ended = _ends_with(monkeypatch, "merge", _file(tmp_path, "one.json", _of(1)), *options)
    if isinstance(code, str):
        assert isinstance(ended, str)
        assert ended.startswith(code)
    else:
        assert ended == code


def test_an_invalid_result_is_neither_passed_nor_missed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    busy = result({ADD: [np.full(100, 0.01)] * 12}, self_checks=(replace(IDLE, cpu_share=0.97),))
    for threshold in ("p50<50ms", "p50<5ms"):
        assert _ends_with(monkeypatch, "merge", _file(tmp_path, "x.json", busy), "--threshold", threshold) == 4


def test_an_option_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ends_with(monkeypatch, "http://127.0.0.1:1/mcp", "--frob") == 2


@pytest.mark.parametrize("case", [(1.0, 0, "no difference"), (1.2, 3, "worse"), (0.8, 0, "better")])
def test_a_baseline_decides_where_no_threshold_is_missed(
    case: tuple[float, int, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pace, code, finding = case
    before, now = _file(tmp_path, "before.json", _of(1)), _file(tmp_path, "now.json", _of(pace))
    assert _ends_with(monkeypatch, "merge", now, "--baseline", before) == code
    printed = capsys.readouterr().out
    assert "Beside the baseline before.json" in printed
    assert finding in printed


def test_a_baseline_with_too_little_data_proves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    short = result({ADD: [np.full(100, 0.01)] * 3})
    before, now = _file(tmp_path, "before.json", short), _file(tmp_path, "now.json", _of(1))
    assert _ends_with(monkeypatch, "merge", now, "--baseline", before) == 4


def test_all_that_can_be_written_is_of_the_same_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one = result({ADD: [np.full(95, 0.01)] * 10, "tools/call fail": [np.full(5, 0.02)] * 10})
    well, failing = one.operations
    one = replace(one, operations=(well, replace(failing, errors={"tool:isError": 5})))
    junit, hdr, page, out = (tmp_path / name for name in ("j.xml", "h.hlog", "r.html", "o.json"))
    written = ("--json", "--junit", str(junit), "--hdr", str(hdr), "--html", str(page), "--out", str(out))
    code = _ends_with(monkeypatch, "merge", _file(tmp_path, "one.json", one), *written, "--threshold", "error_rate<=1%")
    summary = json.loads(capsys.readouterr().out)
    assert (code, summary["format"], summary["passed"], summary["requests"]) == (3, FORMAT, False, 1000)
    assert JUnitXml.fromfile(str(junit)).failures == 1
    logged, reader = 0, HistogramLogReader(str(hdr), HdrHistogram(1, 3_600_000_000, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        logged += interval.get_total_count()
    reader.close()
    assert logged == 1000
    assert "tools/call fail" in page.read_text("utf-8")
    assert result_files.read(out) == one

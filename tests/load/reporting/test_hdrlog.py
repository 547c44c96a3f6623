from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from groundhog_otel.load.reporting.hdrlog import hdr_log
from tests.load.reporting import made


def test_the_log_is_read_back_by_the_format_s_own_reader(tmp_path: Path) -> None:
    result = made.result()
    file = tmp_path / "run.hlog"
    file.write_text(hdr_log(result), encoding="utf-8")
    reader = HistogramLogReader(str(file), HdrHistogram(1, 3_600_000_000, 3))
    whole: dict[str, HdrHistogram] = {}
    starts = Counter[str]()
    while (interval := reader.get_next_interval_histogram()) is not None:
        tag = interval.get_tag()
        starts[tag] += 1
        assert result.started_at_ns / 1e6 <= interval.get_start_time_stamp() < result.started_at_ns / 1e6 + 30_000
        assert interval.get_end_time_stamp() - interval.get_start_time_stamp() == pytest.approx(500)
        whole.setdefault(tag, HdrHistogram(1, 3_600_000_000, 3)).add(interval)
    reader.close()
    names = {one.name.replace(" ", "_"): one for one in result.operations}
    assert starts == Counter(name.replace(" ", "_") for window in result.windows for name in window.response)
    # Every request is in it: the windows of one tag make up what the result has of that operation.
    for tag, histogram in whole.items():
        assert histogram.equals(HdrHistogram.decode(names[tag].response))


def test_a_name_cannot_add_a_column_or_a_line(tmp_path: Path) -> None:
    window = made.result().windows[0]
    (encoded, *_) = window.response.values()
    hostile = made.result(
        windows=(type(window)(0.0, 1.0, 1, 0, {"a,b\n#[BaseTime: 5 (x)]\r Tag=c": encoded}, 1),), run_id="x]\ny"
    )
    text = hdr_log(hostile)
    assert len(text.splitlines()) == 6
    file = tmp_path / "run.hlog"
    file.write_text(text, encoding="utf-8")
    reader = HistogramLogReader(str(file), HdrHistogram(1, 3_600_000_000, 3))
    interval = reader.get_next_interval_histogram()
    reader.close()
    assert interval.get_tag() == "a_b_BaseTime:_5_x_Tag_c"
    assert interval.get_start_time_stamp() == pytest.approx(hostile.started_at_ns / 1e6)

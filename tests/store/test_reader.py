from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundhog_otel.store.layout import signal_file
from groundhog_otel.store.model import Buckets, Histogram, Point, Process, Series, Unreadable
from groundhog_otel.store.reader import read_runs
from tests.support.recorded import SERVER, span, traces_line


def _file(run: Path) -> Path:
    return signal_file(run, service="app", pid=11, signal="traces")


LINES = [traces_line(span(own=own), span(own=own + 100)).encode() for own in range(1, 6)]


def test_spans_of_all_processes_are_joined_to_traces(tmp_path: Path) -> None:
    _file(tmp_path).write_text(traces_line(span(own=1), span(own=2, trace=2)))
    there = span(own=3, parent=1, kind="server", process=SERVER)
    signal_file(tmp_path, service="srv", pid=22, signal="traces").write_text(traces_line(there))
    recording = read_runs([tmp_path])
    assert [[one.span_id[-1] for one in trace.spans] for trace in recording.traces()] == [["1", "3"], ["2"]]
    assert [one.process for one in recording.spans][-1] == SERVER


def test_a_bad_line_costs_itself_and_is_counted(tmp_path: Path) -> None:
    _file(tmp_path).write_bytes(LINES[0] + b"\n" + b'{"resourceSpans": [\n' + LINES[1])
    recording = read_runs([tmp_path])
    assert len(recording.spans) == 4
    assert recording.lines == 3
    assert recording.unreadable == (Unreadable(_file(tmp_path), 3),)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0, max_value=sum(map(len, LINES))))
def test_a_truncated_file_loses_at_most_its_last_line(tmp_path: Path, kept: int) -> None:
    whole = b"".join(LINES)
    _file(tmp_path).write_bytes(whole[:kept])
    recording = read_runs([tmp_path])
    complete = whole[:kept].count(b"\n")
    assert len(recording.spans) in (2 * complete, 2 * complete + 2)  # the last may lack its line feed only
    assert len(recording.unreadable) <= 1
    assert 2 * (recording.lines - len(recording.unreadable)) == len(recording.spans)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_random_bytes_never_raise(tmp_path: Path, data: bytes) -> None:
    _file(tmp_path).write_bytes(data)
    signal_file(tmp_path, service="app", pid=11, signal="metrics").write_bytes(data)
    recording = read_runs([tmp_path])
    assert recording.spans == ()
    assert len(recording.unreadable) <= recording.lines


def test_several_runs_are_taken_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        _file(tmp_path / name).write_bytes(LINES[0])
    recording = read_runs([tmp_path / "a", tmp_path / "b"])
    assert [run.run_id for run in recording.runs] == ["a", "b"]
    assert len(recording.spans) == 4


def _metrics_line(time_ns: int, *, start_ns: int = 1, counts: tuple[int, ...] = (1, 2), temporality: int = 2) -> str:
    common = {"startTimeUnixNano": str(start_ns), "timeUnixNano": str(time_ns)}
    histogram = {**common, "sum": 0.5, "bucketCounts": [str(one) for one in counts], "explicitBounds": [0.05]}
    number = {**common, "asInt": str(sum(counts))}
    metrics = [
        {"name": "h", "unit": "s", "histogram": {"aggregationTemporality": temporality, "dataPoints": [histogram]}},
        {"name": "n", "unit": "1", "sum": {"aggregationTemporality": temporality, "dataPoints": [number]}},
        {"name": "e", "exponentialHistogram": {"dataPoints": [common]}},
    ]
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}) + "\n"


def test_histograms_are_read_beside_numbers(tmp_path: Path) -> None:
    file = signal_file(tmp_path, service="app", pid=11, signal="metrics")
    file.write_text(_metrics_line(20, counts=(4, 5)) + "{\n" + _metrics_line(10))
    recording = read_runs([tmp_path])
    process = Process("unknown_service", 11)
    points = (Buckets(10, 3, 0.5, (1, 2)), Buckets(20, 9, 0.5, (4, 5)))
    assert recording.histograms == (Histogram("h", "s", process, {}, (0.05,), points),)
    assert recording.series == (Series("n", "1", process, {}, (Point(10, 3), Point(20, 9))),)
    assert recording.passed_over == {"e": 2}
    assert (recording.lines, recording.unreadable) == (3, (Unreadable(file, 2),))


def test_what_writers_count_anew_each_time_is_added_up(tmp_path: Path) -> None:
    file = signal_file(tmp_path, service="app", pid=11, signal="metrics")
    file.write_text(_metrics_line(10, temporality=1) + _metrics_line(20, temporality=1, counts=(4, 5)))
    recording = read_runs([tmp_path])
    assert recording.series[0].points == (Point(10, 3), Point(20, 12))
    assert recording.histograms[0].points[-1] == Buckets(20, 12, 1.0, (5, 7))


def test_runs_of_processes_with_the_same_pid_are_one_histogram(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        file = signal_file(tmp_path / name, service="app", pid=11, signal="metrics")
        file.write_text(_metrics_line(100 * number + 10, start_ns=100 * number))
    (histogram,) = read_runs([tmp_path / "a", tmp_path / "b"]).histograms
    assert [point.counts for point in histogram.points] == [(1, 2), (2, 4)]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    _file(tmp_path).mkdir()
    with pytest.raises(OSError, match="directory"):
        read_runs([tmp_path])

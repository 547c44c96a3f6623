"""The engine says what the reader says, of any file; and decodes by itself what exporters write."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.store.generate import generate
from groundhog_otel.analysis.operations import operations, operations_of
from groundhog_otel.store.engine import Engine
from groundhog_otel.store.layout import signal_file
from groundhog_otel.store.model import Span, Unreadable
from groundhog_otel.store.reader import read_runs
from tests.support.recorded import SERVER, span, traces_line


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that the exporter has written."""
    return generate(tmp_path_factory.mktemp("store"), 3000)


@pytest.fixture(scope="module")
def engine(run: Path) -> Iterator[Engine]:
    with Engine([run]) as found:
        yield found


def _file(run: Path) -> Path:
    return signal_file(run, service="app", pid=11, signal="traces")


def _every_span(engine: Engine) -> Counter[str]:
    ids = [row[0] for row in engine.rows("SELECT DISTINCT trace_id FROM spans")]
    return _counted(span for trace in engine.traces(ids) for span in trace.spans)


def _counted(spans: Any) -> Counter[str]:
    return Counter(repr(one) for one in spans)


def _assert_the_same(*runs: Path) -> Engine:
    recording = read_runs(runs)
    with Engine(runs) as engine:
        assert operations_of(engine.operations()) == operations(recording.spans)
        assert _every_span(engine) == _counted(recording.spans)
        assert (engine.spans, engine.lines) == (len(recording.spans), recording.lines)
        assert set(engine.unreadable) == set(recording.unreadable)
        assert len(engine.unreadable) == len(recording.unreadable)
    return engine


def test_what_the_exporter_writes_is_not_left_to_the_slower_reader(run: Path) -> None:
    assert _assert_the_same(run).decoded_lines == 0


def test_a_line_that_is_cut_off_or_torn_costs_itself(tmp_path: Path, run: Path) -> None:
    whole = max(run.glob("*.traces.jsonl"), key=lambda file: file.stat().st_size).read_bytes().splitlines(True)
    _file(tmp_path).write_bytes(b"".join([*whole[:2], whole[2][:1000], b"\n \n", *whole[3:], whole[0][:-20]]))
    engine = _assert_the_same(tmp_path)
    assert engine.decoded_lines == 2
    assert engine.unreadable == (Unreadable(_file(tmp_path), 3), Unreadable(_file(tmp_path), len(whole) + 2))


MESSAGE: dict[str, Any] = json.loads(traces_line(span(error="timeout"), span(own=2, parent=1)))
_SPANS = MESSAGE["resourceSpans"][0]["scopeSpans"][0]["spans"]
_SPANS[0]["events"] = [{"name": "e", "timeUnixNano": "5", "attributes": [{"key": "k", "value": {"intValue": "1"}}]}]
_SPANS[1]["attributes"] += [
    {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": True}, {"doubleValue": -1.5e-7}]}}},
    {"key": "gen_ai.tool.name", "value": {"stringValue": 'a "quoted" \\ näme\n'}},
]


def _paths(node: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _paths(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _paths(value, (*path, index))


def _changed(path: tuple[Any, ...], value: object) -> str:
    """Return the line with something else in one place; ``...`` stands for nothing there."""
    if not path:
        return json.dumps(None if value is ... else value)
    message = copy.deepcopy(MESSAGE)
    owner: Any = message
    for key in path[:-1]:
        owner = owner[key]
    if value is ...:
        del owner[path[-1]]
    else:
        owner[path[-1]] = value
    return json.dumps(message, ensure_ascii=False)


_ODD: tuple[Any, ...] = (
    ..., None, "", "x", 0, 1, -1, 2, 5, 6, 2.5, True, [], {}, [[]], [None], [5], {"key": 1}, "5", " 7", "1_0", "-3",
    2**63, str(2**64 - 1), str(2**64), "0" * 16, "0" * 32, "ABCDEF0123456789", "SPAN_KIND_SERVER", float("nan"),
    {"code": "STATUS_CODE_ERROR"}, {"code": 2, "message": "m"}, {"code": 7}, {"stringValue": 5}, {"intValue": "x"},
    {"intValue": 404}, {"boolValue": True}, {"bytesValue": "aa"}, {"kvlistValue": {"values": []}},
    {"doubleValue": "NaN"}, {"doubleValue": 1}, {"arrayValue": {"values": [{"arrayValue": {"values": []}}]}},
    {"stringValue": "\u2028\x00"},
)  # fmt: skip


def test_whatever_is_odd_about_a_line_both_read_it_alike(tmp_path: Path) -> None:
    """Each place of a line, with each odd thing in it."""
    lines = [_changed(path, value) for path in _paths(MESSAGE) for value in _ODD]
    _file(tmp_path).write_text("\n".join(lines))
    engine = _assert_the_same(tmp_path)
    assert 0 < len(engine.unreadable) < engine.decoded_lines < len(lines)


_LINE = st.one_of(
    st.tuples(st.sampled_from(list(_paths(MESSAGE))), st.sampled_from(_ODD)).map(lambda one: _changed(*one).encode()),
    st.just(json.dumps(MESSAGE).encode()),
    st.binary(max_size=40),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(_LINE, max_size=5), st.integers(0, 60))
def test_any_file_is_read_alike(tmp_path: Path, lines: list[bytes], cut: int) -> None:
    data = b"\n".join(lines)
    _file(tmp_path).write_bytes(data[: max(len(data) - cut, 0)])
    _assert_the_same(tmp_path)


def test_several_runs_and_processes_with_names_that_are_patterns(tmp_path: Path) -> None:
    first, second = tmp_path / "a[b]*", tmp_path / "c'd"
    for folder in (first, second):
        folder.mkdir()
        _file(folder).write_text(traces_line(span(), span(own=2, status="error")))
    there = span(kind="server", own=3, parent=1, process=SERVER)
    signal_file(second, service="srv", pid=22, signal="traces").write_text(traces_line(there))
    engine = _assert_the_same(second)
    assert engine.decoded_lines == 0
    _assert_the_same(first, second)


def test_the_slowest_traces(engine: Engine, run: Path) -> None:
    durations = {
        trace.trace_id: max(one.end_ns for one in trace.spans) - min(one.start_ns for one in trace.spans)
        for trace in read_runs([run]).traces()
    }
    slowest = sorted(durations, key=lambda trace_id: -durations[trace_id])[:7]
    found = engine.slowest(7)
    assert [one.trace_id for one in found] == slowest
    assert [one.duration_s for one in found] == [durations[trace_id] / 1e9 for trace_id in slowest]
    (trace,) = engine.traces([slowest[0].upper(), "f" * 32])
    assert (trace.trace_id, len(trace.spans)) == (slowest[0], found[0].spans)


def test_a_sample_is_of_whole_traces_with_the_slowest_of_each_operation(engine: Engine, run: Path) -> None:
    every = read_runs([run])
    sample = engine.sample(spans=600, slowest=2)
    assert 550 < len(sample.spans) <= 600
    assert sample.runs == every.runs
    whole = {trace.trace_id: _counted(trace.spans) for trace in every.traces()}
    assert all(_counted(trace.spans) == whole[trace.trace_id] for trace in sample.traces())
    slow: dict[tuple[str, str], list[Span]] = {}
    for one in sorted(every.spans, key=lambda one: -one.duration_s):
        if "mcp.method.name" in one.attributes:
            slow.setdefault((one.kind, one.name), []).append(one)
    assert len(slow) == 8
    sampled = {one.span_id for one in sample.spans}
    assert all(one.span_id in sampled for group in slow.values() for one in group[:2])


def test_a_sample_is_the_same_again_and_all_of_what_fits(engine: Engine, run: Path) -> None:
    with Engine([run]) as again:
        assert again.sample(spans=200, slowest=1) == engine.sample(spans=200, slowest=1)
    assert len(engine.sample(spans=engine.spans).spans) == engine.spans
    assert len(engine.sample(spans=1).traces()) == 1


def test_metrics_come_with_a_sample(tmp_path: Path) -> None:
    _file(tmp_path).write_text(traces_line(span()))
    point = {"timeUnixNano": "9", "asInt": "1"}
    metric = {"name": "m", "unit": "1", "gauge": {"dataPoints": [point]}}
    line = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
    signal_file(tmp_path, service="app", pid=11, signal="metrics").write_text(line + "\n{\n")
    with Engine([tmp_path]) as engine:
        sample, every = engine.sample(), read_runs([tmp_path])
    assert (sample.series, sample.lines, sample.unreadable) == (every.series, 3, every.unreadable)


def test_nothing_is_left_behind(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Engine([run]) as engine:
        assert list(tmp_path.iterdir())
        assert engine.spans
    assert not list(tmp_path.iterdir())
    (tmp_path / "run").mkdir()
    _file(tmp_path / "run").mkdir()
    with pytest.raises(OSError, match="directory"):
        Engine([tmp_path / "run"])
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_nothing_recorded_is_nothing_found(tmp_path: Path) -> None:
    _file(tmp_path).write_text("\n")
    with Engine([tmp_path]) as engine:
        assert (engine.operations(), engine.slowest(), engine.sample().spans, engine.lines) == ((), (), (), 0)


def test_standard_output_stays_that_of_the_program(run: Path) -> None:
    """DuckDB shows how far it is there, if a query takes long."""
    with Engine([run]) as engine:
        ((shown,),) = engine.rows("SELECT current_setting('enable_progress_bar')")
    assert shown is False


def test_without_the_engine_one_sentence_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['duckdb'] = None\n"
        "from groundhog_otel.store.engine import Engine\n"
        "from groundhog_otel.store import StoreError\n"
        "try: Engine([])\n"
        "except StoreError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("is an extra of this package: pip install 'groundhog-otel[analysis]'\n")

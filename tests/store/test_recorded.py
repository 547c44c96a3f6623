from __future__ import annotations

import os
from pathlib import Path

import pytest

from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import earlier_file, prepare, signal_file
from groundhog_otel.store.recorded import Recordings
from tests.support.recorded import SERVER, span, traces_line

ONE, TWO = f"{1:032x}", f"{2:032x}"


def _file(store: Path, run: str = "run-1", pid: int = 11) -> Path:
    return signal_file(prepare(store, run), service="app", pid=pid, signal="traces")


def test_a_trace_is_gathered_from_the_files_of_all_processes(tmp_path: Path) -> None:
    _file(tmp_path, pid=11).write_text(traces_line(span(), span(trace=2, own=9)))
    _file(tmp_path, pid=22).write_text("nonsense\n\n" + traces_line(span(own=2, parent=1, process=SERVER)))
    found = Recordings(tmp_path, "run-1").look([ONE])
    assert set(found) == {ONE}
    assert [(one.span_id, one.process.pid) for one in found[ONE].trace.spans] == [(f"{1:016x}", 11), (f"{2:016x}", 22)]
    assert found[ONE].where == str(_file(tmp_path))


def test_looking_again_reads_on_and_a_line_that_is_half_written_is_read_later(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, "run-1")
    assert recordings.look([ONE]) == {}
    line = traces_line(span())
    file = _file(tmp_path)
    file.write_text(line + line[:50])
    assert len(recordings.look([ONE])[ONE].trace.spans) == 1
    with file.open("a") as more:
        more.write(line[50:])
    assert len(recordings.look([ONE])[ONE].trace.spans) == 2
    assert len(recordings.look([ONE])[ONE].trace.spans) == 2
    file.write_text(line + traces_line(span(trace=2)))
    assert set(recordings.look([ONE, TWO])) == {ONE, TWO}, "what is asked for later may be in what was read before"


def test_other_runs_of_the_folder_count_if_they_were_written_to_meanwhile(tmp_path: Path) -> None:
    _file(tmp_path).write_text(traces_line(span()))
    server, old = _file(tmp_path, "run-2"), _file(tmp_path, "run-0")
    server.write_text(traces_line(span(own=2, parent=1)))
    old.write_text(traces_line(span(own=3, parent=1)))
    os.utime(old, (1000, 1000))
    assert len(Recordings(tmp_path, "run-1").look([ONE])[ONE].trace.spans) == 1
    recordings = Recordings(tmp_path, "run-1", since_s=2000)
    assert len(recordings.look([ONE])[ONE].trace.spans) == 2
    assert recordings.command(ONE) == f"groundhog report {tmp_path} --run all --trace {ONE}"
    alone = Recordings(tmp_path, "run-1")
    alone.look([ONE])
    assert alone.command(ONE) == f"groundhog report {tmp_path} --run run-1 --trace {ONE}"


def test_a_folder_that_is_not_there_has_none_and_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert Recordings(tmp_path / "none", "run-1", since_s=1).look([ONE]) == {}
    _file(tmp_path).mkdir()
    with pytest.raises(StoreError, match="cannot read"):
        Recordings(tmp_path, "run-1").look([ONE])


def test_a_file_that_was_put_aside_meanwhile_is_not_read_twice(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, "run-1")
    file = _file(tmp_path)
    file.write_text(traces_line(span(own=1)))
    assert len(recordings.look([ONE])[ONE].trace.spans) == 1
    with file.open("a") as more:
        more.write(traces_line(span(own=2)))
    file.replace(earlier_file(file))
    file.write_text("\n")
    assert [one.span_id[-1] for one in recordings.look([ONE])[ONE].trace.spans] == ["1", "2"]
    with file.open("a") as more:
        more.write(traces_line(span(own=3)))
    assert [one.span_id[-1] for one in recordings.look([ONE])[ONE].trace.spans] == ["1", "2", "3"]

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.files import ProfileWriter, read_profile, save_profile
from groundhog_otel.profiling.files.writing import DROPPED
from groundhog_otel.profiling.model import Profile, Sample
from tests.profiling import made


def writer(path: Path, *, limit_bytes: int = 10**6, flush_s: float = 3600.0) -> ProfileWriter:
    return ProfileWriter(
        path, profile_id=made.PROFILE_ID, kind="cpu", value_types=made.CPU, limit_bytes=limit_bytes, flush_s=flush_s
    )


@given(found=made.profiles())
def test_a_profile_comes_back(found: Profile) -> None:
    with TemporaryDirectory() as folder:
        again = read_profile(made.written(found, Path(folder)))
    assert replace(again, samples=()) == replace(found, samples=())
    assert made.sums(again) == made.sums(found)
    assert len({(one.stack, one.link, one.state, one.thread) for one in again.samples}) == len(again.samples)


@given(found=made.profiles(least=1), data=st.data())
def test_a_file_that_is_cut_anywhere_reads_as_far_as_it_goes(found: Profile, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "p")
        taking = writer(file)
        for one in found.samples:
            taking.add(replace(one, values=(1, 0)))
            taking.flush()
        taking.close()
        whole = file.read_bytes()
        head = whole.index(b"\n") + 1
        cut = data.draw(st.integers(head, len(whole) - 2))
        file.write_bytes(whole[:cut])
        again = read_profile(file)
        # The newline may be missing: the line is whole all the same.
        lines = min(whole[head : cut + 1].count(b"\n"), len(found.samples))
    assert not again.complete
    assert len(again.samples) == lines
    assert [one.stack for one in again.samples] == [one.stack for one in found.samples[:lines]]


@given(data=st.data())
def test_a_file_that_is_damaged_anywhere_reads_or_is_refused_in_a_sentence(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        file = made.written(made.profile(), Path(folder))
        content = bytearray(file.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(1, 40))] = data.draw(st.binary(max_size=10))
        file.write_bytes(content)
        try:
            assert len(read_profile(file).samples) <= len(made.SAMPLES)
        except ProfileError as error:
            assert str(error).startswith(str(file))


def test_samples_of_one_stack_are_added_up_until_they_are_written(tmp_path: Path) -> None:
    taking = writer(tmp_path / "p")
    first, other = made.SAMPLES[0], made.SAMPLES[2]
    for one in (first, other, replace(first, time_ns=9), replace(first, link=made.FETCH)):
        taking.add(one)
    taking.flush()
    taking.add(first)
    taking.close({"looks": 5})
    taking.close()
    taking.add(first)
    again = read_profile(tmp_path / "p")
    assert again.samples == (
        replace(first, values=(2 * first.values[0], 2 * first.values[1])),
        other,
        replace(first, link=made.FETCH),
        first,
    )
    assert (again.complete, again.facts) == (True, {"looks": 5})
    assert (tmp_path / "p").read_bytes().count(b"ranking.py") == 2  # two frames of that file, each once


def test_it_writes_by_itself_once_in_a_while(tmp_path: Path) -> None:
    taking = writer(tmp_path / "p", flush_s=0.0)
    taking.add(made.SAMPLES[0])
    again = read_profile(tmp_path / "p")
    assert again.samples == made.SAMPLES[:1]
    assert not again.complete
    assert again.end_ns > again.start_ns
    taking.close()


def test_it_is_for_its_owner_and_never_writes_over_another(tmp_path: Path) -> None:
    file = made.written(made.profile(), tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        save_profile(file, made.profile())


def test_the_file_is_bounded_and_says_what_it_left_out(tmp_path: Path) -> None:
    taking = writer(tmp_path / "p", limit_bytes=2_000, flush_s=0.0)
    for line in range(500):
        taking.add(Sample((replace(made.MAIN, line=line),), (1, 1)))
    assert taking.full
    taking.close()
    again = read_profile(tmp_path / "p")
    assert again.complete
    assert len(again.samples) + taking.dropped == 500
    assert again.facts == {DROPPED: taking.dropped}
    assert (tmp_path / "p").stat().st_size < 2_500


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_profile_and_not_the_program(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    taking = writer(tmp_path / "p")
    full = os.open("/dev/full", os.O_WRONLY)
    assert taking._fd is not None
    os.dup2(full, taking._fd)
    os.close(full)
    taking.add(made.SAMPLES[0])
    taking.flush()
    assert taking.full
    taking.add(made.SAMPLES[0])
    taking.close()
    assert taking.dropped == 1
    assert [one.message for one in caplog.records] == [
        f"the profile ends here: cannot write {tmp_path / 'p'} (No space left on device)"
    ]


def test_threads_may_share_a_writer(tmp_path: Path) -> None:
    taking = writer(tmp_path / "p", flush_s=0.0)

    def add(number: int) -> None:
        for line in range(100):
            taking.add(Sample((made.MAIN, replace(made.MAIN, line=line % 7)), (number, 1)))

    threads = [Thread(target=add, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    taking.close()
    again = read_profile(tmp_path / "p")
    assert sum(one.values[0] for one in again.samples) == 100 * (0 + 1 + 2 + 3)
    assert {one.stack[1].line for one in again.samples} == set(range(7))


_PROGRAM = """
import os, sys
from pathlib import Path
from groundhog_otel.profiling.files import ProfileWriter
from tests.profiling import made
taking = ProfileWriter(Path(sys.argv[1]), profile_id="ab", kind="cpu", value_types=made.CPU)
taking.add(made.SAMPLES[0])
if sys.argv[2] == "fork":
    child = os.fork()
    if child == 0:
        taking.add(made.SAMPLES[1]); taking.flush(); taking.close()
        os._exit(0)
    os.waitpid(child, 0)
    taking.close()
else:
    taking.flush()
    taking.add(made.SAMPLES[1])
    print("written", flush=True)
    sys.stdin.read()
"""


def _program(file: Path, how: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _PROGRAM, str(file), how]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_process_that_is_killed_leaves_what_it_has_written(tmp_path: Path) -> None:
    with _program(tmp_path / "p", "kill") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    again = read_profile(tmp_path / "p")
    assert again.samples == made.SAMPLES[:1]
    assert not again.complete


def test_a_forked_child_writes_nothing_into_its_parent_s_file(tmp_path: Path) -> None:
    with _program(tmp_path / "p", "fork") as process:
        assert process.wait(30) == 0
    again = read_profile(tmp_path / "p")
    assert (again.samples, again.complete) == (made.SAMPLES[:1], True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "this is no profile of groundhog: groundhog profile writes them"),
        (b"\xff\xfe", "this is no profile"),
        (b"[" * 100_000, "this is no profile"),
        (b'{"format": "other"}', "this is no profile"),
        (b'{"format": "groundhog-profile", "version": 9}', "has version 9 and this release reads 1: use the release"),
        (b'{"format": "groundhog-profile", "version": 1}', "the first line of this profile is damaged"),
    ],
)
def test_what_is_no_profile_is_said(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ProfileError, match=sentence):
        read_profile(tmp_path / "p")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"Cannot read .*none \(No such file or directory\)"):
        read_profile(tmp_path / "none")


@pytest.mark.parametrize(
    "batch",
    [
        {"samples": [[0, [1, 1], None, None, 0, None]], "end_ns": 1},
        {"stacks": [[-1, 0]], "samples": [], "end_ns": 1},
        {"frames": [["f", "g", 1, ""]], "stacks": [[0, 0]], "samples": [], "end_ns": 1},
        {"threads": [""], "samples": [[-2, [1, 1], None, None, 0, None]], "end_ns": 1},
        {"threads": [""], "samples": [[-1, [1], None, None, 0, None]], "end_ns": 1},
        {"threads": [""], "samples": [[-1, [1, True], None, None, 0, None]], "end_ns": 1},
        {"threads": [""], "samples": [[-1, [1, 1], None, "running", -1, None]], "end_ns": 1},
        {"threads": [""], "samples": [[-1, [1, 1], None, [], 0, None]], "end_ns": 1},
        {"closed": True, "end_ns": 1, "facts": {"x": []}},
        [],
    ],
)
def test_a_line_that_the_writer_would_not_write_ends_the_profile(tmp_path: Path, batch: object) -> None:
    file = made.written(made.profile(), tmp_path)
    *lines, closing = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + json.dumps(batch).encode() + b"\n" + b"".join(lines[1:]) + closing)
    again = read_profile(file)
    assert (again.samples, again.complete) == ((), False)

"""Profiles that the environment asks for, of real servers on stdio, however these end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.profiling.files import read_profile
from groundhog_otel.profiling.live.stored import stored
from groundhog_otel.store.layout import run_directories
from groundhog_otel.store.reader import read_runs
from tests.profiling.live.processes import MODE, SCRIPTS, environ, eventually, instrumented, only_profile, profile_files
from tests.support.processes import ROOT


def test_a_server_is_profiled_and_its_spans_name_the_profile(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "cpu"}) as server:
        server.call("hot", seconds=0.4)
        server.call("cool", seconds=0.3)
        code, said = server.end()
    assert (code, said) == (0, "")
    profile = only_profile(tmp_path)
    assert profile.complete
    assert (profile.service, profile.pid, profile.kind) == ("shop", server.pid, "cpu")
    spans = {one.name: one for one in read_runs(run_directories(tmp_path)).spans}
    hot = spans["tools/call hot"]
    assert hot.attributes["groundhog.profile.id"] == profile.profile_id
    of_hot = [one for one in profile.samples if one.link is not None and one.link.span_id == hot.span_id]
    assert {one.stack[-1].function for one in of_hot if one.state == "running"} >= {"burn"}
    assert sum(one.values[1] for one in of_hot) > 0.2e9
    awaited = [one for one in profile.samples if one.link is not None and one.link.target == "cool"]
    assert any(one.state == "awaiting" for one in awaited)
    assert not any(one.thread == "groundhog-profile" for one in profile.samples)


def test_a_server_that_is_killed_leaves_a_readable_profile(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "cpu"}) as server:
        server.call("hot", seconds=0.5)
        assert eventually(lambda: bool(_targets(tmp_path)))
        server.kill()
    profile = only_profile(tmp_path)
    assert not profile.complete
    assert "hot" in _targets(tmp_path)


def _targets(store: Path) -> set[str | None]:
    found = [one.link for file in profile_files(store) for one in read_profile(file).samples]
    return {one.target for one in found if one is not None and one.method == "tools/call"}


def test_memory_of_a_server_that_is_killed_is_readable_too(tmp_path: Path) -> None:
    pytest.importorskip("memray")
    with instrumented(tmp_path, **{MODE: "memory"}) as server:
        for _ in range(3):
            server.call("hold", size=3_000_000)
        recording = next(tmp_path.glob("*/*.memray.bin"))
        for _ in range(300):  # memray writes when its buffer is full
            server.call("add", a=1, b=2)
        assert recording.stat().st_size > 0
        server.kill()
    profile = stored(None, tmp_path)
    assert not profile.complete
    assert profile.profile_id in recording.name
    names = [one.name for one in profile.value_types]
    held = sum(
        one.values[names.index("inuse_space")]
        for one in profile.samples
        if one.link is not None and one.link.target == "hold" and one.stack[-1].function == "keep"
    )
    assert held == pytest.approx(9_000_000, rel=0.01)
    assert not read_profile(next(tmp_path.glob("*/*.profile.jsonl"))).complete


def test_tracemalloc_takes_memrays_place_when_asked_for(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "memory", f"{MODE}_ENGINE": "tracemalloc", f"{MODE}_TOOLS": "hold"}) as server:
        server.call("hold", size=3_000_000)
        code, said = server.end()
    assert (code, said) == (0, "")
    profile = only_profile(tmp_path)
    assert profile.engine.startswith("tracemalloc")
    held = sum(one.values[1] for one in profile.samples if one.link is not None and one.link.target == "hold")
    assert held == pytest.approx(3_000_000, rel=0.02)


def test_only_the_tool_that_is_asked_for_and_only_for_so_many_calls(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "cpu", f"{MODE}_TOOLS": "hot", f"{MODE}_CALLS": "2"}) as server:
        for _ in range(4):
            server.call("hot", seconds=0.1)
        server.call("cool", seconds=0.1)
        assert eventually(lambda: only_profile(tmp_path).complete)
        server.end()
    links = {one.link for one in only_profile(tmp_path).samples}
    assert {one.target for one in links if one is not None} == {"hot"}
    assert len(links) == 2


def test_time_is_bounded(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "cpu", f"{MODE}_DURATION": "0.5"}) as server:
        assert eventually(lambda: only_profile(tmp_path).complete)
        assert server.process.poll() is None
        server.call("hot", seconds=0.1)
        server.end()
    assert "hot" not in _targets(tmp_path)


def test_a_program_that_is_not_asked_loads_nothing_of_the_profilers(tmp_path: Path) -> None:
    program = "import sys; print([one for one in sys.modules if one.startswith('groundhog_otel.profiling')])"
    done = subprocess.run(
        [SCRIPTS / "opentelemetry-instrument", sys.executable, "-c", program], env=environ(tmp_path), cwd=ROOT,
        capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    loaded = {f"groundhog_otel.profiling{rest}" for rest in ("", ".errors", ".live", ".live.instrumentor")}
    assert set(eval(done.stdout)) == loaded  # noqa: S307 - what was printed above
    assert not profile_files(tmp_path)


def test_a_setting_that_is_not_understood_is_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [SCRIPTS / "opentelemetry-instrument", sys.executable, "-c", "print('ran')"],
        env=environ(tmp_path, **{MODE: "cup"}), cwd=ROOT, capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    assert done.stdout == "ran\n"
    said = "using none. Write any of cpu or light, memory, leaks, heap, and on-signal"
    assert f"{MODE}='cup' is not understood; {said}" in done.stderr


def test_a_store_that_cannot_be_written_to_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [SCRIPTS / "opentelemetry-instrument", sys.executable, "-c", "print('ran')"], cwd=ROOT, capture_output=True,
        env=environ(tmp_path / "file", OTEL_TRACES_EXPORTER="none", **{MODE: "cpu"}), text=True, timeout=50, check=True,
    )  # fmt: skip
    assert done.stdout == "ran\n"
    assert f"Profiling: cannot write a profile to {tmp_path / 'file'}" in done.stderr

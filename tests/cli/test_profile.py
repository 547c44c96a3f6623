"""``groundhog profile`` with real servers and processes."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from groundhog_otel.profiling.files import read_profile
from groundhog_otel.profiling.model import Sample
from groundhog_otel.store.layout import run_directories
from groundhog_otel.store.reader import read_runs
from tests.profiling.live.processes import (
    GROUNDHOG,
    MODE,
    PROGRAM,
    Server,
    burning,
    command,
    environ,
    eventually,
    instrumented,
    only_profile,
    profile_files,
)
from tests.profiling.made import SEARCH, profile, written
from tests.support.processes import ROOT


def _server(store: Path, *options: str, kind: str = "cpu") -> Server:
    words = [GROUNDHOG, "profile", kind, *options, "--", sys.executable, "-m", PROGRAM]
    server = Server(words, environ(store))
    server.greet()
    return server


def _names(text: str) -> set[str]:
    return set(re.findall(r"tools/call \w+", text))


def test_a_server_on_stdio_is_started_profiled_and_from_its_slow_span_its_profile_is_found(tmp_path: Path) -> None:
    with _server(tmp_path) as server:
        server.call("hot", seconds=0.4)
        server.call("cool", seconds=0.3)
        code, said = server.end()
    assert code == 0, said
    (file,) = profile_files(tmp_path)
    assert re.fullmatch(
        rf"groundhog: CPU profile of shop: [\d.]+ s, \d calls seen\. Read it with:\n  groundhog profile show {file}\n",
        said,
    )
    shown = command("show", store=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert _names(shown.stdout) == {"tools/call hot", "tools/call cool"}
    assert re.search(r"^burn +tests/profiling/live/program\.py:\d+ ", shown.stdout, re.MULTILINE)
    assert "Blocked the event loop" in shown.stdout
    assert re.search(r"^The profiler: \d+ looks in .* of one CPU", shown.stdout, re.MULTILINE)

    spans = {one.name: one for one in read_runs(run_directories(tmp_path)).spans}
    slow = spans["tools/call hot"]
    for words in (("--span", slow.span_id), ("--trace", slow.trace_id), ("--tool", "hot"),
                  (str(slow.attributes["groundhog.profile.id"]), "--span", slow.span_id)):  # fmt: skip
        part = command("show", *words, store=tmp_path)
        assert (part.returncode, part.stderr) == (0, ""), words
        assert _names(part.stdout) == {"tools/call hot"}
        assert "burn" in part.stdout


def test_memory_of_a_server_by_call_and_line(tmp_path: Path) -> None:
    pytest.importorskip("memray")
    with _server(tmp_path, "--tool", "hold", kind="memory") as server:
        server.call("hold", size=3_000_000)
        server.call("hold", size=1_000_000)
        code, said = server.end()
    assert code == 0, said
    assert "groundhog: memory profile of shop" in said
    shown = command("show", store=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"^tools/call hold +2 +\S+ \S+ +\S+ \S+ +4\.\d MB", shown.stdout, re.MULTILINE), shown.stdout
    assert re.search(r"^keep +tests/profiling/live/program\.py:\d+ +tools/call hold +4\.0 MB +4\.0 MB", shown.stdout,
                     re.MULTILINE), shown.stdout  # fmt: skip


@pytest.mark.timeout(300)  # each of ten measurements stops the server for a second
def test_a_server_is_looked_at_for_leaks(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    with _server(tmp_path, "--leaks", "--calls", "77", kind="memory") as server:
        for _ in range(80):
            server.call("hold", size=20_000)
        code, said = server.end()
    assert code == 0, said
    assert "groundhog: leaks: leak. " in said
    assert re.search(r"^  20 kB for each call$", said, re.MULTILINE), said
    assert re.search(r"by keep \(\S+program\.py:\d+\), held by __main__\.KEPT → list", said), said
    (file,) = tmp_path.glob("*/*.leaks.json")
    assert json.loads(file.read_bytes())["verdict"] == "leak"


def test_a_search_that_is_over_too_soon_says_so(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    with _server(tmp_path, "--leaks", kind="memory") as server:
        server.call("hold", size=20_000)
        code, said = server.end()
    assert code == 0, said
    assert "groundhog: leaks: undecided. " in said


@pytest.mark.timeout(200)
@pytest.mark.parametrize("calls", [None, 3])
def test_the_heap_of_a_server_and_what_holds_it(tmp_path: Path, calls: int | None) -> None:
    pytest.importorskip("numpy")
    options = () if calls is None else ("--calls", str(calls))
    with _server(tmp_path, "--heap", *options, kind="memory") as server:
        for _ in range(5):
            server.call("hold", size=1_000_000)
        code, said = server.end()
    assert code == 0, said
    held = calls or 5
    assert re.search(rf"^  without __main__\.KEPT \(list, {held} entries\): {held}\.0 MB less", said, re.MULTILINE), (
        said
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--leaks", "--heap"), "start the command twice"),
        (("--calls", "3"), "--calls is of --leaks and --heap"),
        (("--heap", "--engine", "memray"), "--engine and --duration are not of --leaks and --heap"),
    ],
)
def test_options_of_memory_that_exclude_each_other(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    done = command("memory", *options, "--", "true", store=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_server_that_dies_leaves_its_profile_and_the_command_says_so(tmp_path: Path) -> None:
    with _server(tmp_path, "--interval", "2ms") as server:
        server.call("hot", seconds=0.4)
        assert eventually(lambda: "hot" in {one.link.target for one in only_profile(tmp_path).samples if one.link})
        os.kill(_pid_of(profile_files(tmp_path)[0]), signal.SIGKILL)
        code, said = server.end()
    assert code == 128 + signal.SIGKILL
    assert "groundhog: CPU profile of shop, which ended before it could close it" in said
    shown = command("show", store=tmp_path)
    assert "The process ended before it could close this profile" in shown.stdout
    assert "tools/call hot" in shown.stdout


def _pid_of(file: Path) -> int:
    pid = read_profile(file).pid
    assert pid is not None
    return pid


def test_ctrl_c_ends_the_command_and_keeps_the_profile(tmp_path: Path) -> None:
    words = [GROUNDHOG, "profile", "cpu", "--", sys.executable, "-m", PROGRAM, "burn"]
    with Server(words, environ(tmp_path)) as started:
        assert started.process.stdout is not None
        assert started.process.stdout.readline() == "ready\n"
        assert eventually(lambda: bool(profile_files(tmp_path)) and bool(only_profile(tmp_path).samples))
        started.process.send_signal(signal.SIGINT)
        code, said = started.end()
    assert code == 130
    assert "groundhog: CPU profile of shop: " in said
    assert only_profile(tmp_path).complete


def test_attach_to_a_server_that_listens(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "on-signal"}) as server:
        with subprocess.Popen(
            [GROUNDHOG, "profile", "attach", str(server.pid), "--duration", "50s", "--tool", "hot", "--calls", "2"],
            env=environ(tmp_path), cwd=ROOT, stderr=subprocess.PIPE, text=True,
        ) as attached:  # fmt: skip
            assert eventually(lambda: bool(profile_files(tmp_path)))
            for _ in range(2):
                server.call("hot", seconds=0.2)
            _, said = attached.communicate(timeout=40)
        assert attached.returncode == 0, said
        assert server.end() == (0, "")
    assert said.startswith("groundhog: as many calls as asked for\ngroundhog: CPU profile of shop: ")
    assert "2 calls seen" in said


def test_attach_to_what_has_started_the_server_names_the_server(tmp_path: Path) -> None:
    words = [GROUNDHOG, "run", "--", sys.executable, "-m", PROGRAM]
    with Server(words, environ(tmp_path, **{MODE: "on-signal"})) as server:
        server.greet()
        (child,) = psutil.Process(server.pid).children()
        done = command("attach", str(server.pid), store=tmp_path)
        assert done.returncode == 1
        said = f"process {server.pid} only started process {child.pid}, which can be profiled: attach to {child.pid}"
        assert done.stderr == f"groundhog: {said}\n"
        assert server.end()[0] == 0


def test_ctrl_c_of_attach_keeps_the_profile_and_the_server_goes_on(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "on-signal"}) as server:
        with Server(
            [GROUNDHOG, "profile", "attach", str(server.pid), "--duration", "50s"], environ(tmp_path)
        ) as attached:
            assert eventually(lambda: bool(profile_files(tmp_path)))
            server.call("hot", seconds=0.2)
            attached.process.send_signal(signal.SIGINT)
            code, said = attached.end()
        assert code == 0, said
        assert said.startswith("groundhog: ended by you\ngroundhog: CPU profile of shop: ")
        server.call("cool", seconds=0.1)
        assert server.end() == (0, "")
    assert only_profile(tmp_path).complete


def test_attach_by_py_spy_to_a_process_that_nobody_has_prepared(tmp_path: Path) -> None:
    with burning() as process:
        done = command("attach", str(process.pid), "--duration", "2s", "--dir", str(tmp_path), store=tmp_path)
        if "may not look into process" in done.stderr:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stderr
        assert process.poll() is None
    assert f"process {process.pid} was not prepared for profiles: py-spy looks from outside" in done.stderr
    found = only_profile(tmp_path)
    assert found.engine.startswith("py-spy")
    assert found.pid == process.pid
    assert {one.link for one in found.samples} == {None}
    whole, of_burn = (sum(one.values[0] for one in found.samples if keep(one.stack[-1].function))
                      for keep in (lambda _: True, lambda name: name == "burn"))  # fmt: skip
    assert of_burn > 0.5 * whole > 0


def test_ctrl_c_while_py_spy_looks_keeps_what_it_has_seen(tmp_path: Path) -> None:
    with burning() as process:
        words = [GROUNDHOG, "profile", "attach", str(process.pid), "--duration", "50s"]
        with Server(words, environ(tmp_path)) as attached:
            assert attached.process.stderr is not None
            assert "py-spy looks from outside" in attached.process.stderr.readline()
            assert eventually(lambda: _has_looked(attached.pid))
            attached.process.send_signal(signal.SIGINT)
            code, said = attached.end()
        if "may not look into process" in said:
            pytest.skip(said)
        assert code == 0, said
    assert only_profile(tmp_path).samples


def _has_looked(pid: int) -> bool:
    """Tell whether the py-spy below a process has used some time."""
    return any(one.name() == "py-spy" and sum(one.cpu_times()[:2]) > 0.1 for one in psutil.Process(pid).children())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cpu",), "there is nothing to start. Write: groundhog profile cpu -- python my_server.py"),
        (("memory",), "there is nothing to start. Write: groundhog profile memory -- python my_server.py"),
        (("cpu", "--", "no-such-command"), "no-such-command is not a command: check its spelling, and PATH"),
        (("cpu", "--interval", "1h", "--", "x"), "--interval 1h is not understood: write whole milliseconds, 1 to 10000"),  # noqa: E501
        (("cpu", "--calls", "0", "--", "true"), "--calls 0 is not understood: write a whole number of calls from 1 up"),
        (("cpu", "--over", "soon", "--", "true"), "'soon' is no time: write it like 30s, 500ms, 5min or 2h"),
        (("cpu", "--duration", "0s", "--", "true"), "A profile of 0s holds nothing: give --duration a time above 0"),
        (("memory", "--engine", "x", "--", "true"), "--engine x is none that there is: write memray or tracemalloc"),
        (("attach", "4194305"), "there is no process 4194305: find it with ps, or pgrep -f my_server"),
        (("attach", "1", "--kind=memory", "--over=1s"), "--calls and --over are for profiles of cpu: leave them away"),
        (("show",), "nothing was profiled yet. Profile with: groundhog profile cpu -- <command>"),
        (("show", "no-such-file"), "Cannot read no-such-file (No such file or directory)"),
        (("diff", "a", "b"), "Cannot read a (No such file or directory)"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence_with_its_remedy(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = command(*words, store=tmp_path / "none")
    assert done.returncode not in {0, 130}
    assert done.stderr.startswith("groundhog: ")
    assert done.stderr.rstrip().endswith(said)
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_process_that_nobody_has_prepared_has_no_memory_to_show_and_no_calls(tmp_path: Path) -> None:
    with burning() as process:
        for words, said in (
            (
                ("--kind", "memory"),
                "was not prepared for profiles of memory: start it with OTEL_PYTHON_GROUNDHOG_PROFILE=",
            ),
            (("--tool", "x"), "was not prepared, so whose call a sample is for is not known"),
        ):
            done = command("attach", str(process.pid), *words, store=tmp_path)
            assert done.returncode == 1
            assert said in done.stderr
        assert process.poll() is None


def test_a_python_without_us_is_not_started_for_nothing(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True, timeout=50)
    done = command("cpu", "--", str(bare / "bin" / "python"), "-c", "print('ran')", store=tmp_path / "store")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Install it there" in done.stderr


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with the profile that is easily read."""
    run = tmp_path / "2026-01-01T00-00-00.000-00000000"
    run.mkdir()
    written(profile(), run)
    return tmp_path


def test_a_part_of_a_profile_that_is_not_there_is_said_with_what_is(store: Path) -> None:
    for words, said in (
        (("--tool", "nothing"), "this profile has no sample of nothing: those it has seen: fetch, search"),
        (
            ("--span", "0" * 16),
            f"none of the 1 profiles in {store} has seen span {'0' * 16}: it ran while none was taken",
        ),
        (("f" * 32,), f"none of the 1 profiles in {store} has the id {'f' * 32}"),
    ):
        done = command("show", *words, store=store)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr


@pytest.mark.parametrize("name", ["p.html", "p.speedscope.json", "p.pb.gz", "p.collapsed.txt"])
def test_every_format_is_written(store: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    done = command("show", "--tool", "search", "--output", str(file), store=store)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    content = gzip.decompress(file.read_bytes()) if name.endswith("gz") else file.read_bytes()
    assert b"rank" in content
    assert b"fetch" not in content


def test_a_format_goes_to_standard_output_without_a_file(store: Path) -> None:
    done = command("show", "--format", "speedscope", store=store)
    assert json.loads(done.stdout)["shared"]["frames"]


def test_a_name_that_says_no_format_and_one_that_is_experimental(store: Path) -> None:
    done = command("show", "--output", "p.what", store=store)
    assert (done.returncode, done.stderr[:45]) == (1, "groundhog: p.what does not say its format: en")
    done = command("show", "--format", "otlp", store=store)
    assert "allow it with --experimental" in done.stderr


def test_the_difference_of_two_profiles(store: Path, tmp_path: Path) -> None:
    (first,) = profile_files(store)
    slower = [one if one.link is not SEARCH else _longer(one) for one in profile().samples]
    other = tmp_path / "other"
    other.mkdir()
    second = written(profile(*slower), other)
    done = command("diff", str(first), str(second), "--per", "profile", store=store)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^tools/call search +900 ms +1\.8 s +\+900 ms", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^tools/call search +ranking\.sort \(app/ranking\.py\) +700 ms +1\.4 s +\+700 ms", done.stdout,
                     re.MULTILINE), done.stdout  # fmt: skip
    assert "fetch" not in done.stdout
    page = tmp_path / "d.html"
    done = command("diff", str(first), str(second), "--per", "second", "--output", str(page), store=store)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "<html" in page.read_text("utf-8")


def _longer(one: Sample) -> Sample:
    return replace(one, values=tuple(2 * value for value in one.values))


def test_nothing_that_a_profile_says_moves_the_cursor(tmp_path: Path) -> None:
    run = tmp_path / "2026-01-01T00-00-00.000-00000000"
    run.mkdir()
    first = profile().samples[0]
    evil = replace(first, stack=(replace(first.stack[0], function="\x1b[2Jgone"),))
    written(profile(evil), run)
    done = command("show", store=tmp_path)
    assert done.returncode == 0
    assert "?[2Jgone" in done.stdout
    assert "\x1b" not in done.stdout

"""``groundhog load`` as a whole, against real servers: its parts together, and what bad input gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.cli import main
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.targets import target_for
from groundhog_otel.load.tester import LoadTester
from tests.load.sample import make_sample
from tests.support import browser
from tests.support.processes import ROOT
from tests.support.sdk import http_server, make_server

pytestmark = pytest.mark.timeout(180)

SAMPLE = (sys.executable, "-m", "tests.load.sample")
GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
WAITING = "import time; time.sleep(60)"


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("groundhog_otel.cli.load.tested.quiet", lambda: None)  # which is for good


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    with ExitStack() as running:
        yield lambda **options: running.enter_context(http_server(make=make_sample, **options))


def _load(monkeypatch: pytest.MonkeyPatch, *words: str) -> str | int | None:
    """Run ``groundhog load`` here, and return what it ends with."""
    telemetry = () if "--telemetry" in words else ("--telemetry", "none")
    return _groundhog(monkeypatch, "load", *telemetry, *words)


def _groundhog(monkeypatch: pytest.MonkeyPatch, *words: str) -> str | int | None:
    monkeypatch.setattr(sys, "argv", ["groundhog", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@dataclass(frozen=True)
class _Done:
    result: LoadResult
    summary: dict[str, Any]
    page: Path
    store: Path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> _Done:
    """A test of a command over stdio, with files for telemetry, and all that it writes."""
    folder = tmp_path_factory.mktemp("whole")
    out, page, store = folder / "result.json", folder / "report.html", folder / "store"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GROUNDHOG_"))}
    done = subprocess.run(
        [
            GROUNDHOG, "load", "--duration", "1s", "--rate", "60/s", "--json", "--out", str(out), "--html", str(page),
            "--dir", str(store), "--", *SAMPLE,
        ],
        cwd=ROOT, env={**kept, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3, 4), done.stderr  # a busy machine may make it slow, or invalid
    return _Done(result_files.read(out), json.loads(done.stdout), page, store)


@pytest.mark.e2e
def test_the_slowest_open_in_the_recorded_files(recorded: _Done) -> None:
    assert sum(one.count for one in recorded.result.operations) == 60
    slowest = recorded.summary["slowest"]
    assert len(slowest) == 10
    assert [one["trace"]["missing"] for one in slowest] == [None] * 10
    assert all(Path(one["trace"]["url_or_file"]).is_relative_to(recorded.store) for one in slowest)
    trace_id = slowest[0]["trace_id"]
    shown = subprocess.run(
        [GROUNDHOG, "report", str(recorded.store), "--run", recorded.result.run_id, "--trace", trace_id],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert trace_id in shown.stdout
    assert "tools/call look" in shown.stdout


@pytest.mark.e2e
def test_merged_parts_have_their_traces_and_a_budget(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store, parts = str(tmp_path / "store"), [str(tmp_path / f"part-{number}.json") for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        words = ("--telemetry", "files", "--dir", store, "--run-id", "both", "--worker", f"{number}/2", "--out", part)
        assert _load(monkeypatch, *words, "--users", "2", "--rate", "40/s", "--duration", "1s", "--", *SAMPLE) == 0
    capsys.readouterr()
    _groundhog(monkeypatch, "load", "merge", *parts, "--dir", store, "--json")
    summary = json.loads(capsys.readouterr().out)
    assert summary["requests"] == 40
    assert [one["trace"]["missing"] for one in summary["slowest"]] == [None] * 10
    files = {Path(one["trace"]["url_or_file"]) for one in summary["slowest"]}
    assert {file.parent for file in files} == {Path(store, "both")}
    budget = summary["latency_budget"]
    assert budget["joined"] == budget["requests"] == 20, "the middle half of all requests"
    assert sum(part["share"] for part in budget["parts"]) == pytest.approx(1, abs=1e-9)


def test_a_merge_without_recordings_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out, store = str(tmp_path / "part.json"), tmp_path / "store"
    _load(monkeypatch, "--duration", "100ms", "--out", out, "--", *SAMPLE)
    _groundhog(monkeypatch, "load", "merge", out, "--telemetry", "files", "--dir", str(store))
    said = capsys.readouterr()
    assert f"no traces are looked for: {store} is not here. Name it with --dir, or Jaeger with --jaeger" in said.err
    assert "does not have it" not in said.out


@pytest.mark.e2e
def test_the_latency_budget_is_all_of_the_time(recorded: _Done) -> None:
    budget = recorded.summary["latency_budget"]
    assert budget["joined"] == budget["requests"] == 30, "the middle half of all requests"
    shares = {part["name"]: part["share"] for part in budget["parts"]}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-9)
    assert shares["handler"] > 0
    assert shares["unexplained"] == 0


@pytest.mark.e2e
def test_the_page_of_a_real_result_opens_without_a_complaint(recorded: _Done) -> None:
    with browser.started() as chromium:
        opened = chromium.new_page()
        complaints: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.goto(recorded.page.as_uri())
        assert opened.locator("figure svg").count() >= 3
        text = opened.locator("body").inner_text()
        assert complaints == []
    assert recorded.result.run_id in text
    assert "tools/call look" in text


@pytest.mark.e2e
def test_two_workers_count_what_one_process_does(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, scenario = serve(), tmp_path / "two.yaml"
    scenario.write_text(
        "scenarios:\n"
        "  - {name: often, weight: 3, steps: [{tool: add, arguments: {a: 1, b: 2}}]}\n"
        "  - {name: seldom, steps: [{tool: look, arguments: {word: x}}, {method: tools/list}]}\n"
    )
    counts = []
    for workers in ("1", "2"):
        out = tmp_path / f"{workers}.json"
        code = _load(
            monkeypatch, url, "--scenario", str(scenario), "--rate", "poisson:80/s", "--duration", "1s",
            "--users", "3", "--workers", workers, "--seed", "7", "--out", str(out),
        )  # fmt: skip
        assert code in (0, 3, 4)
        result = result_files.read(out)
        assert (result.workers, result.connections_peak) == (int(workers), 3)
        counts.append({one.name: (one.count, dict(one.errors)) for one in result.operations})
    assert counts[0] == counts[1]
    assert set(counts[0]) == {"tools/call add", "tools/call look", "tools/list"}


@pytest.mark.e2e
def test_a_sweep_in_short_steps_knows_what_a_command_has_used() -> None:
    tester = LoadTester(target_for(SAMPLE), telemetry="none")
    scaling = tester.measure_resource_scaling(LoadTestConfig(duration=0.5), most=2)
    assert [step.concurrency for step in scaling.steps] == [1, 2] or scaling.steps[-1].faults  # a busy machine
    assert all((step.use.cpu_cores or 0) > 0 for step in scaling.steps)
    assert all((step.use.memory_bytes or 0) > 1_000_000 for step in scaling.steps)


@pytest.mark.parametrize(
    ("command", "options", "sentence"),
    [
        (
            (*SAMPLE, "exit"),
            (),
            "ended with exit code 7 before it had answered: run it by itself to see why; its last line on",
        ),
        (
            (sys.executable, "-c", WAITING),
            ("--connect-timeout", "1s"),
            "is it an MCP server on stdio? If it is slow to start, raise --connect-",
        ),
        (
            (sys.executable, "-c", f"print('Hello', flush=True); {WAITING}"),
            ("--connect-timeout", "2s"),
            "what is no MCP message ('Hello')",
        ),
        (SAMPLE, ("--token-variable", "TOKEN"), "--token-variable is for URLs, and the server is a command"),
        (SAMPLE, ("--scenario", "nope"), "step 1: the server has no tool 'nope'; there is add, "),
        (SAMPLE, ("--scenario", "add"), "step 1: the arguments break the schema of add"),
    ],
)
def test_a_command_that_cannot_be_tested_is_one_sentence(
    command: tuple[str, ...], options: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if options[:1] == ("--scenario",):
        file = tmp_path / "scenario.yaml"
        file.write_text(f"scenarios: [{{name: s, steps: [{{tool: {options[1]}, arguments: {{a: x}}}}]}}]")
        options = ("--scenario", str(file))
    said = _load(monkeypatch, *options, "--", *command)
    assert isinstance(said, str)
    assert said.startswith("groundhog: ")
    assert sentence in said
    assert "\n" not in said


def _refuses(_app: Any) -> Callable[..., Any]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ({"around": _refuses}, "a bearer token with --token-variable"),
        ({"make": make_server}, "allow it with --unsafe-tools"),
    ],
)
def test_a_url_that_cannot_be_tested_is_one_sentence(
    server: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_server(**{"make": make_sample, **server}) as url:
        said = _load(monkeypatch, url)
    assert isinstance(said, str)
    assert sentence in said
    assert "\n" not in said


@pytest.mark.e2e
def test_a_server_that_dies_in_the_middle_is_counted_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "die.yaml"
    file.write_text("scenarios: [{name: s, steps: [{method: ping}, {tool: die, arguments: {code: 9}}]}]")
    code = _load(
        monkeypatch,
        "--protocol",
        "handshake",
        "--scenario",
        str(file),
        "--rate",
        "2/s",
        "--duration",
        "1s",
        "--",
        *SAMPLE,
    )
    printed = " ".join(capsys.readouterr().out.split())
    assert code in (3, 4)
    assert "the server has ended with exit code 9" in printed


@pytest.mark.e2e
def test_a_server_that_hangs_in_the_middle_is_given_up_and_said(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "hang.yaml"
    file.write_text("scenarios: [{name: s, steps: [{tool: nap, arguments: {seconds: 60}}]}]")
    code = _load(
        monkeypatch, "--scenario", str(file), "--users", "6", "--duration", "1500ms", "--timeout", "500ms",
        "--protocol", "handshake", serve(),
    )  # fmt: skip
    printed = " ".join(capsys.readouterr().out.split())
    assert code in (3, 4)
    assert "no answer in time: 0.5 s" in printed


@pytest.mark.e2e
def test_a_rate_that_cannot_be_made_is_no_verdict_on_the_server(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _load(monkeypatch, serve(), "--rate", "20000/s", "--duration", "200ms", "--timeout", "1s")
    printed = " ".join(capsys.readouterr().out.split())
    assert code == 4
    assert "INVALID: these numbers say nothing reliable about the server" in printed
    assert "use more workers, or less load" in printed


@pytest.mark.parametrize("module", ["hdrh", "jsonschema", "mcp", "scipy"])
def test_without_the_extra_it_says_how_to_get_it(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert _load(monkeypatch, "http://127.0.0.1:1/mcp") == (
        "groundhog: load tests are an extra of this package: pip install 'groundhog-otel[load]'"
    )

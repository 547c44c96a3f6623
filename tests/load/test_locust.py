"""Real Locust, alone and distributed, against a real server; its statistics, our result, and ours without it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from hdrh.histogram import HdrHistogram

from groundhog_otel.load.driven.order import MODULE
from groundhog_otel.load.judgement.comparison import compare
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.merging import merge
from groundhog_otel.load.results.result import LoadResult
from tests.load.steady_server import serving
from tests.support.ports import free_ports
from tests.support.processes import ROOT, environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(find_spec("locust") is None, reason="the extra locust is not installed"),
    pytest.mark.timeout(300),
]

BIN = Path(sys.executable).parent
TAKES_S = 0.1
FILES = {
    "endless": "from tests.load.locustfile import Reader",
    "brief": """
from tests.load.locustfile import FallsSilent, Reader

class FallsSilent(FallsSilent):
    users, lasting_s, silent_s = 3, 6.0, 3.0
""",
}


LOCUSTFILE = ROOT / "tests" / "load" / "locustfile.py"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def locust(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts Locust; none of them outlives the test."""
    with ExitStack() as running:

        def start(*arguments: str, file: Path = LOCUSTFILE) -> subprocess.Popen[str]:
            process = running.enter_context(
                subprocess.Popen(
                    [str(BIN / "locust"), "--headless", "--only-summary", "--locustfile", str(file), *arguments],
                    cwd=tmp_path,
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            running.callback(process.kill)
            return process

        yield start


def variant(tmp_path: Path, name: str) -> Path:
    """Return a locustfile with the user of the other one, and another shape or none."""
    file = tmp_path / f"{name}.py"
    file.write_text(FILES[name], "utf-8")
    return file


def until_called(process: subprocess.Popen[str], calls: Path) -> None:
    deadline = time.monotonic() + 60
    while not calls.exists() or len(calls.read_text("utf-8").splitlines()) < 20:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)


def parts(folder: Path) -> list[LoadResult]:
    return [result_files.read(file) for file in sorted((folder / "groundhog-load").iterdir())]


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "locust_stats.csv").open(encoding="utf-8", newline="") as file:
        return {row["Name"]: row for row in csv.DictReader(file)}


def rounded(ms: float) -> float:
    """Round a response time as Locust does before it counts it (``locust.stats.StatsEntry._log_response_time``)."""
    return float(round(ms, 0 if ms < 100 else -1 if ms < 1000 else -2 if ms < 10_000 else -3))


def agree(result: LoadResult, folder: Path, calls: int) -> None:
    """Hold that Locust has seen what we have, and both what the server has."""
    told = rows(folder)
    assert (
        {one.name for one in result.operations}
        == {"tools/call look", "tools/call boom", "tools/list"}
        == told.keys() - {"Aggregated"}
    )
    for one in result.operations:
        row, histogram = told[one.name], HdrHistogram.decode(one.response)
        assert int(row["Request Count"]) == one.count == histogram.get_total_count()
        assert int(row["Failure Count"]) == sum(one.errors.values())
        assert float(row["Max Response Time"]) == pytest.approx(histogram.get_max_value() / 1000, rel=2e-3)
        assert float(row["Min Response Time"]) == pytest.approx(histogram.get_min_value() / 1000, rel=2e-3)
        for percent, column in ((50, "50%"), (90, "90%"), (99, "99%")):
            # Both count ranks, and neither says how it rounds them.
            low, high = (
                rounded(histogram.get_value_at_percentile(near) / 1000)
                for near in (percent - 100 / one.count, percent + 100 / one.count)
            )
            assert low - 1 <= float(row[column]) <= high + 1, (one.name, column)
    counts = {one.name: one for one in result.operations}
    assert counts["tools/call boom"].errors == {"tool:isError": counts["tools/call boom"].count}
    assert counts["tools/call look"].errors == counts["tools/list"].errors == {}
    assert counts["tools/call look"].count == calls


def test_alone_locust_and_we_count_the_same(locust: Start, tmp_path: Path) -> None:
    with serving(tmp_path / "calls", takes_s=TAKES_S) as url:
        process = locust(f"--host={url}", "--csv=locust", file=variant(tmp_path, "brief"))
        said = process.communicate(timeout=120)[0]
        assert (tmp_path / "groundhog-load").exists(), said
        (result,) = parts(tmp_path)
        calls = (tmp_path / "calls").read_text("utf-8").splitlines()
    agree(result, tmp_path, len(calls))
    assert len(set(calls)) > 5, "rows of data"
    assert (result.model, result.connections_peak, result.unfinished) == ("closed", 3, 0)
    assert "All parts together: groundhog load merge" in said


def test_workers_are_one_test_as_of_one_process(locust: Start, tmp_path: Path) -> None:
    """Against the same server at the same time, so that whatever else the machine does is in both."""
    port = str(free_ports()["jaeger_query"])
    scenarios = {
        "scenarios": [
            {
                "name": "look twice, then fail",
                "data": [{"word": f"word {number}"} for number in range(50)],
                "steps": [
                    {"tool": "look", "arguments": {"word": "${word}"}},
                    {"tool": "look", "arguments": {"word": "again"}},
                    {"tool": "boom"},
                ],
            },
            {"name": "list", "weight": 0.5, "steps": [{"method": "tools/list"}]},
        ]
    }
    (tmp_path / "scenarios.yaml").write_text(json.dumps(scenarios), "utf-8")
    with serving(tmp_path / "calls", takes_s=TAKES_S) as url:
        master = locust(
            "--master", "--expect-workers=2", "--master-bind-host=127.0.0.1", f"--master-bind-port={port}",
            f"--host={url}", "--csv=locust", "--run-time=60s",  # the shape ends it before; windows are of a second
        )  # fmt: skip
        workers = [locust("--worker", "--master-host=127.0.0.1", f"--master-port={port}") for _ in range(2)]
        alone = subprocess.run(
            [str(BIN / "groundhog"), "load", url, "--users=8", "--duration=14s", "--warm-up=3s", "--telemetry=none",
             "--scenario=scenarios.yaml", "--out=alone.json"],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = [process.communicate(timeout=120)[0] for process in (master, *workers)]
    assert (tmp_path / "alone.json").exists(), alone.stderr
    measured = parts(tmp_path)
    assert len(measured) == 2, said
    assert {part.self_checks[0].worker for part in measured} == {0, 1}
    assert all(part.connections_peak == 4 for part in measured)
    result, single = merge(measured), result_files.read(tmp_path / "alone.json")
    of_both = len((tmp_path / "calls").read_text("utf-8").splitlines())
    whole = {one.name: one.count for one in result.operations}
    warm_up = of_both - whole["tools/call look"] - {one.name: one.count for one in single.operations}["tools/call look"]
    assert warm_up > 0
    agree(result, tmp_path, whole["tools/call look"])
    compared = compare(single, result, relevant=0.25)
    slow = next(one for one in compared.operations if one.name == "tools/call look")
    assert slow.finding not in ("worse", "better"), slow.sentence
    assert slow.changes, slow.sentence


def test_a_server_that_is_not_there_is_one_sentence(locust: Start, tmp_path: Path) -> None:
    process = locust("--run-time=60s", "--host=http://127.0.0.1:9/mcp", file=variant(tmp_path, "endless"))
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert said.count("Nothing listens at http://127.0.0.1:9/mcp") == 1
    assert "Traceback" not in said
    assert not (tmp_path / "groundhog-load").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_measured_until_ctrl_c_is_kept(no_orphans: None, locust: Start, tmp_path: Path, number: int) -> None:
    with serving(tmp_path / "calls", takes_s=TAKES_S) as url:
        process = locust("--users=2", f"--host={url}", "--csv=locust", file=variant(tmp_path, "endless"))
        until_called(process, tmp_path / "calls")
        process.send_signal(number)
        said = process.communicate(timeout=60)[0]
        (result,) = parts(tmp_path)
        calls = len((tmp_path / "calls").read_text("utf-8").splitlines())
    counts: dict[str, Any] = {one.name: one.count for one in result.operations}
    assert counts["tools/call look"] == calls >= 20, said
    assert result.config["concurrent_users"] == 2
    assert "Traceback" not in said


def test_when_the_process_beside_it_dies_locust_says_so_and_ends(
    no_orphans: None, locust: Start, tmp_path: Path
) -> None:
    with serving(tmp_path / "calls", takes_s=TAKES_S) as url:
        process = locust("--users=2", f"--host={url}", "--csv=locust", file=variant(tmp_path, "endless"))
        until_called(process, tmp_path / "calls")
        (beside,) = [one for one in psutil.Process(process.pid).children() if MODULE in one.cmdline()]
        beside.kill()
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert said.count("The process beside this one has ended (exit code -9)") == 1, said
    assert "Traceback" not in said

"""What follows from experiments whose blocks a test has made: what is kept, reported, written down."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.optimizer import ledger, summary, terminal
from groundhog_otel.optimizer.baseline import Baseline
from groundhog_otel.optimizer.experiment import Compared
from groundhog_otel.optimizer.optimizer import PerformanceOptimizer, Progress
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.result import Trial
from groundhog_otel.optimizer.serving import Command
from groundhog_otel.report.optimizations import LEDGER
from groundhog_otel.settings import Wanted
from groundhog_otel.settings.actions import spelled
from groundhog_otel.store.model import Process, Recording, Span
from tests.load.made import result as load_result
from tests.optimizer.made import blocks
from tests.optimizer.test_words import finding

SPAN = Span("1" * 32, "2" * 16, None, "tools/call render", "server", 0, 10**7, Process("server", 1))


class Lab:
    """Experiments by what the changed server has: how many times as long it takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, factors: dict[str, float | Compared]) -> None:
        self.asked: list[tuple[str, str]] = []
        self._factors = factors
        monkeypatch.setattr("groundhog_otel.optimizer.trying.compare", self._compare)
        monkeypatch.setattr("groundhog_otel.optimizer.optimizer.recorded_baseline", self._baseline)

    async def _compare(
        self,
        _command: Any,
        _plan: Any,
        *,
        without: Sequence[Wanted] = (),
        changed: Sequence[Wanted] = (),
        stop: Any,
        on_block: Any,
    ) -> Compared:
        self.asked.append((spelled(tuple(without)), spelled(tuple(changed))))
        on_block(0)
        found = self._factors.get(self.asked[-1][1], 1.0)
        return found if isinstance(found, Compared) else Compared(tuple(blocks(1, factor=found, noise=0.02)))

    async def _baseline(self, *_words: Any, **_named: Any) -> Baseline:
        return Baseline(Path("run"), load_result(), Recording((), spans=(SPAN,) * 100))


def _optimizer(store: Path, **more: Any) -> PerformanceOptimizer:
    return PerformanceOptimizer(["python", "my server.py"], store=store, **more)


def _findings(*actions: Finding) -> dict[str, Any]:
    return {"analyse": lambda _recording: list(actions)}


def test_the_next_is_tried_beside_what_is_kept_and_all_together_at_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offload, limiter = "offload:tool=render", "limiter:tokens=80"
    factors = {offload: 0.5, f"{offload};gc_freeze": 1.5, f"{offload};{limiter}": 0.4}
    lab = Lab(monkeypatch, dict(factors))
    trials: list[Trial] = []
    progress: list[Progress] = []
    optimizer = _optimizer(
        tmp_path,
        **_findings(
            finding("offload", tool="render"), finding("gc_freeze", impact_ms=5.0), finding("limiter", 1.0, tokens="80")
        ),
        on_trial=trials.append,
        on_progress=progress.append,
    )
    result = optimizer.optimize_resource_usage()
    assert lab.asked == [
        ("", offload), (offload, f"{offload};gc_freeze"), (offload, f"{offload};{limiter}"),
        ("", f"{offload};{limiter}"),
    ]  # fmt: skip
    assert [one.outcome for one in result.trials] == ["kept", "reverted", "kept", "kept"]
    assert [one.action for one in result.applied_optimizations] == [offload, limiter]
    assert result.line == (
        f"OTEL_PYTHON_GROUNDHOG_ACTIONS='{offload};{limiter}' opentelemetry-instrument python 'my server.py'"
    )
    assert result.performance_impact["p50"].change == pytest.approx(-0.6, abs=0.05)
    assert set(result.resource_savings) == {"cpu_s", "memory_bytes"}
    assert tuple(trials) == result.trials
    assert progress[0] == Progress("baseline") or progress[0].doing == offload
    assert [entry.trial["action"] for entry in ledger.history(tmp_path)] == [one.action for one in trials]
    assert result.trials[0].predicted_saving_ms == pytest.approx(5.0)
    assert result.trials[0].measured_saving_ms == pytest.approx(5.0, rel=0.6)


def test_that_a_made_up_load_repeats_itself_is_no_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Lab(monkeypatch, {})
    repeated = replace(finding("cache_result", tool="look"), detector="repeated_calls")
    assert _optimizer(tmp_path, **_findings(repeated)).analyze_bottlenecks() == ()
    scenario = Scenario("look", (Step(target="look"),))
    given = Plan(load=LoadTestConfig(test_scenarios=(scenario,)))
    (suggestion,) = _optimizer(tmp_path, plan=given, **_findings(repeated)).suggest_improvements()
    assert suggestion.untried == "high risk: ask for it, with --actions cache_result:tool=look"


def test_what_helps_alone_and_not_together_is_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Second(Lab):
        async def _compare(self, *words: Any, **named: Any) -> Compared:
            found = await super()._compare(*words, **named)
            both = len(named.get("changed", ())) == 2 and not named.get("without")
            return Compared(tuple(blocks(2, factor=1.0))) if both else found

    Second(monkeypatch, {"offload:tool=render": 0.5, "offload:tool=render;gc_freeze": 0.5})
    result = _optimizer(tmp_path, actions="offload:tool=render;gc_freeze").optimize_resource_usage()
    assert [one.outcome for one in result.trials] == ["kept", "kept", "refused"]
    assert (result.line, result.applied_optimizations) == (None, ())


def test_how_an_experiment_ends_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    died = "the server has ended with exit code 3"
    Lab(monkeypatch, {"gc_freeze": Compared(died=died), "loop_policy": Compared(refused="uvloop is not installed")})
    result = _optimizer(tmp_path, actions="gc_freeze;loop_policy;cache_hints").optimize_resource_usage()
    assert [(one.outcome, one.why[:40]) for one in result.trials] == [
        ("reverted", f"with it, {died}"[:40]),
        ("refused", "uvloop is not installed"),
        ("not tried", "its gain is requests that clients do not"),
    ]


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "control"), (0.7, "reverted"), (1.4, "reverted")])
def test_a_control_says_when_equal_servers_differ(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, factor: float, outcome: str
) -> None:
    Lab(monkeypatch, {"": factor})
    trial = _optimizer(tmp_path).run_control()
    assert trial.outcome == outcome
    assert ("cannot tell an action from chance" in trial.why) == (outcome != "control")


def test_within_an_event_loop_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def call() -> None:
        with pytest.raises(LoadError, match="There is an event loop already"):
            _optimizer(tmp_path).analyze_bottlenecks()

    asyncio.run(call())


def test_actions_that_are_misspelled(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="'limiter:tokens' names no actions: write them like 'limiter:tokens=100;"):
        _optimizer(tmp_path, actions="limiter:tokens")


def _printed(print_it: Any, what: Any) -> str:
    file = io.StringIO()
    print_it(what, Console(file=file, width=110, highlight=False, markup=False))
    return file.getvalue()


def test_what_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Lab(monkeypatch, {"offload:tool=render": 0.5})
    optimizer = _optimizer(tmp_path, **_findings(finding("offload", tool="render")))
    assert "1. It is slow (offload). Do something." in _printed(
        terminal.print_findings, optimizer.analyze_bottlenecks()
    )
    assert "Nothing that the detectors know." in _printed(terminal.print_findings, ())
    result = optimizer.optimize_resource_usage()
    (trial,) = result.trials
    noted = replace(trial, notes=("in 9 of 24 segments something",))
    printed = _printed(terminal.print_trial, noted)
    for words in (
        "offload:tool=render: kept",
        "p50 -5",
        "CPU a request",
        "p99 of tools/call quick",
        "predicted 5.0 ms",
    ):
        assert words in printed
    assert "Note: in 9 of 24 segments something." in printed
    assert result.line is not None
    assert result.line in _printed(terminal.print_result, result)
    assert "[bold]" in _printed(terminal.print_trial, Trial(action="a", outcome="refused", why="[bold]"))
    document = json.loads(json.dumps(summary.as_json(result, optimizer.baseline)))
    assert document["verdict"] == "improved"
    assert document["trials"][0]["effects"][0]["change"] < 0
    assert document["findings"][0]["total_ms"] == 500.0


def test_nothing_helps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Lab(monkeypatch, {})
    tried = _optimizer(tmp_path, actions="gc_freeze").optimize_resource_usage()
    assert "Nothing helps: of 1 tried, none has proved to." in _printed(terminal.print_result, tried)
    untried = _optimizer(tmp_path, **_findings()).optimize_resource_usage()
    assert "Nothing helps: there was nothing to try." in _printed(terminal.print_result, untried)
    assert summary.as_json(untried)["verdict"] == "nothing helps"


@pytest.mark.parametrize(
    ("words", "started"),
    [
        (("python", "a.py"), "opentelemetry-instrument python a.py"),
        (("opentelemetry-instrument", "python", "a.py"), "opentelemetry-instrument python a.py"),
        (("groundhog", "run", "--", "python", "a.py"), "groundhog run -- python a.py"),
    ],
)
def test_the_line_has_what_was_kept_before_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], started: str
) -> None:
    Lab(monkeypatch, {"gc_freeze": 0.5})
    command = Command(words, {"OTEL_PYTHON_GROUNDHOG_ACTIONS": "limiter:tokens=80"})
    result = PerformanceOptimizer(command, store=tmp_path, actions="gc_freeze").optimize_resource_usage()
    assert result.line == f"OTEL_PYTHON_GROUNDHOG_ACTIONS='limiter:tokens=80;gc_freeze' {started}"


def test_a_ledger_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    for number in range(2):
        ledger.note(tmp_path, ["python"], Trial(action=f"a{number}", outcome="refused", why="w"), load={"users": 1})
    file = tmp_path / LEDGER
    file.write_text(file.read_text() + '{"time": "2026", "tri\n[]\n')
    assert [one.trial["action"] for one in ledger.history(tmp_path)] == ["a0", "a1"]
    assert file.stat().st_mode & 0o077 == 0
    assert "Nothing has been tried here yet." in _printed(terminal.print_history, ())
    assert "a1" in _printed(terminal.print_history, ledger.history(tmp_path))


def test_a_ledger_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Lab(monkeypatch, {})
    (tmp_path / "store").write_text("a file")
    with pytest.raises(LoadError, match=r"cannot be written .File exists.: name another folder with --dir"):
        _optimizer(tmp_path / "store", actions="gc_freeze").optimize_resource_usage()

"""The optimiser, for programs: what is slow, what might help, and what has proved to."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from groundhog_otel.analysis.analyze import analyze
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.environment_variables import OTEL_PYTHON_GROUNDHOG_ACTIONS
from groundhog_otel.load.engine.stopping import Stop, in_a_loop
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.results.facts import config_facts
from groundhog_otel.optimizer.baseline import Baseline, recorded_baseline
from groundhog_otel.optimizer.ledger import note
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.result import OptimizationResult, Trial
from groundhog_otel.optimizer.serving import Command
from groundhog_otel.optimizer.suggestions import Suggestion, suggested
from groundhog_otel.optimizer.trying import OnBlock, control, together, tried
from groundhog_otel.settings import Wanted, inherited, store_directory
from groundhog_otel.settings.actions import spelled, wanted
from groundhog_otel.store.model import Recording

__all__ = ("PerformanceOptimizer", "Progress")

_INSTEAD: Final = "call this in a thread of its own (asyncio.to_thread)"
_OF_A_MADE_UP_LOAD: Final = frozenset({"repeated_calls"})
"""Detectors that would find what a load without scenarios does by itself: it has a few arguments for each tool."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the work is."""

    doing: str
    """``baseline``, an action as it is written, ``control``, ``together``."""
    done: int = 0
    """Blocks."""
    of: int = 0


def _found(recording: Recording) -> list[Finding]:
    return list(analyze(recording).findings)


class PerformanceOptimizer:
    """Improves one server, without a change of its code, and proves it.

    ::

        optimizer = PerformanceOptimizer(["python", "server.py"])
        for finding in optimizer.analyze_bottlenecks():
            print(finding.says)
        result = optimizer.optimize_resource_usage()
        print(result.line or "nothing helps")

    Each method runs an event loop of its own. Ctrl-C and SIGTERM end it with :class:`StoppedError`; what was tried
    until then is in the ledger.
    """

    def __init__(
        self,
        command: Sequence[str] | Command,
        *,
        plan: Plan | None = None,
        actions: str | Sequence[str] = (),
        store: Path | None = None,
        analyse: Callable[[Recording], list[Finding]] = _found,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        on_trial: Callable[[Trial], None] = lambda _trial: None,
    ) -> None:
        """``actions``: what is tried in place of what findings suggest, as ``limiter:tokens=100``.

        ``store`` is where recordings and the ledger are; by default ``$GROUNDHOG_DIR``, or ``.groundhog``.

        Raises:
            LoadError: ``actions`` are not written as they should be.
        """
        self._command = command if isinstance(command, Command) else Command(tuple(command))
        self._plan = plan or Plan()
        self._store = (store or Path(store_directory(inherited()))).absolute()
        self._analyse, self._on_progress, self._on_trial = analyse, on_progress, on_trial
        self._asked = _asked(actions)
        self._baseline: Baseline | None = None
        self._findings: tuple[Finding, ...] | None = None

    @property
    def baseline(self) -> Baseline | None:
        """What was recorded; None before :meth:`analyze_bottlenecks`."""
        return self._baseline

    def analyze_bottlenecks(self) -> tuple[Finding, ...]:
        """Record the server under load, and return what makes it slow, the most time lost first.

        Raises:
            LoadError: the server cannot be started, instrumented or reached, or has nothing to call.
            StoppedError: a signal came.
        """
        self._baseline = in_a_loop(
            lambda stop: recorded_baseline(
                self._command,
                self._plan,
                store=self._store,
                stop=stop,
                on_begin=lambda: self._on_progress(Progress("baseline")),
            ),
            instead=_INSTEAD,
        )
        made_up = not self._plan.load.test_scenarios
        self._findings = tuple(
            one
            for one in self._analyse(self._baseline.recording)
            if not (made_up and one.detector in _OF_A_MADE_UP_LOAD)
        )
        return self._findings

    def suggest_improvements(self) -> tuple[Suggestion, ...]:
        """Return what might help, the largest predicted saving first; analyses first if that was not done.

        Raises:
            LoadError: as :meth:`analyze_bottlenecks`.
            StoppedError: as there.
        """
        findings = self._findings if self._findings is not None else self.analyze_bottlenecks()
        operations = self._baseline.operations if self._baseline is not None else 0
        return suggested(findings, self._asked, operations=operations)

    def optimize_resource_usage(self) -> OptimizationResult:
        """Try what was suggested, one after the other, and return what is kept and what it gains.

        An action that is kept is in both servers when the next one is tried.

        Raises:
            LoadError: as :meth:`analyze_bottlenecks`, or the ledger cannot be written.
            StoppedError: as there.
        """
        suggestions = self.suggest_improvements()
        kept: list[Wanted] = []
        trials: list[Trial] = []
        for suggestion in suggestions:
            trial = self._run(str(suggestion.wanted), self._try(suggestion, tuple(kept)))
            trials.append(trial)
            if trial.outcome == "kept":
                kept.append(suggestion.wanted)
        whole = next((one for one in trials if one.outcome == "kept"), None)
        if len(kept) > 1:
            whole = self._run(
                "together",
                lambda stop, on_block: together(self._command, self._plan, kept, stop=stop, on_block=on_block),
            )
            trials.append(whole)
        return self._result(trials, len(suggestions), whole)

    def run_control(self) -> Trial:
        """Compare the server with itself: the outcome is ``control``, or ``reverted`` where a difference is found.

        Raises:
            LoadError: as :meth:`optimize_resource_usage`.
            StoppedError: as there.
        """
        return self._run(
            "control", lambda stop, on_block: control(self._command, self._plan, stop=stop, on_block=on_block)
        )

    def _try(
        self, suggestion: Suggestion, kept: tuple[Wanted, ...]
    ) -> Callable[[Stop, OnBlock], Coroutine[Any, Any, Trial]]:
        return lambda stop, on_block: tried(
            self._command, self._plan, suggestion, kept=kept, stop=stop, on_block=on_block
        )

    def _run(self, doing: str, work: Callable[[Stop, OnBlock], Coroutine[Any, Any, Trial]]) -> Trial:
        def on_block(done: int) -> None:
            self._on_progress(Progress(doing, done, self._plan.blocks))

        trial = in_a_loop(lambda stop: work(stop, on_block), instead=_INSTEAD)
        try:
            note(self._store, self._command.words, trial, load=self._facts())
        except OSError as error:
            raise LoadError(
                f"The ledger in {self._store} cannot be written ({error.strerror}): name another folder with --dir"
            ) from None
        self._on_trial(trial)
        return trial

    def _facts(self) -> dict[str, Any]:
        """Return under which load it was tried."""
        plan = self._plan
        more = {"blocks": plan.blocks, "segment_s": plan.segment_s, "warm_up_s": plan.warm_up_s, "tools": plan.tools}
        return {**config_facts(plan.load), **more}

    def _result(self, trials: list[Trial], tried_one_by_one: int, whole: Trial | None) -> OptimizationResult:
        kept = tuple(one for one in trials[:tried_one_by_one] if one.outcome == "kept")
        found = OptimizationResult(trials=tuple(trials), findings=self._findings or ())
        if whole is None or whole.outcome != "kept":  # each by itself helps, and all together do not
            return found
        found = replace(found, applied_optimizations=kept)
        cpu, memory = whole.effect("cpu"), whole.effect("memory")
        return replace(
            found,
            resource_savings={
                name: one.without - one.changed
                for name, one in (("cpu_s", cpu), ("memory_bytes", memory))
                if one is not None
            },
            performance_impact={one.measure: one for one in whole.effects if one.measure in ("mean", "p50", "p99")},
            line=_line(self._command, wanted(found.actions)),
        )


def _line(command: Command, kept: Sequence[Wanted]) -> str:
    """Return what starts the server with what is kept, and with what its environment names already."""
    actions = shlex.quote(spelled(command.actions(kept)))
    launcher = () if command.instruments_itself else ("opentelemetry-instrument",)
    return f"{OTEL_PYTHON_GROUNDHOG_ACTIONS}={actions} {shlex.join((*launcher, *command.words))}"


def _asked(actions: str | Sequence[str]) -> tuple[Wanted, ...]:
    try:
        return wanted(actions if isinstance(actions, str) else list(actions))
    except ValueError:
        raise LoadError(
            f"{actions!r} names no actions: write them like 'limiter:tokens=100;offload:tool=render'"
        ) from None

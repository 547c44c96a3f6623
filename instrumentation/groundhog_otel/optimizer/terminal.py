"""What was found, tried and kept, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.load.reporting.terminal.printer import Printer
from groundhog_otel.optimizer.effects import Effect
from groundhog_otel.optimizer.ledger import Entry
from groundhog_otel.optimizer.result import OptimizationResult, Trial
from groundhog_otel.report.units import duration, share, size

__all__ = ("print_findings", "print_history", "print_result", "print_trial")

_STYLES: Final = {"kept": "bold green", "control": "bold green", "reverted": "bold red"}


def _printer(console: Console | None) -> Printer:
    return Printer(console or Console(highlight=False, markup=False, emoji=False))


def print_findings(findings: tuple[Finding, ...], console: Console | None = None) -> None:
    """Print what makes the server slow, and what might be done."""
    to = _printer(console)
    to.title("What was found")
    if not findings:
        to.line("Nothing that the detectors know.")
    for number, one in enumerate(findings, 1):
        to.hanging(f"{number}. {one.says} {one.advice}", 3)


def print_trial(trial: Trial, console: Console | None = None) -> None:
    """Print one action, what it does, and what became of it."""
    to = _printer(console)
    to.title(f"{trial.action}: {trial.outcome}")
    to.line(f"{trial.why}.", _STYLES.get(trial.outcome, "yellow"))
    if trial.effects:
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for heading in ("", "without", "with", "change", "interval"):
            table.add_column(heading, justify="left" if not heading else "right")
        for one in trial.effects:
            low, high = (f"{part:+.0%}".replace("%", " %") for part in (one.low, one.high))
            change = f"{one.change:+.0%}".replace("%", " %")
            table.add_row(to.text(_named(one)), *_pair(one), change, f"{low} to {high}")
        to.table(table)
    for line in _more(trial):
        to.line(line)


def print_result(result: OptimizationResult, console: Console | None = None) -> None:
    """Print what is kept, and the line that keeps it."""
    to = _printer(console)
    tried = [one for one in result.trials if one.effects]
    to.line()
    if result.line is None:
        why = f"of {len(tried)} tried, none has proved to" if tried else "there was nothing to try"
        to.line(f"Nothing helps: {why}.", "bold")
        if not result.trials:
            to.line("Actions that nothing suggests can be named: --actions limiter:tokens=100")
        return
    to.line(f"Kept: {', '.join(one.action for one in result.applied_optimizations)}", "bold green")
    mean = result.performance_impact.get("mean")
    if mean is not None:
        to.line(f"The mean latency is {duration(mean.changed)}, and was {duration(mean.without)}.")
    to.line("Start the server so to keep it:")
    to.unbroken(f"  {result.line}")


def print_history(entries: tuple[Entry, ...], console: Console | None = None) -> None:
    """Print what was ever tried here."""
    to = _printer(console)
    if not entries:
        to.line("Nothing has been tried here yet. Write: groundhog optimize -- python my_server.py")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading in ("when", "action", "outcome", "why"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("when", "outcome"))
    for one in entries:
        outcome = str(one.trial.get("outcome", ""))
        row = (
            one.time[:16].replace("T", " "),
            str(one.trial.get("action", "")),
            outcome,
            str(one.trial.get("why", "")),
        )
        table.add_row(*(to.text(cell, _STYLES.get(cell, "")) for cell in row))
    to.table(table)


def _more(trial: Trial) -> Iterator[str]:
    mean, predicted = trial.effect("mean"), trial.predicted_saving_ms
    if mean is not None:
        measured = f"measured {_saved(mean.without - mean.changed)} ({_saved(-mean.high * mean.without)} to"
        measured = f"{measured} {_saved(-mean.low * mean.without)})"
        foretold = "nothing was predicted" if predicted is None else f"predicted {_saved(predicted / 1000)}"
        yield f"Saved of the mean latency: {foretold}, {measured}."
    if trial.errors is not None and (trial.errors.without or trial.errors.changed):
        errors = trial.errors
        before, now = errors.without / max(errors.of_without, 1), errors.changed / max(errors.of_changed, 1)
        said = f"{share(before)} of {errors.of_without:,} without it, {share(now)} of {errors.of_changed:,} with it"
        yield f"Failed: {said}."
    yield from (f"Note: {note}." for note in trial.notes)


def _named(effect: Effect) -> str:
    return {"cpu": "CPU a request"}.get(effect.measure, effect.measure)


def _pair(effect: Effect) -> tuple[str, str]:
    of = size if effect.measure == "memory" else duration
    return of(effect.without), of(effect.changed)


def _saved(seconds: float) -> str:
    return f"-{duration(-seconds)}" if seconds < 0 else duration(seconds)

"""How many cores a target takes, from what a request was seen to cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from groundhog_otel.analysis.scaling.law import Between, Fit
from groundhog_otel.load.judgement.resampling import draws, interval
from groundhog_otel.load.scaling.sweep import SweepStep
from groundhog_otel.report.units import amount

__all__ = ("TARGETS", "Need", "Target", "cost_s", "needs")

Target = Literal["commands", "connections", "sessions", "events"]

TARGETS: Final[dict[Target, float]] = {"commands": 1000, "connections": 1000, "sessions": 100, "events": 5000}
"""Per second; connections and sessions at once."""
_LEAST_WINDOWS: Final = 5
_RESAMPLES: Final = 2000


@dataclass(frozen=True, slots=True)
class Need:
    """What a target takes."""

    target: Target
    amount: float
    """As in ``TARGETS``."""
    cores: Between | None
    """Of the server, at 95 %; None when it cannot be told."""
    basis: str
    """What the number rests on, or why there is none; one sentence."""


def cost_s(step: SweepStep, *, confidence: float = 0.95, seed: int = 0) -> Between | None:
    """Return the server's CPU seconds per request, and an interval from drawing windows of the step.

    CPU time at the edges of windows is interpolated between samples. None with fewer than five windows in which the
    server was sampled: its processes are not known, or may not be looked at.
    """
    known = [(one.time_ns, one.cpu_s) for one in step.samples if one.cpu_s is not None]
    if len(known) < 2:
        return None
    times_ns, spent_s = (np.array(column, dtype=np.float64) for column in zip(*known, strict=True))
    start_ns = step.result.started_at_ns
    spent, requests = [], []
    for window in step.result.windows:
        edges_ns = start_ns + window.start_s * 1e9, start_ns + (window.start_s + window.length_s) * 1e9
        if times_ns[0] <= edges_ns[0] and edges_ns[1] <= times_ns[-1]:
            before_s, after_s = np.interp(edges_ns, times_ns, spent_s)
            spent.append(after_s - before_s)
            requests.append(window.count)
    if len(spent) < _LEAST_WINDOWS or not sum(requests) or not sum(spent):
        return None
    drawn = draws(len(spent), _RESAMPLES, np.random.default_rng(seed))
    counted = drawn @ np.array(requests)
    ratios = np.divide(drawn @ np.array(spent), counted, out=np.full(len(drawn), np.nan), where=counted > 0)
    return Between(float(sum(spent) / sum(requests)), *interval(ratios, len(spent), confidence))


def needs(best: SweepStep | None, fit: Fit | None) -> tuple[Need, ...]:
    """Return what each target takes.

    The cost of a request is that of ``best``, the step of the highest throughput. Cores are added up as if each ran
    a process of its own that shares nothing with the others: what they contend for between them was not measured.
    """
    cost = None if best is None else cost_s(best)
    if best is None or cost is None:
        why = "the CPU time of the server is not known: its processes are not on this machine, or may not be looked at"
        why = "no step of the sweep is valid" if best is None else why
        return tuple(Need(target, wanted, None, why) for target, wanted in TARGETS.items())
    return tuple(_need(target, wanted, best, cost, fit) for target, wanted in TARGETS.items())


def _need(target: Target, wanted: float, best: SweepStep, cost: Between, fit: Fit | None) -> Need:
    each = f"{cost.value * 1000:.3g} ms of CPU per request at {amount(best.concurrency, 'user')}"
    if target == "commands":
        return Need(target, wanted, _times(cost, wanted), each)
    if target == "events":
        if not best.result.events:
            return Need(target, wanted, None, "no notification of the server was counted in this test")
        requests = sum(one.count for one in best.result.operations)
        per_event = _times(cost, wanted * requests / best.result.events)
        return Need(target, wanted, per_event, "all CPU time of the server is put down to its notifications")
    if fit is None:
        return Need(
            target, wanted, None, "how busy one client alone keeps the server takes a fit, of three steps or more"
        )
    alone = fit.per_client
    cores = Between(wanted * cost.value * alone.value, wanted * cost.low * alone.low, wanted * cost.high * alone.high)
    return Need(target, wanted, cores, f"{each}; each of them as busy as one alone: {alone.value:.3g} requests/s")


def _times(one: Between, factor: float) -> Between:
    return Between(one.value * factor, one.low * factor, one.high * factor)

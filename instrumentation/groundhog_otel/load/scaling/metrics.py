"""What a sweep amounts to: a table of its steps, the law of the server's throughput, and what targets take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groundhog_otel.analysis.scaling.fitting import Throughput, fit
from groundhog_otel.analysis.scaling.law import Fit
from groundhog_otel.load.judgement.counts import Counts
from groundhog_otel.load.scaling.needs import Need, needs
from groundhog_otel.load.scaling.resources import Use, use
from groundhog_otel.load.scaling.saturation import Saturation
from groundhog_otel.load.scaling.sweep import SweepStep, rate
from groundhog_otel.report.units import amount

__all__ = ("ScalingMetrics", "StepMetrics", "scaling_metrics")


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One step of the sweep."""

    concurrency: int
    requests_per_s: float
    """Answered without an error."""
    p50_s: float
    """Of the response latency, of all operations together."""
    p99_s: float
    error_rate: float
    use: Use
    saturation: Saturation
    faults: tuple[str, ...]
    """Why it is left out of the fit: the generator was the bottleneck."""

    @property
    def requests_per_core_s(self) -> float | None:
        """Requests per second of server CPU."""
        return self.requests_per_s / self.use.cpu_cores if self.use.cpu_cores else None


@dataclass(frozen=True, slots=True)
class ScalingMetrics:
    """How a server scales."""

    steps: tuple[StepMetrics, ...]
    fit: Fit | None
    """The Universal Scalability Law; None with fewer than three valid steps."""
    needs: tuple[Need, ...]
    """Cores for 1,000 commands/s, 1,000 connections, 100 sessions and 5,000 events/s."""
    notes: tuple[str, ...]

    @property
    def contention(self) -> float | None:
        """Sigma: the share of the work that one at a time can do."""
        return None if self.fit is None else self.fit.contention.value

    @property
    def coherency(self) -> float | None:
        """Kappa: what keeping everybody's state alike costs, per pair of clients."""
        return None if self.fit is None else self.fit.coherency.value

    @property
    def knee(self) -> float | None:
        """The concurrency of the highest throughput; None when it is beyond what was measured."""
        return None if self.fit is None or self.fit.knee is None else self.fit.knee.value


def scaling_metrics(
    steps: Sequence[SweepStep], *, saturations: Sequence[Saturation] | None = None, seed: int = 0
) -> ScalingMetrics:
    """Return what a sweep says; ``saturations`` is what the server recorded of itself, a step each.

    Raises:
        ValueError: there is not one saturation for each step.
        LoadError: a histogram has another layout than those of load tests.
    """
    if saturations is not None and len(saturations) != len(steps):
        raise ValueError("there must be one saturation for each step")
    rows = tuple(_row(step, saturations[i] if saturations else Saturation()) for i, step in enumerate(steps))
    sound = [step for step in steps if not step.faults and rate(step.result) > 0]
    law = fit([throughput for step in sound if (throughput := _throughput(step)) is not None], seed=seed)
    best = max(sound, key=lambda step: rate(step.result), default=None)
    return ScalingMetrics(rows, law, needs(best, law), tuple(_notes(steps, law)))


def _row(step: SweepStep, saturation: Saturation) -> StepMetrics:
    result = step.result
    counts = Counts.of(one.response for one in result.operations)
    requests = sum(one.count for one in result.operations)
    errors = sum(sum(one.errors.values()) for one in result.operations)
    end_ns = result.started_at_ns + round(result.duration_s * 1e9)
    return StepMetrics(
        concurrency=step.concurrency,
        requests_per_s=rate(result),
        p50_s=counts.at(50),
        p99_s=counts.at(99),
        error_rate=errors / requests if requests else 0.0,
        use=use(step.samples, result.started_at_ns, end_ns),
        saturation=saturation,
        faults=step.faults,
    )


def _throughput(step: SweepStep) -> Throughput | None:
    """Return the throughput by window; the last one is left out when it is a stump."""
    windows = step.result.windows
    longest_s = max((window.length_s for window in windows), default=0.0)
    rates = tuple(
        (window.count - window.errors) / window.length_s for window in windows if window.length_s > longest_s / 2
    )
    return Throughput(step.concurrency, rates) if sum(rates) > 0 else None


def _notes(steps: Sequence[SweepStep], law: Fit | None) -> list[str]:
    notes = [f"{amount(step.concurrency, 'user')}: left out, since {fault}" for step in steps for fault in step.faults]
    if law is None:
        notes.append("a law of scaling takes three steps or more that are valid")
    elif law.problem is not None:
        notes.append(law.problem)
    if steps and not any(one.cpu_s is not None for step in steps for one in step.samples):
        notes.append("the server's processes are not known, so what it used is not")
    return notes

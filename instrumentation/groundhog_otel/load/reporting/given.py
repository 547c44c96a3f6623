"""What a report is made of: the result, and whatever else is known of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.result import LoadResult, Request

__all__ = (
    "Between",
    "Budget",
    "Change",
    "Check",
    "Comparison",
    "ErrorChange",
    "Estimate",
    "Estimator",
    "Finding",
    "Fit",
    "Link",
    "Need",
    "OperationChange",
    "Outcome",
    "Part",
    "Report",
    "Saturation",
    "ScalingMetrics",
    "StepMetrics",
    "TooFew",
    "Use",
    "Verdict",
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A percentile, and the interval that holds the true one."""

    value_s: float
    low_s: float
    high_s: float
    count: int


@dataclass(frozen=True, slots=True)
class TooFew:
    """A percentile that cannot be told."""

    needed: int
    """How many requests it takes."""
    count: int


class Estimator(Protocol):
    """Reckons a percentile of a histogram, an object or encoded; ``windows`` are its slices, where there are some."""

    def __call__(self, histogram: Any, percent: float, *, windows: Iterable[Any] = ()) -> Estimate | TooFew:
        """Return it."""
        ...


Outcome = Literal["passed", "failed", "undecided"]


@dataclass(frozen=True, slots=True)
class Check:
    """One threshold, held against one operation, or against all of them together."""

    threshold: Threshold
    operation: str | None
    """None for all of them together."""
    outcome: Outcome
    measured: float | None
    """In the threshold's unit; None where there are too few requests."""
    sentence: str
    """What was found, for a person."""
    certain: bool = True
    """Whether chance is ruled out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the test has passed, and whether it says anything at all."""

    passed: bool
    valid: bool
    checks: tuple[Check, ...]
    reasons: tuple[str, ...] = ()
    """Why it is not valid, then why it has not passed, then what else is to be known."""


Finding = Literal["better", "worse", "no difference", "too little data"]


@dataclass(frozen=True, slots=True)
class Change:
    """How a percentile of the response latency has changed."""

    percent: float
    baseline_s: float
    now_s: float
    low_s: float
    """The interval of the difference, in seconds."""
    high_s: float
    low: float
    """The same as a share of the baseline."""
    high: float
    finding: Finding
    sentence: str


@dataclass(frozen=True, slots=True)
class ErrorChange:
    """How the share of requests that fail has changed."""

    baseline: float
    now: float
    p: float
    finding: Finding


@dataclass(frozen=True, slots=True)
class OperationChange:
    """One operation, before and now."""

    name: str
    finding: Finding
    sentence: str
    changes: tuple[Change, ...]
    """Of p50 and p99; empty with too little data."""
    errors: ErrorChange


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two tests, operation by operation."""

    operations: tuple[OperationChange, ...]
    notes: tuple[str, ...] = ()
    """In what else the tests differ, a sentence each."""


@dataclass(frozen=True, slots=True)
class Between:
    """A value and the interval that holds the true one; its upper end may be infinite."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Use:
    """What the server used during a step. None is what could not be known."""

    cpu_cores: float | None = None
    memory_bytes: int | None = None
    """The most."""
    disk_bytes_per_s: float | None = None
    network_bytes_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Saturation:
    """How full the server was during a step. None is what is not recorded."""

    loop_lag_mean_s: float | None = None
    loop_lag_p99_s: float | None = None
    worker_threads_share: float | None = None
    """Of the worker threads that may be busy at once, the most that were, 0 to 1."""
    worker_threads_waiting: int | None = None


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One step of a sweep."""

    concurrency: int
    requests_per_s: float
    p50_s: float
    p99_s: float
    error_rate: float
    use: Use
    saturation: Saturation
    faults: tuple[str, ...] = ()
    """Why it is left out of the fit: the generator was the bottleneck."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The Universal Scalability Law, fitted to a sweep."""

    per_client: Between
    """Requests per second of a client that is alone."""
    contention: Between
    coherency: Between
    knee: Between | None
    """The concurrency of the highest throughput; None where it is beyond what was measured."""
    peak: Between | None
    """The throughput there."""
    r2: float
    confidence: float
    problem: str | None
    """Why the law should not be relied on; None when nothing speaks against it."""
    steps: int
    band: tuple[tuple[float, Between], ...] = ()
    """Concurrencies from 1 on, and the law's throughput at each, in requests per second."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a target takes."""

    target: Literal["commands", "connections", "sessions", "events"]
    amount: float
    cores: Between | None
    """None when it cannot be told."""
    basis: str
    """What the number rests on, or why there is none; one sentence."""


@dataclass(frozen=True, slots=True)
class ScalingMetrics:
    """How a server scales."""

    steps: tuple[StepMetrics, ...]
    fit: Fit | None
    needs: tuple[Need, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """The way from a request to its trace."""

    request: Request
    url_or_file: str | None
    """None when the trace was not found."""
    found: bool
    missing: str | None = None
    """What is missing, one sentence: all of the trace, or the server's part of it."""
    command: str | None = None
    """What to type to see it, where there is no page."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the latency of a request."""

    name: str
    seconds: float
    """On average."""
    permille: int
    """Of the whole, in thousandths: those of all parts are 1000 together."""

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1."""
        return self.permille / 1000


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the time goes: parts that add up to all of it."""

    parts: tuple[Part, ...]
    seconds: float
    """Of one request, on average."""
    requests: int
    joined: int
    """Those of them whose server's span is known."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a load test."""

    result: LoadResult
    estimate: Estimator
    verdict: Verdict
    comparison: Comparison | None = None
    baseline: str = ""
    """What the comparison is with: a run id, or a file's name."""
    scaling: ScalingMetrics | None = None
    budget: Budget | None = None
    links: tuple[Link, ...] = ()

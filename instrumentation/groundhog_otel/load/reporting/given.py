"""What a report is made of: the result, and whatever else is known of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.result import LoadResult, Request

__all__ = (
    "Budget",
    "Change",
    "Check",
    "Comparison",
    "Curve",
    "ErrorChange",
    "Estimate",
    "Estimator",
    "Finding",
    "Link",
    "Need",
    "OperationChange",
    "Outcome",
    "Part",
    "Report",
    "Scaling",
    "ScalingPoint",
    "TooFew",
    "Uncertain",
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
class Uncertain:
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ScalingPoint:
    """What was measured at one concurrency."""

    concurrency: int
    rate: float
    """Requests answered per second."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The law that was fitted, at one concurrency. Requests per second."""

    concurrency: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Need:
    """What a target takes."""

    target: str
    """``1,000 commands/s``."""
    cores: Uncertain | None
    """None: it cannot be reached however many there are, or cannot be told."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How throughput grows with concurrency."""

    points: tuple[ScalingPoint, ...]
    curve: tuple[Curve, ...]
    knee: Uncertain | None
    """The concurrency of the most throughput; None when none was seen."""
    contention: Uncertain
    coherency: Uncertain
    needs: tuple[Need, ...] = ()


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
    scaling: Scaling | None = None
    budget: Budget | None = None
    links: tuple[Link, ...] = ()

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
    "Estimate",
    "Estimator",
    "Link",
    "Need",
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


@dataclass(frozen=True, slots=True)
class Check:
    """One threshold, held against one operation."""

    threshold: Threshold
    operation: str
    measured: float | None
    """In the threshold's unit; None when it cannot be told."""
    passed: bool
    note: str = ""
    """What else there is to say: how many requests are missing, for one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the test has passed, and whether it says anything at all."""

    passed: bool
    valid: bool
    checks: tuple[Check, ...]
    reasons: tuple[str, ...] = ()
    """Why it is not valid, or what is doubtful."""


@dataclass(frozen=True, slots=True)
class Change:
    """One measure of one operation, beside that of the baseline."""

    operation: str
    measure: str
    """As in a threshold."""
    before: float | None
    after: float | None
    low: float | None
    """Interval of the ratio after / before."""
    high: float | None
    verdict: Literal["better", "worse", "same", "unknown"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A result beside a baseline."""

    baseline: str
    """Its run id."""
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    """What makes the two hard to compare."""


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
    """Where the trace of a remembered request is."""

    request: Request
    url_or_file: str
    found: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the latency of a request."""

    name: str
    seconds: float
    """On average."""
    share: float
    """Of the whole, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the time goes: parts that add up to all of it."""

    parts: tuple[Part, ...]
    requests: int
    """How many it is the average of."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a load test."""

    result: LoadResult
    estimate: Estimator
    verdict: Verdict
    comparison: Comparison | None = None
    scaling: Scaling | None = None
    budget: Budget | None = None
    links: tuple[Link, ...] = ()

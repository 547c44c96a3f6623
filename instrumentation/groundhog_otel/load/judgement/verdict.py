"""Whether a load test has passed: its thresholds, checked with what its requests can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from groundhog_otel.load.judgement.checks import Check, checked
from groundhog_otel.load.judgement.soundness import faults, notes
from groundhog_otel.load.judgement.thresholds import budget_thresholds
from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.results.result import LoadResult

__all__ = ("OVER_THRESHOLD", "PASSED", "UNPROVEN", "Verdict", "judge")

PASSED: Final = 0
OVER_THRESHOLD: Final = 3
"""As ``groundhog report --check`` has it."""
UNPROVEN: Final = 4
"""The test proves nothing: the generator was the bottleneck, or there were too few requests."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the thresholds."""

    passed: bool
    """Whether the result is valid, and every check passed."""
    valid: bool
    """Whether the result speaks of the server; it does not when the generator was the bottleneck."""
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]
    """Why it is not valid, then why it has not passed, then what else is to be known; a sentence each."""

    @property
    def exit_code(self) -> int:
        """0 for passed, 3 for over a threshold, 4 for invalid or undecided.

        An invalid result is never 3: a server is not to blame for what the generator could not do. A failed check
        goes before an undecided one.
        """
        if self.passed:
            return PASSED
        failed = any(check.outcome == "failed" for check in self.checks)
        return OVER_THRESHOLD if self.valid and failed else UNPROVEN


def judge(result: LoadResult, thresholds: Sequence[Threshold] = ()) -> Verdict:
    """Return the verdict on a result; without thresholds, on the budgets.

    A percentile with enough requests for its interval is compared as it is. With too few, the share above the bound
    decides: passed when none of them is, failed when so many are that chance gives as many in less than 5 % of tests
    with a server that is within the bound (binomial, one-sided), else undecided. Error rates, rates and maxima are
    compared as they were measured. Requests that were given up unanswered count as slow and as failed where that
    would decide; then the check is undecided, for it is not known of which operation they were.

    Raises:
        LoadError: a histogram has another layout than those of load tests.
    """
    wrong = faults(result)
    checks = tuple(
        check
        for threshold in thresholds or budget_thresholds(result.operations)
        for check in checked(result, threshold)
    )
    decisive = tuple(check.sentence for check in checks if check.outcome != "passed")
    passed = not wrong and not decisive
    return Verdict(passed, not wrong, checks, (*wrong, *decisive, *notes(result)))

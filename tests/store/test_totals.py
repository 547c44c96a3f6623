from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.store.model import Buckets, Histogram, Process
from groundhog_otel.store.totals import OperationTotals, totals_of, totals_of_histograms
from tests.support.recorded import span

BOUNDARIES = (0.05, 0.1)


def _histogram(
    *points: Buckets,
    name: str = "mcp.server.operation.duration",
    pid: int = 1,
    tool: str | None = None,
    error: str | None = None,
) -> Histogram:
    named = {"mcp.method.name": "tools/call", "gen_ai.tool.name": tool, "error.type": error}
    attributes = {key: value for key, value in named.items() if value is not None}
    return Histogram(name, "s", Process("srv", pid), attributes, BOUNDARIES, points)


def _buckets(time_ns: int, *counts: int) -> Buckets:
    return Buckets(time_ns, sum(counts), 0.0, counts)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=300))
def test_percentiles_are_durations_that_so_many_do_not_exceed(durations_us: list[int]) -> None:
    (one,) = totals_of([span(ms=us / 1000) for us in durations_us])
    exact = [span(ms=us / 1000).duration_s for us in durations_us]
    for percent, value in ((50, one.p50_s), (90, one.p90_s), (99, one.p99_s), (100, one.max_s)):
        assert value in exact
        assert 100 * sum(other <= value for other in exact) >= percent * len(exact)
        assert 100 * sum(other < value for other in exact) < percent * len(exact)


def test_histograms_of_all_processes_and_outcomes_are_taken_together() -> None:
    found = totals_of_histograms(
        [
            _histogram(_buckets(10, 1, 0, 0), _buckets(20, 90, 5, 0), tool="nap"),
            _histogram(_buckets(20, 3, 1, 0), tool="nap", error="timeout"),
            _histogram(_buckets(20, 0, 0, 1), tool="nap", pid=2),
            _histogram(_buckets(20, 9, 9, 9), name="mcp.server.session.duration"),
        ]
    )
    assert found == (
        OperationTotals(
            "srv", "server", "tools/call nap", "tools/call", 100, 0.05, 0.05, 0.1, math.inf, (("timeout", 4),)
        ),
    )


def test_what_was_counted_before_is_taken_off() -> None:
    of_before = _histogram(_buckets(10, 50, 0, 2), _buckets(20, 50, 1, 2), error="timeout")
    nothing_since = _histogram(_buckets(10, 7, 0, 0), error="error")
    (one,) = totals_of_histograms([of_before, nothing_since], since_ns=15)
    assert (one.name, one.count, one.p99_s, one.errors) == ("tools/call", 1, 0.1, (("timeout", 1),))
    assert totals_of_histograms([nothing_since], since_ns=15) == ()

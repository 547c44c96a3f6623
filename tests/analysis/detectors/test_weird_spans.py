"""Whatever a recording holds: no detector fails, and none goes by the order in which spans were written."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundhog_otel import semconv
from groundhog_otel.analysis.detectors import cpu_bound, large_payloads, repeated_calls, uncached_lists
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.store.model import Process, Recording, Span

DETECTORS = [repeated_calls.detect, uncached_lists.detect, large_payloads.detect, cpu_bound.detect]
METHODS = ["tools/call", "tools/list", "resources/read", "notifications/tools/list_changed", "ping", "", 7]
_NUMBERS = st.floats() | st.integers() | st.text(max_size=3) | st.booleans() | st.none()
_LIKELY = {
    semconv.MCP_METHOD_NAME: st.sampled_from(METHODS),
    semconv.GEN_AI_TOOL_NAME: st.sampled_from(["read", "", 3]),
    semconv.REQUEST_DIGEST: st.sampled_from(["a", "b", "", 5, None]),
    semconv.REQUEST_SIZE: st.sampled_from([0, 100, 50_000]) | _NUMBERS,
    semconv.RESPONSE_SIZE: st.sampled_from([0, 100, 50_000]) | _NUMBERS,
    semconv.RESULT_TTL: st.sampled_from([0.0, 5.0]) | _NUMBERS,
    semconv.CPU_TIME: st.sampled_from([0.0, 0.01, 0.1]) | _NUMBERS,
    semconv.CPU_DELAY: st.sampled_from([0.0, 0.09]) | _NUMBERS,
    semconv.MCP_SESSION_ID: st.sampled_from(["s", "t", 1]),
    semconv.ERROR_TYPE: st.sampled_from(["tool_error", None]),
    semconv.NETWORK_TRANSPORT: st.sampled_from(["pipe", 5]),
}
_TIMES = st.sampled_from([0, 10_000_000, 50_000_000, 100_000_000]) | st.integers(-(2**62), 2**63)
_PROCESSES = st.sampled_from([Process("srv", 1), Process("srv", None), Process("app", 2), Process("", 0)])


_IDS = st.integers(0, 15).map(lambda number: f"{number:016x}")
_SPANS = st.lists(
    st.builds(
        Span,
        trace_id=st.sampled_from(["0" * 32, "1" * 32]),
        span_id=_IDS,
        parent_id=st.none() | _IDS,
        name=st.sampled_from(["tools/call read", "tools/list", "x"]),
        kind=st.sampled_from(["client", "server", "internal"]),
        start_ns=_TIMES,
        end_ns=_TIMES,
        process=_PROCESSES,
        scope=st.sampled_from(["groundhog_otel.mcp", "groundhog_otel.load"]),
        status=st.just("unset"),
        attributes=st.fixed_dictionaries({}, optional=_LIKELY),
        events=st.just(()),
    ),
    max_size=12,
    unique_by=lambda span: (span.trace_id, span.span_id),
)
"""Few, and all of them several times: it takes some to find anything."""


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("detect", DETECTORS)
@given(few=_SPANS, times=st.sampled_from([1, 12]), random=st.randoms(use_true_random=False))
def test_any_recording_is_read_in_any_order(
    detect: Callable[[Recording], list[Finding]], few: list[Span], times: int, random: Random
) -> None:
    spans = [replace(one, trace_id=f"{turn}{one.trace_id[1:]}") for turn in range(times) for one in few]
    found = detect(Recording(runs=(), spans=tuple(spans)))
    random.shuffle(spans)
    assert detect(Recording(runs=(), spans=tuple(spans))) == found
    known = {(one.trace_id, one.span_id) for one in spans}
    for one in found:
        assert one.says
        assert one.advice
        assert one.evidence
        assert {(shown.trace_id, shown.span_id) for shown in one.evidence} <= known
        assert 0 <= one.confidence <= 1
        assert one.affected >= 0
        assert one.impact_ms >= 0
        assert all(math.isfinite(figure) for figure in (one.impact_ms, *one.figures.values()))

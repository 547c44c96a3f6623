"""Whatever a recording holds: no detector fails, and none goes by the order in which spans were written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
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


@st.composite
def _spans(draw: Any) -> list[Span]:
    size = draw(st.integers(0, 40))
    ids = st.integers(0, size).map(lambda number: f"{number:016x}")
    return [
        Span(
            trace_id=draw(st.sampled_from(["0" * 32, "1" * 32])),
            span_id=f"{number:016x}",
            parent_id=draw(st.none() | ids),
            name=draw(st.sampled_from(["tools/call read", "tools/list", "x"])),
            kind=draw(st.sampled_from(["client", "server", "internal"])),
            start_ns=draw(_TIMES),
            end_ns=draw(_TIMES),
            process=draw(_PROCESSES),
            scope=draw(st.sampled_from(["groundhog_otel.mcp", "groundhog_otel.load"])),
            attributes=draw(st.fixed_dictionaries({}, optional=_LIKELY)),
        )
        for number in range(size)
    ]


@pytest.mark.parametrize("detect", DETECTORS)
@given(spans=_spans(), data=st.data())
def test_any_recording_is_read_in_any_order(
    detect: Callable[[Recording], list[Finding]], spans: list[Span], data: st.DataObject
) -> None:
    found = detect(Recording(runs=(), spans=tuple(spans)))
    shuffled = data.draw(st.permutations(spans))
    assert detect(Recording(runs=(), spans=tuple(shuffled))) == found
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

"""Ours beside Jaeger's: its answers as they were kept, and where there is a checkout of it, its code.

``JAEGER_SOURCE=/path/to/jaeger`` names the checkout; it takes Go.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.critical_path import critical_path
from groundhog_otel.store.model import Trace
from tests.analysis.jaeger import ANSWERS, Sections, ask, build
from tests.analysis.trees import US, for_jaeger, trace_of
from tests.support.captured import recorded
from tests.support.sdk import in_memory, make_server

_KEPT = [json.loads(line) for line in ANSWERS.read_text().splitlines()]


def _ours(trace: Trace) -> Sections:
    path = critical_path(trace)
    assert path is not None
    return [(int(one.span.span_id, 16), one.start_ns // US, one.end_ns // US) for one in path.sections]


def test_the_answers_that_were_kept_are_ours() -> None:
    assert len(_KEPT) >= 100
    assert sum(len(one["sections"]) >= 5 for one in _KEPT) >= 50
    for one in _KEPT:
        assert _ours(trace_of(*one["spans"])) == [tuple(section) for section in one["sections"]]


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkout = os.environ.get("JAEGER_SOURCE")
    if not checkout or shutil.which("go") is None:
        pytest.skip("JAEGER_SOURCE names no checkout of Jaeger, or there is no Go")
    return build(Path(checkout), tmp_path_factory.mktemp("jaeger"))


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(traces=st.lists(for_jaeger(), min_size=50, max_size=100))
def test_jaegers_code_says_what_we_say(traces: list[Trace], jaeger: Path) -> None:
    assert ask(jaeger, traces) == [_ours(trace) for trace in traces]


def test_what_jaeger_says_of_siblings_that_touch_is_what_is_written_of_it(jaeger: Path) -> None:
    trace = trace_of((1, None, 1, 40), (2, 1, 10, 20), (3, 1, 20, 30))
    assert _ours(trace) == [(1, 1, 10), (2, 10, 20), (3, 20, 30), (1, 30, 40)]
    assert ask(jaeger, [trace]) == [[(1, 1, 20), (3, 20, 30), (1, 30, 40)]]


def test_jaegers_code_says_the_same_of_real_calls(jaeger: Path, tmp_path: Path) -> None:
    async def program(tracer: Tracer) -> None:
        async with in_memory(make_server()) as session:
            for together in (1, 2, 5):
                with tracer.start_as_current_span("work"):
                    async with anyio.create_task_group() as tasks:
                        for number in range(together):
                            tasks.start_soon(session.call_tool, "nap", {"seconds": 0.002 * number})
                    await session.call_tool("roots", {})

    traces = [_in_us(trace) for trace in recorded(tmp_path, program).traces()]
    traces = [trace for trace in traces if any(span.name == "work" for span in trace.spans)]
    assert [len(trace.spans) for trace in traces] == [9, 9, 15]
    for trace, sections in zip(traces, ask(jaeger, traces), strict=True):
        assert len(sections) >= 5
        assert _ours(trace) == sections


def _in_us(trace: Trace) -> Trace:
    """Return a trace as Jaeger has it: start and duration in whole microseconds."""
    return Trace(
        trace.trace_id,
        tuple(
            replace(
                span,
                start_ns=span.start_ns // US * US,
                end_ns=span.start_ns // US * US + (span.end_ns - span.start_ns) // US * US,
            )
            for span in trace.spans
        ),
    )

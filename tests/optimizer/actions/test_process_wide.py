"""Actions on what a process has one of: its garbage collector, its policy of event loops, its exporters."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from groundhog_otel.optimizer.actions import Refused
from groundhog_otel.optimizer.actions.exporter_batching import ExporterBatching
from groundhog_otel.optimizer.actions.gc_freeze import GcFreeze
from groundhog_otel.optimizer.actions.loop_policy import LoopPolicy
from tests.optimizer.actions.told import applied


def _heard(of: Callable[[], bool]) -> bool:
    for _ in range(400):
        if of():
            return True
        time.sleep(0.05)
    return False


def test_what_is_there_after_the_warm_up_is_frozen_and_thawed() -> None:
    before = gc.get_threshold()
    action = GcFreeze(after_s=0.01, threshold=12_345)
    with applied(action) as said:
        assert _heard(lambda: bool(said))
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == (12_345, *before[1:])
        assert said[0][0] == "applied"
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


def test_a_freeze_that_has_not_come_yet_does_not_come() -> None:
    with applied(GcFreeze(after_s=3600.0)):
        assert any(one.name == "groundhog-gc-freeze" for one in threading.enumerate())
    assert not any(one.name == "groundhog-gc-freeze" for one in threading.enumerate())
    assert gc.get_freeze_count() == 0


def test_a_program_that_sees_to_its_garbage_itself_is_left_alone() -> None:
    gc.freeze()
    try:
        with pytest.raises(Refused, match="freezes objects itself"):
            GcFreeze().apply()
    finally:
        gc.unfreeze()
    gc.disable()
    try:
        with pytest.raises(Refused, match="has turned the garbage collector off"):
            GcFreeze().apply()
    finally:
        gc.enable()


@pytest.fixture
def policy() -> Iterator[object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield asyncio.get_event_loop_policy()


def test_loops_are_uvloop_s_until_it_is_taken_back(policy: object) -> None:
    uvloop = pytest.importorskip("uvloop")
    with applied(LoopPolicy()) as said:
        assert asyncio.run(_loop()) is uvloop.Loop
        assert said[0][0] == "applied"
    assert asyncio.get_event_loop_policy() is policy
    assert asyncio.run(_loop()) is not uvloop.Loop


def test_a_loop_that_runs_is_not_exchanged(policy: object) -> None:
    pytest.importorskip("uvloop")

    async def apply() -> None:
        with pytest.raises(Refused, match="an event loop runs already"):
            LoopPolicy().apply()

    asyncio.run(apply())
    assert asyncio.get_event_loop_policy() is policy


def test_uvloop_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundhog_otel.optimizer.actions.loop_policy.find_spec", lambda _name: None)
    with pytest.raises(Refused, match="pip install uvloop"):
        LoopPolicy().apply()


async def _loop() -> type:
    return type(asyncio.get_running_loop())


def test_spans_wait_longer_until_it_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=3_600_000))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    action = ExporterBatching(delay_ms=10)
    with applied(action) as said:
        assert said == [("applied", "spans are sent every 10 ms, and not every 3600000 ms")]
        with provider.get_tracer("test").start_as_current_span("one"):
            pass
        assert _heard(lambda: bool(exporter.get_finished_spans()))  # in an hour, if it had not been told
        assert [span.name for span in exporter.get_finished_spans()] == ["one"]
        (batch, before_s) = action._before[0]
    assert batch._schedule_delay == before_s == 3600.0
    provider.shutdown()


def test_without_exporters_there_is_nothing_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    with pytest.raises(Refused, match="there is no batch processor of spans here"):
        ExporterBatching().apply()

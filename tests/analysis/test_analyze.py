from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis import detectors
from groundhog_otel.analysis.analyze import Failed, analyze
from groundhog_otel.analysis.drag import drags
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.store.model import Kind, Recording, Trace
from tests.analysis.detectors.made import chain, operation
from tests.analysis.trees import any_trace
from tests.support.recorded import recording, span

Detect = Callable[[Recording], list[Finding]]


def _finding(target: str, *, impact_ms: float, affected: int = 1, advice: str = "Do less.") -> Finding:
    return Finding("made", "srv", target, "It is slow", advice, impact_ms, affected, 0.5, (Evidence("there"),))


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Detect], None]:
    def add(name: str, detect: Detect) -> None:
        module = ModuleType(name)
        module.detect = detect  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"groundhog_otel.analysis.detectors.{name}", module)

    return add


def test_the_finding_that_costs_most_in_all_comes_first(detector: Callable[[str, Detect], None]) -> None:
    detector("a", lambda _: [_finding("rare", impact_ms=900), _finding("frequent", impact_ms=10, affected=100)])
    detector("b", lambda _: [_finding("worst", impact_ms=2000)])
    found = analyze(recording(), names=("a", "b"))
    assert [one.target for one in found.findings] == ["worst", "frequent", "rare"]
    assert found.detectors == ("a", "b")


def test_one_advice_about_one_target_is_given_once(detector: Callable[[str, Detect], None]) -> None:
    one, other = _finding("t", impact_ms=10), _finding("t", impact_ms=90)
    detector("a", lambda _: [one, other, _finding("t", impact_ms=5, advice="Do more."), _finding("u", impact_ms=1)])
    assert [found.impact_ms for found in analyze(recording(), names=("a",)).findings] == [90, 5, 1]


def test_a_detector_that_fails_costs_its_own_findings_only(detector: Callable[[str, Detect], None]) -> None:
    def failing(_: Recording) -> list[Finding]:
        raise ZeroDivisionError("no\nspan")

    detector("a", failing)
    detector("b", lambda _: [_finding("t", impact_ms=1)])
    found = analyze(recording(), names=("a", "b", "not_there"))
    assert [one.target for one in found.findings] == ["t"]
    assert found.failed[0] == Failed("a", "ZeroDivisionError: no span")
    assert found.failed[1].detector == "not_there"
    assert "pip install 'groundhog-otel[analysis]'" in found.failed[1].reason


def test_what_is_less_sure_can_be_left_out(detector: Callable[[str, Detect], None]) -> None:
    detector("a", lambda _: [_finding("t", impact_ms=1), replace(_finding("u", impact_ms=1), confidence=0.9)])
    found = analyze(recording(), names=("a",))
    assert [one.target for one in found.at_least(0.6).findings] == ["u"]
    assert found.at_least(0.0) == found


def test_every_detector_answers_and_is_named_like_its_file() -> None:
    calls = chain(*[("tools/call item", 8.0)] * 12)
    made = recording([one for trace in range(3) for one in operation(trace, calls, ms=120)])
    found = analyze(made)
    assert found.detectors == detectors.NAMES
    assert not found.failed
    assert [one.detector for one in found.findings] == ["n_plus_one"]
    assert (found.spans, found.traces) == (39, 3)


def test_of_nothing_there_is_nothing_to_say() -> None:
    found = analyze(recording())
    assert (found.findings, found.failed, found.spans, found.traces) == ((), (), 0, 0)


_KINDS: tuple[Kind, ...] = ("client", "server", "internal")
_ODD = st.tuples(
    st.sampled_from(["initialize", "server/discover", "tools/call a", "tools/call b", "GET"]),
    st.sampled_from(_KINDS),
    st.sampled_from([None, "timeout"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(any_trace(), max_size=4), st.lists(_ODD, min_size=48, max_size=48))
def test_no_recording_makes_a_detector_fail(traces: list[Trace], odd: list[tuple[str, Kind, str | None]]) -> None:
    shapes = [one for trace in traces for one in trace.spans]
    spans = [
        replace(span(name, kind=kind, error=error), span_id=shape.span_id, parent_id=shape.parent_id,
                start_ns=shape.start_ns * 1000, end_ns=shape.end_ns * 1000, trace_id=f"{place // 12:032x}")
        for place, (shape, (name, kind, error)) in enumerate(zip(shapes, odd, strict=False))
    ]  # fmt: skip
    found = analyze(recording(spans))
    assert not found.failed
    for one in found.findings:
        assert one.impact_ms > 0
        assert one.affected > 0
        assert 0 < one.confidence <= 1
        assert one.evidence


@pytest.mark.timeout(60)
@pytest.mark.parametrize("shape", ["siblings", "roots", "chain", "failing"])
def test_it_takes_no_longer_for_spans_of_one_trace(shape: str) -> None:
    """Were anything quadratic in it, these would take many minutes."""
    count = 20_000

    def parent(own: int) -> int:
        return {"roots": own + count, "chain": own - 1}.get(shape, 1)

    spans = [span("work", kind="server", own=1, ms=count)]
    spans += [
        span(own=own, parent=parent(own), at_ms=own, ms=count - own if shape == "chain" else 5,
             error="timeout" if shape == "failing" and own % 2 else None)
        for own in range(2, count)
    ]  # fmt: skip
    (trace,) = recording(spans).traces()
    assert not analyze(recording(spans)).failed
    assert drags(trace)


def test_a_detector_of_another_package_is_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def detect(_: Recording) -> list[Finding]:
        return [_finding("theirs", impact_ms=1)]

    class Point:
        name = "theirs"

        def load(self) -> Detect:
            return detect

    def entry_points(*, group: str, name: str | None = None) -> list[Point]:
        assert group == detectors.GROUP
        return [Point()] if name in (None, "theirs") else []

    monkeypatch.setattr(detectors, "entry_points", entry_points)
    found = analyze(recording())
    assert found.detectors == (*detectors.NAMES, "theirs")
    assert [one.target for one in found.findings] == ["theirs"]

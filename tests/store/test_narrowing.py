from __future__ import annotations

from groundhog_otel.store.model import Buckets, Histogram
from groundhog_otel.store.narrowing import narrowed
from tests.support.recorded import MS, SERVER, START, recording, series, span

ALL = recording(
    [
        span(own=1, trace=1, at_ms=0),
        span(own=2, trace=1, at_ms=50, parent=1, kind="server", process=SERVER),
        span(own=3, trace=2, at_ms=100),
    ],
    [series("m", 1, 2, 3), series("m", 1, 2, 3, process=SERVER)],
    histograms=(Histogram("h", "s", SERVER, {}, (), (Buckets(START, 1, 0.0, (1,)),)),),
)


def _ids(**options: object) -> list[int]:
    return [int(one.span_id, 16) for one in narrowed(ALL, **options).spans]  # type: ignore[arg-type]


def test_everything_is_left_as_it_is() -> None:
    assert narrowed(ALL) is ALL


def test_traces_come_whole_when_a_part_is_wanted() -> None:
    assert _ids(services=["srv"]) == [1, 2]
    assert _ids(since_ns=START + 50 * MS) == [1, 2, 3]
    assert _ids(since_ns=START + 50 * MS, services=["app"]) == [3]
    assert _ids(until_ns=START) == [1, 2]
    assert _ids(since_ns=START + 51 * MS, until_ns=START + 99 * MS) == []


def test_metrics_are_of_that_time_and_of_those_services() -> None:
    found = narrowed(ALL, since_ns=START + 1000 * MS, until_ns=START + 2000 * MS, services=["srv"])
    assert [(one.process, [point.value for point in one.points]) for one in found.series] == [(SERVER, [2, 3])]
    assert found.histograms == ()
    assert narrowed(ALL, until_ns=START).histograms == ALL.histograms

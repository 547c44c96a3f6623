from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.trends import Line, Trend, thinned, trends
from groundhog_otel.store.model import Buckets, Histogram, Point
from tests.support.recorded import CLIENT, MS, SERVER, START, recording, series


def _of(found: tuple[Trend, ...], part: str) -> Trend:
    return next(one for one in found if part in one.title)


def _values(line: Line) -> list[float]:
    return [point.value for point in line.points]


def _lag(*looks: tuple[int, float, tuple[int, ...]], name: str = "groundhog.event_loop.lag") -> Histogram:
    points = tuple(
        Buckets(START + second * 1000 * MS, sum(counts), total, counts)
        for second, (_, total, counts) in enumerate(looks)
    )
    return Histogram(name, "s", CLIENT, {}, (0.01, 0.1), points)


def test_directions_and_attributes_of_a_process_are_added_up_and_processes_kept_apart() -> None:
    found = trends(
        recording(
            [],
            [
                series("process.disk.io", 0, 1000, 4000, disk_io_direction="read"),
                series("process.disk.io", 0, 500, 500, disk_io_direction="write"),
                series("process.disk.io", 0, 7, process=SERVER),
            ],
        )
    )
    (disk,) = found
    assert [line.name for line in disk.lines] == ["app (11)", "srv (22)"]
    assert _values(disk.lines[0]) == [1500, 3000]


def test_a_counter_that_was_set_back_is_no_negative_rate() -> None:
    (found,) = trends(recording([], [series("groundhog.mcp.io", 9000, 10)]))
    assert _values(found.lines[0]) == [0]
    assert (found.budget, found.limit) == ("network", 50_000_000)


def test_the_host_is_told_once_as_the_process_saw_it_that_looked_most_often() -> None:
    found = trends(
        recording([], [series("system.network.io", 0, 100), series("system.network.io", 0, 10, 30, process=SERVER)])
    )
    assert [(line.name, _values(line)) for line in found[0].lines] == [("host", [10, 20])]


def test_a_percentile_of_an_interval_is_the_end_of_the_bucket_that_it_is_in() -> None:
    found = trends(
        recording(histograms=(_lag((0, 0.0, (50, 0, 0)), (1, 0.5, (149, 1, 0)), (2, 9.0, (150, 20, 0)),
                                   (3, 9.0, (150, 20, 0)), (4, 99.0, (150, 20, 10))),))
    )  # fmt: skip
    # Nothing was looked at in the third second; what is above the last boundary is at least that.
    assert _values(_of(found, "Event-loop lag").lines[0]) == [0.01, 0.1, 0.1]


def test_time_in_the_collector_is_a_share_of_the_time_between_two_looks() -> None:
    found = trends(recording(histograms=(_lag((0, 1.0, (1, 0, 0)), (1, 1.25, (2, 0, 0)), name="groundhog.gc.pause"),)))
    assert _values(_of(found, "garbage").lines[0]) == [0.25]


def test_what_was_not_recorded_is_no_trend() -> None:
    assert trends(recording()) == ()
    assert trends(recording([], [series("groundhog.mcp.io", 5)])) == ()


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=1e9), max_size=700), st.integers(min_value=1, max_value=50))
def test_thinned_points_keep_the_peak_and_their_order(values: list[float], most: int) -> None:
    points = [Point(number, value) for number, value in enumerate(values)]
    found = thinned(points, most)
    assert len(found) <= max(most, 0) or len(points) <= most
    assert [one.time_ns for one in found] == sorted({one.time_ns for one in found})
    if values:
        assert max(one.value for one in found) == max(values)


@pytest.mark.parametrize("name", ["process.cpu.utilization", "process.memory.usage"])
def test_gauges_are_shown_as_they_are(name: str) -> None:
    (found,) = trends(recording([], [series(name, 0.1, 0.4)]))
    assert _values(found.lines[0]) == [0.1, 0.4]

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.store.model import Buckets, Event, Process
from groundhog_otel.store.otlp import HistogramSample, MalformedError, Metrics, decode_metrics, decode_spans
from tests.support.recorded import CLIENT, span, traces_line


def _span_line(**changes: Any) -> bytes:
    raw = json.loads(traces_line(span()))
    raw["resourceSpans"][0]["scopeSpans"][0]["spans"][0].update(changes)
    return json.dumps(raw).encode()


def _metric_line(metric: dict[str, Any]) -> bytes:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "app"}}]}
    return json.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}).encode()


def test_a_span_comes_back_as_it_was() -> None:
    one = span(parent=7, error="timeout")
    assert decode_spans(traces_line(one).encode(), pid=11) == [one]


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"kind": 2}, "kind", "server"),
        ({"kind": "SPAN_KIND_SERVER"}, "kind", "server"),
        ({"kind": 99}, "kind", "unspecified"),
        ({"kind": "SPAN_KIND_OF_TOMORROW"}, "kind", "unspecified"),
        ({"status": {"code": "STATUS_CODE_ERROR"}}, "status", "error"),
        ({"status": {}}, "status", "unset"),
        ({"status": None}, "status", "unset"),
        ({"startTimeUnixNano": 5}, "start_ns", 5),
        ({"startTimeUnixNano": "5"}, "start_ns", 5),
        ({"traceId": "ABCDEF" + "0" * 26}, "trace_id", "abcdef" + "0" * 26),
        ({"parentSpanId": ""}, "parent_id", None),
        ({"parentSpanId": "0" * 16}, "parent_id", None),
        ({"attributes": [{"key": "n", "value": {"intValue": "7"}}]}, "attributes", {"n": 7}),
        ({"attributes": [{"key": "n", "value": {"intValue": -7}}]}, "attributes", {"n": -7}),
        (
            {"attributes": [{"key": "l", "value": {"arrayValue": {"values": [{"boolValue": True}, {}]}}}]},
            "attributes",
            {"l": (True, None)},
        ),
        (
            {
                "events": [
                    {"name": "e", "timeUnixNano": "5", "attributes": [{"key": "n", "value": {"doubleValue": 0.5}}]}
                ]
            },
            "events",
            (Event("e", 5, {"n": 0.5}),),
        ),
        ({"events": None}, "events", ()),
        ({"somethingNew": [1, 2]}, "name", "tools/call nap"),
    ],
)
def test_writers_differ(changes: dict[str, Any], field: str, expected: object) -> None:
    (one,) = decode_spans(_span_line(**changes))
    assert getattr(one, field) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"traceId": None},
        {"traceId": "xyz"},
        {"spanId": "0" * 15},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": -1},
        {"endTimeUnixNano": True},
        {"endTimeUnixNano": 2**64},
        {"attributes": "none"},
        {"status": 2},
    ],
)
def test_what_makes_no_sense_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        decode_spans(_span_line(**changes))


def test_the_process_is_named_by_the_resource_or_else_by_the_file() -> None:
    raw = json.loads(traces_line(span()))
    assert decode_spans(json.dumps(raw).encode(), pid=5)[0].process == Process("app", 5)
    raw["resourceSpans"][0]["resource"]["attributes"].append({"key": "process.pid", "value": {"intValue": "6"}})
    assert decode_spans(json.dumps(raw).encode(), pid=5)[0].process == Process("app", 6)
    raw["resourceSpans"][0]["resource"] = {}
    assert decode_spans(json.dumps(raw).encode())[0].process == Process("unknown_service", None)


@pytest.mark.parametrize("kind", ["gauge", "sum"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [({"asDouble": 1.5}, 1.5), ({"asInt": "3"}, 3.0), ({"asInt": 3}, 3.0)],
)
def test_numbers_of_gauges_and_sums(kind: str, value: dict[str, Any], expected: float) -> None:
    point = {"timeUnixNano": "9", "attributes": [{"key": "cpu.mode", "value": {"stringValue": "user"}}], **value}
    line = _metric_line({"name": "m", "unit": "s", kind: {"dataPoints": [point]}})
    (sample,) = decode_metrics(line, pid=11).samples
    assert (sample.name, sample.unit, sample.process) == ("m", "s", CLIENT)
    assert sample.attributes == (("cpu.mode", "user"),)
    assert (sample.point.time_ns, sample.point.value) == (9, expected)


@pytest.mark.parametrize("value", [{}, {"asDouble": "NaN"}, {"asDouble": "Infinity"}, {"asDouble": None}])
def test_a_point_without_a_finite_number_is_passed_over(value: dict[str, Any]) -> None:
    metric = {"name": "m", "gauge": {"dataPoints": [{"timeUnixNano": "9", **value}]}}
    assert decode_metrics(_metric_line(metric)).samples == []


@pytest.mark.parametrize("flags", [1, "1", 3])
def test_a_point_that_ends_a_series_is_no_value(flags: object) -> None:
    point = {"timeUnixNano": "9", "asInt": "0", "flags": flags}
    metric = {"name": "m", "sum": {"dataPoints": [point]}, "histogram": {"dataPoints": [point]}}
    assert decode_metrics(_metric_line(metric)) == Metrics()


@pytest.mark.parametrize(
    ("temporality", "delta"),
    [(1, True), ("AGGREGATION_TEMPORALITY_DELTA", True), (2, False), ("AGGREGATION_TEMPORALITY_CUMULATIVE", False)],
)
def test_since_when_a_point_counts(temporality: object, delta: bool) -> None:
    data = {"aggregationTemporality": temporality, "dataPoints": [{"timeUnixNano": "9", "asInt": "1"}]}
    found = decode_metrics(_metric_line({"name": "m", "sum": data, "histogram": data}))
    assert [sample.delta for sample in found.samples] == [delta]
    assert [sample.delta for sample in found.histograms] == [delta]


_HISTOGRAM = {
    "startTimeUnixNano": "4",
    "timeUnixNano": "9",
    "count": "6",
    "sum": 0.75,
    "bucketCounts": ["1", 2, "3"],
    "explicitBounds": [0.05, 0.1],
    "attributes": [{"key": "mcp.method.name", "value": {"stringValue": "ping"}}],
}


def test_a_histogram() -> None:
    metric = {"name": "m", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [_HISTOGRAM]}}
    (sample,) = decode_metrics(_metric_line(metric), pid=11).histograms
    assert sample == HistogramSample(
        name="m",
        unit="s",
        process=CLIENT,
        attributes=(("mcp.method.name", "ping"),),
        boundaries=(0.05, 0.1),
        start_ns=4,
        delta=False,
        buckets=Buckets(time_ns=9, count=6, sum=0.75, counts=(1, 2, 3)),
    )


def test_a_histogram_without_buckets_has_one() -> None:
    point = {"timeUnixNano": "9", "count": "7", "sum": 1.5}
    (sample,) = decode_metrics(_metric_line({"name": "m", "histogram": {"dataPoints": [point]}})).histograms
    assert (sample.boundaries, sample.buckets) == ((), Buckets(9, 7, 1.5, (7,)))


@pytest.mark.parametrize(
    "change",
    [
        {"bucketCounts": ["1"]},
        {"bucketCounts": []},
        {"bucketCounts": ["1", "2", "-3"]},
        {"explicitBounds": 3},
        {"explicitBounds": [0.1, 0.05]},
        {"explicitBounds": [0.1, "NaN"]},
        {"explicitBounds": []},
        {"timeUnixNano": "soon"},
        {"sum": "much"},
    ],
)
def test_what_is_no_histogram(change: dict[str, object]) -> None:
    metric = {"name": "m", "histogram": {"dataPoints": [{**_HISTOGRAM, **change}]}}
    with pytest.raises(MalformedError):
        decode_metrics(_metric_line(metric))


@pytest.mark.parametrize("kind", ["exponentialHistogram", "summary"])
def test_what_the_model_has_nothing_for_is_counted(kind: str) -> None:
    points = [{"timeUnixNano": "9", "count": "1", "sum": 1.0}] * 2
    found = decode_metrics(_metric_line({"name": "m", kind: {"dataPoints": points}}))
    assert found == Metrics(passed_over=["m", "m"])


def test_a_series_with_a_list_among_its_attributes_can_still_be_told_apart() -> None:
    attributes = [{"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}}]
    point = {"timeUnixNano": "9", "asInt": "1", "attributes": attributes}
    (sample,) = decode_metrics(_metric_line({"name": "m", "gauge": {"dataPoints": [point]}})).samples
    assert hash(sample.attributes) is not None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["resourceSpans", "resourceMetrics", "scopeSpans", "scopeMetrics", "spans", "metrics", "resource",
             "attributes", "key", "value", "intValue", "stringValue", "arrayValue", "values", "gauge", "sum",
             "histogram", "exponentialHistogram", "bucketCounts", "explicitBounds", "count", "flags",
             "aggregationTemporality", "dataPoints", "asInt", "timeUnixNano", "traceId", "spanId", "kind", "status",
             "code", "startTimeUnixNano", "endTimeUnixNano"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.binary() | _JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_is_either_decoded_or_malformed(line: bytes) -> None:
    for decode in (decode_spans, decode_metrics):
        with suppress(MalformedError):
            decode(line)


def test_nesting_without_end_is_malformed() -> None:
    with pytest.raises(MalformedError):
        decode_spans(b"[" * 100_000)


def test_a_number_without_end_is_malformed() -> None:
    with pytest.raises(MalformedError):
        decode_spans(_span_line(startTimeUnixNano="9" * 10_000))

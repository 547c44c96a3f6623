from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.store.model import Event, Process
from groundhog_otel.store.otlp import MalformedError, decode_metrics, decode_spans
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
    (sample,) = decode_metrics(_metric_line({"name": "m", "unit": "s", kind: {"dataPoints": [point]}}), pid=11)
    assert (sample.name, sample.unit, sample.process) == ("m", "s", CLIENT)
    assert sample.attributes == (("cpu.mode", "user"),)
    assert (sample.point.time_ns, sample.point.value) == (9, expected)


@pytest.mark.parametrize("value", [{}, {"asDouble": "NaN"}, {"asDouble": "Infinity"}, {"asDouble": None}])
def test_a_point_without_a_finite_number_is_passed_over(value: dict[str, Any]) -> None:
    metric = {"name": "m", "gauge": {"dataPoints": [{"timeUnixNano": "9", **value}]}}
    assert decode_metrics(_metric_line(metric)) == []


def test_histograms_are_passed_over() -> None:
    metric = {"name": "m", "histogram": {"dataPoints": [{"timeUnixNano": "9", "count": "1", "sum": 1.0}]}}
    assert decode_metrics(_metric_line(metric)) == []


def test_a_series_with_a_list_among_its_attributes_can_still_be_told_apart() -> None:
    attributes = [{"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}}]
    point = {"timeUnixNano": "9", "asInt": "1", "attributes": attributes}
    (sample,) = decode_metrics(_metric_line({"name": "m", "gauge": {"dataPoints": [point]}}))
    assert hash(sample.attributes) is not None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["resourceSpans", "resourceMetrics", "scopeSpans", "scopeMetrics", "spans", "metrics", "resource",
             "attributes", "key", "value", "intValue", "stringValue", "arrayValue", "values", "gauge", "sum",
             "dataPoints", "asInt", "timeUnixNano", "traceId", "spanId", "kind", "status", "code",
             "startTimeUnixNano", "endTimeUnixNano"]
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

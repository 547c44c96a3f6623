"""Whatever is done to conforming telemetry, the checker says what it was; what was left alone, it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import Gauge, Metric
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from groundhog_otel import testing
from groundhog_otel.testing.conventions import MCP
from tests.testing.samples import changed, changed_points, recorded, without

_UNDECIDABLE = {
    "mcp.protocol.version",
    "mcp.session.id",
    "network.protocol.name",
    "network.protocol.version",
    "rpc.response.status_code",
}
"""Attributes of which nobody but the emitter can know whether they would have applied."""
_WITNESSES = {"server.address": "server.port", "client.address": "client.port"}
"""What gives away that an attribute is missing, where it is not the attribute itself."""
_ABOUT_SPANS = st.deferred(lambda: st.sampled_from(recorded().spans))
_ABOUT_METRICS = st.deferred(lambda: st.sampled_from(recorded().metrics))
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def _about(spans: tuple[ReadableSpan, ...] = (), metrics: tuple[Metric, ...] = (), **kwargs: Any) -> set[str]:
    return {one.about for one in testing.violations(spans, metrics, **kwargs)}


def test_what_was_recorded_conforms_and_is_varied() -> None:
    sample = recorded()
    testing.assert_conforms(sample.spans, sample.metrics)
    seen = {name for span in sample.spans for name in span.attributes or ()}
    listed = {row.name for row in MCP.rows if row.level != "opt_in" and row.name != "jsonrpc.protocol.version"}
    assert seen == listed
    assert {metric.name for metric in sample.metrics} == set(MCP.metrics)


@many
@given(span=_ABOUT_SPANS, data=st.data())
def test_a_missing_attribute_is_named(span: ReadableSpan, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(set(span.attributes or ()) - _UNDECIDABLE)))
    if span.kind is SpanKind.SERVER and "-32602" in (span.attributes or {}).values():
        # invalid parameters: for all that the receiver's span tells, the name or URI may have been what was missing
        assume(name not in {*MCP.targets.values(), "mcp.resource.uri"})
    assert _WITNESSES.get(name, name) in _about((changed(span, attributes=without(span.attributes, name)),))


@many
@given(span=_ABOUT_SPANS, data=st.data())
def test_an_attribute_of_the_wrong_type_is_named(span: ReadableSpan, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(span.attributes or {})))
    value = (span.attributes or {})[name]
    wrong = [True, 1.5, ["a"], str(value) if isinstance(value, int) else 7]
    attributes = {**(span.attributes or {}), name: data.draw(st.sampled_from(wrong))}
    assert name in _about((changed(span, attributes=attributes),))


@many
@given(span=_ABOUT_SPANS, name=st.sampled_from(sorted(row.name for row in MCP.rows if row.values or row.pattern)))
def test_a_value_that_is_not_allowed_is_named(span: ReadableSpan, name: str) -> None:
    assume(name in (span.attributes or {}))
    assert name in _about((changed(span, attributes={**(span.attributes or {}), name: "STDIO!"}),))


@many
@given(span=_ABOUT_SPANS, name=st.text("abcdefgh._", min_size=1, max_size=12))
def test_an_attribute_from_nowhere_is_named(span: ReadableSpan, name: str) -> None:
    assume(not MCP.is_other(name))
    strange = changed(span, attributes={**(span.attributes or {}), name: "x"})
    assert name in _about((strange,))
    assert name not in _about((strange,), ignore=[name])


@pytest.mark.parametrize("name", ["groundhog.route", "fastmcp.server.name", "enduser.id", "gen_ai.tool.call.id"])
def test_attributes_of_known_namespaces_are_welcome(name: str) -> None:
    spans = tuple(changed(span, attributes={**(span.attributes or {}), name: "x"}) for span in recorded().spans)
    assert not _about(spans)


@many
@given(span=_ABOUT_SPANS, data=st.data())
def test_an_attribute_where_it_does_not_belong_is_named(span: ReadableSpan, data: st.DataObject) -> None:
    signal = f"span.{span.kind.name.lower()}"
    rows = [row for row in MCP.rows_on(signal).values() if row.name not in (span.attributes or {})]
    facts = MCP.facts(
        "client" if span.kind is SpanKind.CLIENT else "server",
        span.attributes or {},
        failed=span.status.status_code is StatusCode.ERROR,
    )
    row = data.draw(st.sampled_from(rows))
    assume(row.level == "opt_in" or not row.is_allowed(facts))
    value = 1 if row.type == "int" else (row.values or ("1",))[0]
    assert row.name in _about((changed(span, attributes={**(span.attributes or {}), row.name: value}),))


@many
@given(span=_ABOUT_SPANS, name=st.sampled_from(["tools/call", "message", "MCP tools/call", "ping now"]))
def test_another_name_is_noticed(span: ReadableSpan, name: str) -> None:
    assert _about((changed(span, name=name),)) == {"name"}


@many
@given(span=_ABOUT_SPANS, kind=st.sampled_from([SpanKind.INTERNAL, SpanKind.PRODUCER, SpanKind.CONSUMER]))
def test_another_kind_is_noticed(span: ReadableSpan, kind: SpanKind) -> None:
    assert "kind" in _about((changed(span, kind=kind),))


@many
@given(span=_ABOUT_SPANS)
def test_a_status_that_does_not_follow_is_noticed(span: ReadableSpan) -> None:
    if span.status.status_code is StatusCode.ERROR:
        assert "error.type" in _about((changed(span, status=Status(StatusCode.UNSET)),))
    else:
        assert "error.type" in _about((changed(span, status=Status(StatusCode.ERROR)),))
    assert "status" in _about((changed(span, status=Status(StatusCode.OK)),))


@many
@given(span=_ABOUT_SPANS, code=st.sampled_from([-32700, -32600, -32601, -32602, -32002, -32603, -32000, 0, 42]))
def test_whose_fault_a_code_is(span: ReadableSpan, code: int) -> None:
    plain = without(without(span.attributes, "error.type"), "rpc.response.status_code")
    assume("jsonrpc.request.id" in plain)
    as_success = changed(
        span, status=Status(StatusCode.UNSET), attributes={**plain, "rpc.response.status_code": str(code)}
    )
    as_failure = changed(
        span,
        status=Status(StatusCode.ERROR),
        attributes={**plain, "rpc.response.status_code": str(code), "error.type": str(code)},
    )
    forgiven = span.kind is SpanKind.SERVER and code in {-32700, -32600, -32601, -32602, -32002}
    assert ("error.type" in _about((as_success,))) is not forgiven
    assert ("error.type" in _about((as_failure,))) is forgiven


def test_a_tools_error_is_no_protocol_error() -> None:
    (span, *_) = [one for one in recorded().spans if one.name == "tools/call boom"]
    both = {**(span.attributes or {}), "rpc.response.status_code": "-32603"}
    assert _about((changed(span, attributes=both),)) == {"error.type", "rpc.response.status_code"}
    (ping, *_) = [one for one in recorded().spans if one.name == "ping"]
    failed = {**(ping.attributes or {}), "error.type": "tool_error"}
    assert _about((changed(ping, status=Status(StatusCode.ERROR), attributes=failed),)) == {"error.type"}


@many
@given(data=st.data())
def test_another_parent_is_noticed(data: st.DataObject) -> None:
    spans = recorded().spans
    requests = [
        span for span in spans if span.kind is SpanKind.SERVER and "jsonrpc.request.id" in (span.attributes or {})
    ]
    span = data.draw(st.sampled_from(requests))
    assert span.parent is not None
    local = SpanContext(span.parent.trace_id, span.parent.span_id, is_remote=False)
    stranger = SpanContext(span.parent.trace_id, span.parent.span_id ^ 1, is_remote=True)
    wrong = data.draw(st.sampled_from([None, local, stranger]))
    assert "parent" in _about(tuple(changed(one, parent=wrong) if one is span else one for one in spans))


def test_a_link_to_the_parent_is_noticed() -> None:
    (span, *_) = [one for one in recorded().spans if one.kind is SpanKind.SERVER and one.parent is not None]
    assert span.parent is not None
    assert _about((changed(span, links=[Link(span.parent)]),)) == {"link"}


def test_opt_in_attributes_pass_for_those_who_asked() -> None:
    (span, *_) = [one for one in recorded().spans if one.name == "tools/call add"]
    given_ = changed(span, attributes={**(span.attributes or {}), "gen_ai.tool.call.arguments": '{"a": 1}'})
    assert _about((given_,)) == {"gen_ai.tool.call.arguments"}
    assert not _about((given_,), opt_in=["gen_ai.tool.call.arguments"])
    (read, *_) = [one for one in recorded().spans if one.name == "resources/read"]
    named = changed(read, name=f"resources/read {(read.attributes or {})['mcp.resource.uri']!s}")
    assert _about((named,)) == {"name"}
    assert not _about((named,), opt_in=["mcp.resource.uri"])


def _with_attribute(metric: Metric, name: str) -> Metric:
    return changed_points(metric, attributes={**(metric.data.data_points[0].attributes or {}), name: "x"})


@many
@given(metric=_ABOUT_METRICS, name=st.sampled_from(sorted(MCP.never_on_metrics)))
def test_what_must_never_be_on_a_metric_is_named(metric: Metric, name: str) -> None:
    assert name in _about((), (_with_attribute(metric, name),))


@many
@given(metric=_ABOUT_METRICS, data=st.data())
def test_a_metric_made_otherwise_is_noticed(metric: Metric, data: st.DataObject) -> None:
    bounds = MCP.metrics[metric.name].boundaries
    wrong = {
        "unit": replace(metric, unit="ms"),
        "boundaries": changed_points(metric, explicit_bounds=tuple(bound * 1000 for bound in bounds)),
        "instrument": replace(metric, data=Gauge([])),
        "metric": replace(metric, name=f"{metric.name}.total"),
        "tenant": _with_attribute(metric, "tenant"),
    }
    about = data.draw(st.sampled_from(sorted(wrong)))
    assert _about((), (wrong[about],)) == {about}


@many
@given(data=st.data())
def test_a_metric_without_its_attributes_is_noticed(data: st.DataObject) -> None:
    (metric,) = [one for one in recorded().metrics if one.name == "mcp.client.operation.duration"]
    points = [dict(point.attributes or {}) for point in metric.data.data_points]
    calls = [attributes for attributes in points if attributes["mcp.method.name"] == "tools/call"]
    attributes = data.draw(st.sampled_from(calls))
    name = data.draw(
        st.sampled_from(["mcp.method.name", "gen_ai.tool.name", "gen_ai.operation.name", "network.transport"])
    )
    assert name in _about((), (changed_points(metric, attributes=without(attributes, name)),))


def test_what_is_not_of_mcp_is_passed_over() -> None:
    tracer = testing.Capture().tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("query", attributes={"db.system.name": "sqlite"}) as span:
        pass
    assert isinstance(span, ReadableSpan)
    testing.assert_conforms([span])


def test_the_message_lists_everything_and_what_to_do() -> None:
    (span, *_) = [one for one in recorded().spans if one.name == "tools/call add" and one.kind is SpanKind.CLIENT]
    broken = changed(span, name="add", attributes=without(span.attributes, "gen_ai.operation.name"))
    with pytest.raises(AssertionError) as caught:
        testing.assert_conforms([broken])
    text = str(caught.value)
    assert text.startswith("2 departure(s) from the MCP semantic conventions\n- CLIENT span 'add': name: is not")
    assert "gen_ai.operation.name: is missing (recommended)" in text
    assert "rule: execute_tool when the operation is a tool call" in text
    assert "fix: set gen_ai.operation.name" in text

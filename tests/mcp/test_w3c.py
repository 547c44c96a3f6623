"""The short way around the default propagators leads where they lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, set_value
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from groundhog_otel.mcp import propagation, w3c

PLAIN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

_HEX = "0123456789abcdef"


def _digits(length: int) -> st.SearchStrategy[str]:
    return st.just("0" * length) | st.text(_HEX, min_size=length, max_size=length)


_VALID = st.builds("00-{}-{}-{}".format, _digits(32), _digits(16), _digits(2))
NEARLY = (
    PLAIN.upper(),
    f"{PLAIN}\n",
    f" {PLAIN}\t",
    PLAIN[:-1],
    f"{PLAIN}-",
    f"{PLAIN}-more",
    f"01{PLAIN[2:]}",
    f"01{PLAIN[2:]}-more",
    f"ff{PLAIN[2:]}",
    PLAIN.replace("af", "AF"),
    PLAIN.replace("af", "_f"),
    PLAIN.replace("af", " f"),
    PLAIN.replace(PLAIN[3:35], "0" * 32),
    PLAIN.replace(PLAIN[36:52], "0" * 16),
    "",
)
"""Not what we read ourselves; some of it is what the propagators read."""
_MALFORMED = (
    st.sampled_from(NEARLY) | st.text(max_size=60) | st.integers() | st.none() | st.lists(st.just(PLAIN), max_size=1)
)
_OTHERS: dict[Any, st.SearchStrategy[Any]] = {
    "tracestate": st.sampled_from(["a=1", "a=1,b=2", "", "=", "a=1,a=2", 1]) | st.text(max_size=20),
    "baggage": st.sampled_from(["user=1", "user=1,x=%20", "", "=", None]) | st.text(max_size=20),
    "progressToken": st.text(max_size=5) | st.integers(),
    1: st.text(max_size=5),
}
_METAS = (
    st.fixed_dictionaries({"traceparent": _VALID})
    | st.fixed_dictionaries({"traceparent": _MALFORMED})
    | st.fixed_dictionaries({"traceparent": _VALID}, optional=_OTHERS)
    | st.fixed_dictionaries({}, optional={"traceparent": _MALFORMED, **_OTHERS})
)
_SPANS = st.builds(
    SpanContext,
    st.sampled_from([0, 1, 2**128 - 1, 2**128]) | st.integers(0, 2**128),
    st.sampled_from([0, 1, 2**64 - 1, 2**64]) | st.integers(0, 2**64),
    st.booleans(),
    st.builds(TraceFlags, st.integers(0, 300)),
    st.none() | st.builds(TraceState, st.sampled_from([[], [("a", "1")], [("a", "1"), ("b", "2")]])),
)


@st.composite
def _contexts(draw: st.DrawFn) -> Context:
    context = Context()
    if draw(st.booleans()):
        context = set_value("somebody's", "value", context)
    if draw(st.booleans()):
        context = baggage.set_baggage("user", draw(st.text(max_size=5)), context)
    if draw(st.booleans()):
        context = trace.set_span_in_context(NonRecordingSpan(draw(_SPANS)), context)
    return context


def _told(context: Context) -> Any:
    """Return all that can be told of a context: spans are not equal to each other."""
    told = {
        key: (type(value), tuple(value.get_span_context())) if isinstance(value, trace.Span) else value
        for key, value in context.items()
    }
    return type(context), told


def _reads_the_same(meta: dict[Any, Any], base: Context) -> None:
    strings = {key: value for key, value in meta.items() if isinstance(key, str) and isinstance(value, str)}
    expected = propagate.extract(strings, base) if strings else base
    assert _told(propagation.extract(meta, base)[0]) == _told(expected)


@given(meta=_METAS, base=_contexts())
@settings(deadline=None, max_examples=400)
def test_reads_what_the_propagators_read(meta: dict[Any, Any], base: Context) -> None:
    _reads_the_same(meta, base)


@pytest.mark.parametrize(
    "meta",
    [
        *({"traceparent": one} for one in (PLAIN, *NEARLY)),
        {"traceparent": PLAIN, "tracestate": "a=1,b=2"},
        {"traceparent": PLAIN, "baggage": "user=1"},
        {"traceparent": PLAIN, "baggage": 1, "tracestate": None},
        {"baggage": "user=1"},
    ],
)
def test_reads_the_same_of_what_is_nearly_plain(meta: dict[Any, Any]) -> None:
    _reads_the_same(meta, Context())


@given(context=_contexts())
@settings(deadline=None, max_examples=400)
def test_writes_what_the_propagators_write(context: Context) -> None:
    expected: dict[str, str] = {}
    propagate.inject(expected, context)
    assert propagation.injected(context) == expected


def test_the_plain_case_is_short() -> None:
    context = w3c.read({"traceparent": PLAIN, "progressToken": 1}, Context())
    assert context is not None
    assert w3c.written(context) == {"traceparent": PLAIN}


class _Shouting(TextMapPropagator):
    """One that is nobody's default."""

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = None) -> Context:
        return set_value("heard", carrier["traceparent"], context)

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        carrier["shout"] = "!"

    @property
    def fields(self) -> set[str]:
        return {"shout"}


class _Own(TraceContextTextMapPropagator):
    def inject(self, carrier: Any, *args: Any, **kwargs: Any) -> None:
        super().inject(carrier, *args, **kwargs)
        carrier["shout"] = "!"


@pytest.fixture(
    params=[
        _Shouting(),
        CompositePropagator([]),
        CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator(), _Shouting()]),
        CompositePropagator([_Own(), W3CBaggagePropagator()]),
        CompositePropagator([W3CBaggagePropagator()]),
    ]
)
def chosen(request: pytest.FixtureRequest) -> Iterator[TextMapPropagator]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(request.param)
    yield request.param
    propagate.set_global_textmap(before)


def test_a_chosen_propagator_is_asked(chosen: TextMapPropagator) -> None:
    meta = {"traceparent": PLAIN}
    context = trace.set_span_in_context(NonRecordingSpan(SpanContext(1, 2, is_remote=False)), Context())
    carrier: dict[str, str] = {}
    chosen.inject(carrier, context)
    assert propagation.injected(context) == carrier
    assert _told(propagation.extract(meta, Context())[0]) == _told(chosen.extract(meta, Context()))

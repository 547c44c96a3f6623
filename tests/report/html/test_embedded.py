from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.report.content import reported
from groundhog_otel.report.html.embedded import columns
from groundhog_otel.store.model import Event, Recording, Span, Value
from tests.report import made
from tests.support.recorded import CLIENT, MS, SERVER, START, recording, span


def _columns(of: Recording, *, content: bool = False) -> dict[str, Any]:
    found = columns(reported(of), of.traces(), content=content)
    decoded: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return decoded


def _attributes(found: dict[str, Any], span_: int) -> dict[str, Value]:
    shapes, shape = found["shapes"], found["spans"]["shape"]
    begin = sum(len(shapes[one]) for one in shape[:span_])
    return {
        found["names"][name]: found["values"][found["spans"]["values"][begin + at]]
        for at, name in enumerate(shapes[shape[span_]])
    }


def test_spans_of_a_trace_are_together_each_before_those_below_it() -> None:
    found = _columns(
        recording(
            [
                span("tools/call b", trace=2, own=9, at_ms=7),
                span("SELECT", own=3, parent=2, at_ms=4, method=None),
                span("tools/call a", own=1, ms=20),
                span("tools/call a", own=2, parent=1, at_ms=2, kind="server", process=SERVER),
            ]
        )
    )
    spans, names = found["spans"], found["names"]
    assert [names[one] for one in spans["name"]] == ["tools/call b", "tools/call a", "tools/call a", "SELECT"]
    assert spans["depth"] == [0, 0, 1, 2]
    assert spans["at"] == [0, 0, 2000, 4000]
    assert spans["id"] == "".join(f"{one:016x}" for one in (9, 1, 2, 3))
    assert found["traces"] == {"id": f"{2:032x}{1:032x}", "first": [0, 1], "at": [7000, 0]}
    # The call within the call makes no row, and neither does what it calls in turn.
    assert found["outer"] == [0, 1]
    assert [found["operations"][one]["name"] if one >= 0 else None for one in spans["operation"]] == [
        "tools/call b", "tools/call a", "tools/call a", None,
    ]  # fmt: skip


def test_a_trace_without_an_operation_has_a_row_and_one_may_have_several() -> None:
    found = _columns(
        recording(
            [
                span("agent", own=1, method=None),
                span("tools/call a", own=2, parent=1),
                span("tools/call b", own=3, parent=1, at_ms=1),
                span("GET", own=4, trace=2, method=None),
            ]
        )
    )
    assert found["outer"] == [1, 2, 3]


def test_attributes_and_events_come_with_their_spans() -> None:
    event = Event("blocked", START + 3 * MS, {"code.function.name": "rank", "exception.message": "secret"})
    one = Span(
        "1" * 32,
        "2" * 16,
        None,
        "x",
        "client",
        START,
        START + MS,
        CLIENT,
        attributes={"a": 1, "b": True, "c": 2.5, "d": "secret"},
        events=(event,),
    )
    found = _columns(recording([span(), one]))
    assert _attributes(found, 0) == {"mcp.method.name": "tools/call"}
    assert _attributes(found, 1) == {"a": 1, "b": True, "c": 2.5, "d": "(text, left out)"}
    assert (found["events"]["span"], found["events"]["at"]) == ([1], [3000])
    assert "secret" not in json.dumps(found)
    assert "secret" in json.dumps(_columns(recording([one]), content=True))


def test_true_and_one_are_not_the_same_value() -> None:
    one = Span(
        "1" * 32, "2" * 16, None, "x", "client", START, START + MS, CLIENT, attributes={"a": 1, "b": True, "c": 1.0}
    )
    assert json.dumps(list(_attributes(_columns(recording([one])), 0).values())) == "[1, true, 1.0]"


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=8),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.tuples(st.text(), st.integers()),
        max_size=6,
    )
)
def test_whatever_attributes_hold_json_can_say_it(attributes: dict[str, Any]) -> None:
    one = Span("1" * 32, "2" * 16, None, "x", "client", START, START + MS, CLIENT, attributes=attributes)
    found = _columns(recording([one]), content=True)
    assert len(found["spans"]["values"]) == len(attributes)


def test_every_span_of_a_large_recording_is_there() -> None:
    whole = made.recording(3_000)
    found = _columns(whole)
    assert {len(found["spans"][name]) for name in ("name", "depth", "at", "length", "shape")} == {len(whole.spans)}
    assert len(found["spans"]["id"]) == 16 * len(whole.spans)

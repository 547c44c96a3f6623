from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.judgement.thresholds import budget_thresholds, parse, percent_of, text
from groundhog_otel.load.plan import Threshold
from tests.load.made import operation


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("p99<50ms", Threshold("p99", "at_most", 0.05)),
        ("p99 <= 50 ms", Threshold("p99", "at_most", 0.05)),
        ("p99.9≤200ms", Threshold("p99.9", "at_most", 0.2)),
        ("p50<800us", Threshold("p50", "at_most", 0.0008)),
        ("p50<800µs", Threshold("p50", "at_most", 0.0008)),
        ("max<2min", Threshold("max", "at_most", 120.0)),
        ("max<1.5s", Threshold("max", "at_most", 1.5)),
        ("error_rate<=1%", Threshold("error_rate", "at_most", 0.01)),
        ("error_rate<=0.01", Threshold("error_rate", "at_most", 0.01)),
        ("error_rate<=0", Threshold("error_rate", "at_most", 0.0)),
        ("rate>=1000/s", Threshold("rate", "at_least", 1000.0)),
        ("rate>6000/min", Threshold("rate", "at_least", 100.0)),
        ("rate>=1000", Threshold("rate", "at_least", 1000.0)),
        ("tools/call add: p99.9<200ms", Threshold("p99.9", "at_most", 0.2, "tools/call add")),
        ("resources/read file:///a: b: p99<1s", Threshold("p99", "at_most", 1.0, "resources/read file:///a: b")),
        ("tools/call p99<50ms: p95<20ms", Threshold("p95", "at_most", 0.02, "tools/call p99<50ms")),
    ],
)
def test_what_is_understood(words: str, expected: Threshold) -> None:
    found = parse(words)
    assert found.value == pytest.approx(expected.value)
    assert (found.measure, found.at, found.operation) == (expected.measure, expected.at, expected.operation)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "is no threshold; write it like one of: p99<50ms"),
        ("fast", "is no threshold"),
        ("p99=50ms", "is no threshold"),
        ("p99<fifty", "is no threshold"),
        ("p99<50", r"has no unit; p99 takes one of: us, µs, μs, ms, s, min \(as in p99<50ms\)"),
        ("p99<50m", 'has the unit "m"; p99 takes'),
        ("error_rate<1ms", r'has the unit "ms"; error_rate takes one of: % \(as in error_rate<=1%\)'),
        ("rate>=5%", 'has the unit "%"; rate takes one of: /s, /min'),
        ("p99>50ms", "must be an upper bound: write p99<=50ms"),
        ("rate<=50/s", "must be a lower bound: write rate>=50/s"),
        ("error_rate<=5", "allows for more errors than requests; write error_rate<=5%"),
        ("p100<5s", 'measures "p100"; what can be is: p50 to p99.99, max, error_rate, rate'),
        ("p0<5s", 'measures "p0"'),
        ("mean<5s", 'measures "mean"'),
    ],
)
def test_what_is_not(words: str, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        parse(words)


@given(
    st.sampled_from(["p50", "p99.99", "max", "error_rate", "rate"]),
    st.integers(1, 99_999).map(lambda number: number / 100_000),
    st.sampled_from([None, "tools/call add", "resources/read a: b"]),
)
def test_written_and_read_again(measure: str, value: float, operation_name: str | None) -> None:
    one = Threshold(measure, "at_least" if measure == "rate" else "at_most", value, operation_name)
    again = parse(text(one))
    assert again.value == pytest.approx(value)
    assert (again.measure, again.at, again.operation) == (one.measure, one.at, one.operation)


def test_percentiles_by_name() -> None:
    assert [percent_of(name) for name in ("p50", "p99.99", "max", "p100", "rate")] == [50.0, 99.99, None, None, None]


def test_the_budgets_are_by_class_of_method() -> None:
    assert [
        text(one) for one in budget_thresholds([operation("tools/call add", [0.01]), operation("ping", [0.01])])
    ] == [
        "tools/call add: p99<=50ms",
        "ping: p99<=100ms",
        "error_rate<=1%",
    ]

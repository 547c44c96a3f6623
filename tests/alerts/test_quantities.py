from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.alerts.quantities import Quantity, parse, written


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("50ms", 0.05, "s"),
        ("16 ms", 0.016, "s"),
        ("5m", 300, "s"),
        ("1h30m", 5400, "s"),
        ("1d", 86400, "s"),
        ("250us", 0.00025, "s"),
        ("500MB", 500_000_000, "By"),
        ("1.5GiB", 1.5 * 2**30, "By"),
        ("10B", 10, "By"),
        ("50MB/s", 50_000_000, "By/s"),
        ("30%", 0.3, "1"),
        ("14.4%", 0.144, "1"),
        ("20", 20, ""),
    ],
)
def test_what_is_understood(text: str, value: float, unit: str) -> None:
    assert parse(text) == Quantity(value, unit)


@pytest.mark.parametrize(
    "text", ["", "ms", "-5ms", "5 apples", "5mb", "50ms/s", "1e3s", "5m 30", "5,5s", "٣s", "1h%", "5%/s"]
)
def test_what_is_not_is_an_error_that_shows_how(text: str) -> None:
    with pytest.raises(ValueError, match="like 50ms, 5m, 500MB, 50MB/s or 30%"):
        parse(text)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.05, "s", "50ms"),
        (5400, "s", "90m"),
        (3600, "s", "1h"),
        (0.0005, "s", "500us"),
        (5e8, "By", "500MB"),
        (5e7, "By/s", "50MB/s"),
        (0.144, "1", "14.4%"),
        (20, "", "20"),
    ],
)
def test_what_is_written(value: float, unit: str, text: str) -> None:
    assert written(value, unit) == text


@given(
    st.one_of(
        st.tuples(st.integers(1, 10**13).map(lambda micro: micro / 1e6), st.just("s")),
        st.tuples(st.integers(1, 10**15).map(float), st.sampled_from(["By", "By/s"])),
        st.tuples(st.integers(1, 10**6).map(lambda share: share / 1e4), st.just("1")),
        st.tuples(st.integers(0, 10**9).map(float), st.just("")),
    )
)
def test_what_is_written_is_read_back(quantity: tuple[float, str]) -> None:
    value, unit = quantity
    found = parse(written(value, unit))
    assert found.unit == unit
    assert found.value == pytest.approx(value, rel=1e-12)


@given(st.text(alphabet="0123456789.usmhdkMGTiB/% \n", max_size=12))
def test_any_text_is_a_quantity_of_a_known_unit_or_an_error(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert found.unit in ("s", "By", "By/s", "1", "")
    assert found.value >= 0

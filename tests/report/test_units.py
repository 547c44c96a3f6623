from __future__ import annotations

import pytest

from groundhog_otel.report.units import amount, between, duration, rate, share, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.00 ms"), (0.00042, "0.42 ms"), (0.0042, "4.2 ms"), (0.182, "182 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"),
     (1.24, "1.2 s"), (42, "42 s"), (125, "2 min 5 s")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (88_400_000, "88 MB"), (999_600, "1.0 MB"), (5e12, "5.0 TB")],
)
def test_sizes(bytes_: float, text: str) -> None:
    assert size(bytes_) == text


@pytest.mark.parametrize(("fraction", "text"), [(0, "0 %"), (0.004, "0.4 %"), (0.12, "12 %"), (1, "100 %")])
def test_shares(fraction: float, text: str) -> None:
    assert share(fraction) == text


def test_amounts() -> None:
    assert [amount(1, "call"), amount(2, "call"), amount(7268, "call")] == ["1 call", "2 calls", "7,268 calls"]


@pytest.mark.parametrize(
    ("low_s", "high_s", "text"),
    [(0.029, 0.034, "29~34 ms"), (0.98, 1.1, "0.98~1.1 s"), (0.012, 1.1, "12 ms~1.1 s"), (0.1, 1.1, "0.10~1.1 s"),
     (0.0121, 0.0123, "12 ms"), (90, 125, "90 s~2 min 5 s"), (120, 125, "2 min 0 s~2 min 5 s")],
)  # fmt: skip
def test_intervals(low_s: float, high_s: float, text: str) -> None:
    assert between(low_s, high_s) == text.replace("~", "\N{EN DASH}")


@pytest.mark.parametrize(
    ("per_second", "text"), [(0.42, "0.42/s"), (1.24, "1.2/s"), (9.96, "10/s"), (1_234.5, "1,234/s")]
)
def test_rates(per_second: float, text: str) -> None:
    assert rate(per_second) == text

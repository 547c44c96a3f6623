"""Quantities as people write them: ``50ms``, ``500MB``, ``30%``, ``50MB/s``, ``5m``."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final, NamedTuple

__all__ = ("Quantity", "parse", "written")

_SECONDS: Final = {
    "us": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}
_BYTES: Final = {
    "B": 1,
    **{f"{prefix}B": 1000 ** (power + 1) for power, prefix in enumerate("kMGT")},
    **{f"{prefix}iB": 1024 ** (power + 1) for power, prefix in enumerate("KMGT")},
}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(us|ms|s|m|h|d)")
_DURATION: Final = re.compile(rf"(?:{_PART.pattern})+")
_ONE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([a-zA-Z]+(?:/s)?|%)?")
_EXAMPLES: Final = {"s": "50ms", "By": "500MB", "1": "30%", "By/s": "50MB/s"}


class Quantity(NamedTuple):
    """A number and what it is of."""

    value: float
    unit: str
    """UCUM: ``s``, ``By``, ``By/s``, ``1`` for a share, and empty for a bare number."""

    @staticmethod
    def example(unit: str) -> str:
        """Return how one of that unit is written."""
        return _EXAMPLES.get(unit, "10")


def parse(text: str) -> Quantity:
    """Return the quantity that ``text`` stands for.

    Raises:
        ValueError: it stands for none. The message says what is written instead.
    """
    if _DURATION.fullmatch(text):
        return Quantity(float(sum(Fraction(number) * _SECONDS[unit] for number, unit in _PART.findall(text))), "s")
    one = _ONE.fullmatch(text)
    number, unit = (one[1], one[2] or "") if one is not None else ("", "")
    size = _BYTES.get(unit.removesuffix("/s"))
    if one is None or (unit not in ("", "%") and size is None):
        raise ValueError(f"{text!r} is no quantity: write a number and a unit, like 50ms, 5m, 500MB, 50MB/s or 30%")
    if unit == "%":
        return Quantity(float(Fraction(number) / 100), "1")
    if size is not None:
        return Quantity(float(Fraction(number) * size), "By/s" if unit.endswith("/s") else "By")
    return Quantity(float(number), "")


def written(value: float, unit: str) -> str:
    """Return a value as :func:`parse` reads it, in the largest unit that leaves it whole, else the smallest."""
    exact = Fraction(repr(value))  # the decimal number that was meant, not the binary one next to it
    if unit == "1":
        return f"{_plain(exact * 100)}%"
    if unit == "s":
        return _in(exact, list(_SECONDS.items()))
    if unit in ("By", "By/s"):
        sizes = [(name, Fraction(size)) for name, size in _BYTES.items() if "i" not in name]
        return _in(exact, sizes) + unit.removeprefix("By")
    return _plain(exact)


def _in(value: Fraction, units: list[tuple[str, Fraction]]) -> str:
    whole = [(name, size) for name, size in units if (value / size).denominator == 1 and value >= size]
    name, size = whole[-1] if whole else units[0]
    return f"{_plain(value / size)}{name}"


def _plain(value: Fraction) -> str:
    """Return a decimal number without an exponent."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.12f}".rstrip("0").rstrip(".")

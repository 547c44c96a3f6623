"""Numbers with their units, as people read them."""

from __future__ import annotations

__all__ = ("amount", "between", "duration", "rate", "share", "size")


def duration(seconds: float) -> str:
    """Return ``0.42 ms``, ``182 ms``, ``1.2 s``, ``2 min 5 s``."""
    if seconds < 0.9995:
        return f"{_figures(seconds * 1000)} ms"
    if seconds < 99.95:
        return f"{_figures(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def between(low_s: float, high_s: float) -> str:
    """Return an interval of durations, as ``29-34 ms`` with a longer dash, in one unit where that tells both ends."""
    dash = "\N{EN DASH}"
    low, high = duration(low_s), duration(high_s)
    if low == high:
        return high
    number, _, unit = low.partition(" ")
    if high.endswith(" s") and unit == "ms" and low_s >= 0.0995:
        number, unit = _figures(low_s), "s"
    return f"{number}{dash}{high}" if high.partition(" ")[2] == unit else f"{low}{dash}{high}"


def rate(per_second: float) -> str:
    """Return ``0.42/s``, ``1.2/s``, ``1,200/s``."""
    return f"{per_second:,.0f}/s" if per_second >= 9.95 else f"{_figures(per_second)}/s"


def size(bytes_: float) -> str:
    """Return ``512 B``, ``1.2 kB``, ``88 MB``: by thousands, as the budgets are."""
    for unit in ("B", "kB", "MB", "GB"):
        if bytes_ < 999.5:
            return f"{bytes_:.0f} {unit}" if unit == "B" else f"{_figures(bytes_)} {unit}"
        bytes_ /= 1000
    return f"{_figures(bytes_)} TB"


def share(fraction: float) -> str:
    """Return ``0.4 %``, ``12 %``."""
    percent = fraction * 100
    return f"{percent:.1f} %" if 0 < percent < 9.95 else f"{percent:.0f} %"


def amount(count: int, what: str) -> str:
    """Return ``1 call``, ``2,000 calls``."""
    return f"{count} {what}" if count == 1 else f"{count:,} {what}s"


def _figures(value: float) -> str:
    if value < 0.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"

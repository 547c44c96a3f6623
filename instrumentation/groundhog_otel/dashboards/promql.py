"""The pieces that PromQL expressions of several dashboards are made of."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ("quantile", "rate", "ratio", "total")


def rate(series: str, window: str = "$__rate_interval") -> str:
    """Return the increase per second; by default over the window that Grafana takes from scrape interval and zoom."""
    return f"rate({series}[{window}])"


def total(by: Sequence[str], expr: str) -> str:
    """Return a sum, by labels where some are given."""
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def ratio(part: str, whole: str) -> str:
    """Return a share that is 0, not absent, where there is a whole and nothing of the part."""
    return f"({part} or 0 * {whole}) / {whole}"


def quantile(q: float, by: Sequence[str], buckets: str) -> str:
    """Return a quantile of a classic histogram's rate, in the histogram's unit."""
    return f"histogram_quantile({q:g}, {total((*by, 'le'), rate(buckets))})"

"""The very trace that an alert is about: an exemplar of its series, which Jaeger has."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from groundhog_otel.alerts.quantities import parse

__all__ = ("Finder", "Found", "over_budget_s")

_DIRECT: Final = build_opener(ProxyHandler({}))
_LEAST_S: Final = 0.05
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_ERRORS: Final = 'error_type!=""'
_LOOK_BACK_S: Final = (300.0, 6 * 3600.0)
"""Of the last minutes rather than of an hour ago: the trace is to be one of those that made the alert fire."""
_MOST_ASKED: Final = 3
"""Exemplars that Jaeger is asked for: the first is nearly always there."""


@dataclass(frozen=True, slots=True)
class Found:
    """A stored trace."""

    trace_id: str
    duration_s: float


def over_budget_s(budget: str) -> float:
    """Return what an exemplar has to be above, in seconds, going by an alert's annotation ``budget``.

    That of a latency begins with its threshold (``50ms for 99% of operations``); any other sets no limit.
    """
    try:
        quantity = parse(budget.split(" ", 1)[0])
    except ValueError:
        return 0.0
    return quantity.value if quantity.unit == "s" else 0.0


class Finder:
    """Asks Prometheus for exemplars and Jaeger whether it has their traces; nobody else."""

    def __init__(self, prometheus: str, jaeger: str) -> None:
        self._prometheus = prometheus
        self._jaeger = jaeger

    def find(self, selector: str, *, starts_s: float, now_s: float, above_s: float, deadline: float) -> Found | None:
        """Return the slowest stored trace of an alert's series, of failed operations the newest; None if there is none.

        ``selector`` is the alert's annotation ``exemplars``; ``starts_s`` and ``now_s`` are Unix seconds, of when the
        alert began and now; ``deadline`` is by ``time.monotonic``.

        Raises:
            OSError: Prometheus or Jaeger cannot be asked, or not in time.
            Exception: of any kind, where they answer something unheard of.
        """
        failed = _ERRORS in selector
        for look_back_s in _LOOK_BACK_S:
            query = urlencode({"query": selector, "start": starts_s - look_back_s, "end": now_s})
            answer = _json(f"{self._prometheus}/api/v1/query_exemplars?{query}", deadline)
            known = [one for one in _exemplars(answer) if one[1].duration_s > above_s]
            known.sort(key=lambda one: one[0] if failed else one[1].duration_s, reverse=True)
            for _, found in known[:_MOST_ASKED]:
                if self._has(found.trace_id, deadline):
                    return found
        return None

    def _has(self, trace_id: str, deadline: float) -> bool:
        try:
            answer = _json(f"{self._jaeger}/api/traces/{trace_id}", deadline)
        except HTTPError as error:
            if error.code == 404:
                return False
            raise
        return bool(answer.get("data"))


def _exemplars(answer: Any) -> list[tuple[float, Found]]:
    """Return the time and trace of every exemplar that names one."""
    return [
        (float(one["timestamp"]), Found(one["labels"]["trace_id"], float(one["value"])))
        for series in answer["data"]
        for one in series["exemplars"]
        if _TRACE_ID.fullmatch(one["labels"].get("trace_id", ""))
    ]


def _json(url: str, deadline: float) -> Any:
    left_s = deadline - time.monotonic()
    with _DIRECT.open(url, timeout=max(left_s, _LEAST_S)) as answer:
        return json.load(answer)

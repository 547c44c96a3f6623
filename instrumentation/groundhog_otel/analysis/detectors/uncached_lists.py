"""Lists of tools, prompts and resources that are fetched anew although they cannot have changed."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Final, NamedTuple

from groundhog_otel import semconv
from groundhog_otel.analysis.calls import Call, calls
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import sure
from groundhog_otel.analysis.operations import method_of
from groundhog_otel.store.model import Recording

__all__ = ("ASSUMED_S", "detect")

ASSUMED_S: Final = 300.0
"""For which a list without a time to live is taken to hold: what a server offers changes when it is deployed, and a
server that changes it while it runs says so by ``list_changed``, which is heeded here."""
_FEWEST: Final = 5
"""Fetches too many, of all callers together."""
_OWN: Final = 1
"""Both SDKs' clients fetch ``tools/list`` once by themselves, to check the first result against."""
_CHANGED: Final[Mapping[str, str]] = {
    "tools/list": "notifications/tools/list_changed",
    "prompts/list": "notifications/prompts/list_changed",
    "resources/list": "notifications/resources/list_changed",
    "resources/templates/list": "notifications/resources/list_changed",
}


class _Again(NamedTuple):
    call: Call
    kept: Call
    ttl_s: float | None


def detect(recording: Recording) -> list[Finding]:
    """Find lists that a caller has fetched before, and that were good for longer: by their time to live, or by ours.

    It needs the detail attributes on spans: without them nobody can tell pages, nor whether there is a time to live.
    """
    asked = [one for one in calls(recording.spans) if one.method in _CHANGED and one.digest is not None]
    changes = _changes(recording)
    by_name: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for one in asked:
        if not one.failed:
            by_name[one.service, one.method].append(one)
    found = (_finding(service, method, group, changes) for (service, method), group in sorted(by_name.items()))
    return [one for one in found if one is not None]


def _changes(recording: Recording) -> dict[str, list[int]]:
    """Return when lists were said to have changed, by the notification's method."""
    found: dict[str, list[int]] = {method: [] for method in _CHANGED.values()}
    for span in recording.spans:
        method = method_of(span)
        if method in found:
            found[method].append(span.start_ns)
    return {method: sorted(times) for method, times in found.items()}


def _finding(service: str, method: str, group: list[Call], changes: Mapping[str, list[int]]) -> Finding | None:
    again = list(_again(method, group, changes[_CHANGED[method]]))
    if len(again) < _FEWEST:
        return None
    ignored = sum(one.ttl_s is not None for one in again)
    mean_ms = fmean(one.call.waited_s for one in again) * 1000
    callers = len({one.call.caller for one in again})
    hinted = ignored * 2 > len(again)
    why = "although it was said to stay good for longer" if hinted else "and it has no time to live"
    return Finding(
        detector="uncached_lists",
        service=service,
        target=method,
        says=f"{method} was fetched {len(again)} times too often by {callers} caller{'s' * (callers != 1)}, "
        f"of {len(group)} times in all, {why}; each fetch takes {mean_ms:.1f} ms.",
        advice="Have clients keep the list until its time to live is over or list_changed arrives."
        if hinted
        else f"Give {method} a time to live (ttlMs of protocol 2026-07-28), and have clients of older protocols keep "
        "the list until list_changed arrives.",
        impact_ms=mean_ms,
        affected=len(again),
        confidence=sure(len(again), half=_FEWEST / 2) * (1.0 if hinted else 0.9),
        evidence=_evidence(again),
        figures={
            "fetches": len(group),
            "fetches_too_many": len(again),
            "callers": callers,
            "mean_ms": mean_ms,
            "assumed_s": ASSUMED_S,
        },
        action=None if hinted else "cache_hints",
        parameters={} if hinted else {"method": method},
    )


def _again(method: str, group: list[Call], changes: list[int]) -> Iterator[_Again]:
    """Yield each fetch for which the caller should have had the list."""
    kept: dict[object, Call] = {}
    own: dict[object, int] = defaultdict(lambda: _OWN if method == "tools/list" else 0)
    for one in group:
        key = one.caller, one.digest
        before = kept.get(key)
        if before is None:
            kept[key] = one
            continue
        ttl_s = before.number(semconv.RESULT_TTL) or None
        age_s = (one.start_ns - before.span.end_ns) / 1e9
        changed = bisect_right(changes, one.start_ns) > bisect_right(changes, before.span.start_ns)
        same = one.number(semconv.RESPONSE_SIZE) == before.number(semconv.RESPONSE_SIZE)
        if age_s > (ttl_s or ASSUMED_S) or changed or not same:
            kept[key] = one
        elif age_s >= 0:
            if own[one.caller]:
                own[one.caller] -= 1
            else:
                yield _Again(one, before, ttl_s)


def _evidence(again: list[_Again]) -> tuple[Evidence, ...]:
    first = again[0]
    shown = [Evidence("What was fetched here would have done.", first.kept.span.trace_id, first.kept.span.span_id)]
    for one in sorted(again, key=lambda one: (-one.call.waited_s, one.call.span.trace_id, one.call.span.span_id))[:3]:
        after_s = (one.call.start_ns - one.kept.span.end_ns) / 1e9
        good = "with no time to live" if one.ttl_s is None else f"which stays good for {one.ttl_s:.0f} s"
        says = f"Fetched again {after_s:.1f} s after the same list, {good}, in {one.call.waited_s * 1000:.1f} ms."
        shown.append(Evidence(says, one.call.span.trace_id, one.call.span.span_id))
    return tuple(shown)

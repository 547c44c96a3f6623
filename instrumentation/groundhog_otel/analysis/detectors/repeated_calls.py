"""The same call, again and again, within a time in which its answer could have been kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from statistics import fmean
from typing import Final, NamedTuple

from groundhog_otel import semconv
from groundhog_otel.analysis.calls import Call, calls
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, sure
from groundhog_otel.store.model import Process, Recording, Span

__all__ = ("WINDOW_S", "detect")

WINDOW_S: Final = 60.0
"""An answer as old as that still serves whoever reads it; for longer, the author of the tool would have to say so."""
_FEWEST: Final = 5
"""Twice the same is a second look, three or four times may be a user who tries again."""
_SHARE: Final = 0.2
"""Of the calls of that name: a cache that serves fewer than one in five is not worth its memory."""
_SUREST: Final = 0.8
"""Spans do not say whether the tool changes something, or whether what it tells has changed."""
_METHODS: Final = frozenset({"tools/call", "prompts/get", "resources/read", "completion/complete"})
_LOAD: Final = "groundhog_otel.load"
"""The scope of the load tester's spans."""


class _Repeat(NamedTuple):
    call: Call
    first: Call


def detect(recording: Recording) -> list[Finding]:
    """Find calls with the same parameters as one just before, by the same caller, and with an answer of the same size.

    It needs the detail attributes on spans. What a load test has asked of a server is left out: it asks the same on
    purpose.
    """
    asked = [one for one in calls(recording.spans) if one.method in _METHODS and one.digest is not None]
    tested = _tested(recording.spans, asked)
    by_name: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for one in asked:
        if one.span.process not in tested and not one.failed:
            by_name[one.service, one.name].append(one)
    found = (_finding(service, name, group) for (service, name), group in sorted(by_name.items()))
    return [one for one in found if one is not None]


def _tested(spans: Iterable[Span], asked: Iterable[Call]) -> set[Process]:
    """Return the servers that a load test has asked: it records a sample of its own spans."""
    if not any(span.scope == _LOAD for span in spans):
        return set()
    return {
        one.server.process
        for one in asked
        if one.server is not None and one.client is not None and one.client.scope == _LOAD
    }


def _finding(service: str, name: str, group: list[Call]) -> Finding | None:
    repeats = list(_repeats(group))
    if len(repeats) < _FEWEST or len(repeats) < _SHARE * len(group):
        return None
    mean_ms = fmean(one.call.span.duration_s for one in repeats) * 1000
    if mean_ms < LEAST_MS:
        return None
    tool, method = group[0].tool, group[0].method
    keeps = method == "resources/read"
    return Finding(
        detector="repeated_calls",
        service=service,
        target=name,
        says=f"{len(repeats)} of {len(group)} calls of {name} repeat one of the last {WINDOW_S:.0f} s, parameters and "
        f"size of the answer the same, and take {mean_ms:.1f} ms each.",
        advice=f"Give the resource a time to live (ttlMs), or keep what {name} reads."
        if keeps
        else f"If {name} only reads, keep its answers for as long as they hold.",
        impact_ms=mean_ms,
        affected=len(repeats),
        confidence=_SUREST * sure(len(repeats), half=_FEWEST / 2),
        evidence=_evidence(repeats),
        figures={
            "repeats": len(repeats),
            "calls": len(group),
            "mean_ms": mean_ms,
            "window_s": WINDOW_S,
        },
        action="cache_hints" if keeps else "cache_result" if tool is not None else None,
        parameters={"method": method} if keeps else {} if tool is None else {"tool": tool},
    )


def _repeats(group: list[Call]) -> Iterator[_Repeat]:
    """Yield the calls that a cache would have answered: those after the end of the first one, and within the window."""
    first: dict[object, Call] = {}
    for one in group:
        key = one.caller, one.digest
        kept = first.get(key)
        if kept is not None:
            age_s = (one.span.start_ns - kept.span.end_ns) / 1e9
            if 0 <= age_s <= WINDOW_S and one.number(semconv.RESPONSE_SIZE) == kept.number(semconv.RESPONSE_SIZE):
                yield _Repeat(one, kept)
                continue
            if age_s < 0:  # at the same time: there was nothing to keep yet
                continue
        first[key] = one


def _evidence(repeats: list[_Repeat]) -> tuple[Evidence, ...]:
    groups: dict[tuple[str, str], list[_Repeat]] = defaultdict(list)
    for one in repeats:
        groups[one.first.span.trace_id, one.first.span.span_id].append(one)
    largest = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[:2]
    shown = []
    for (trace_id, span_id), group in largest:
        shown.append(Evidence(f"The first of {len(group) + 1} calls that are the same.", trace_id, span_id))
        for again in group[:2]:
            after_s = (again.call.span.start_ns - again.first.span.end_ns) / 1e9
            took_ms = again.call.span.duration_s * 1000
            says = f"The same {after_s:.1f} s after the answer to the first, in {took_ms:.1f} ms."
            shown.append(Evidence(says, again.call.span.trace_id, again.call.span.span_id))
    return tuple(shown)

"""Calls that are made again because they failed: the time of the failed ones, and of the waits after them, is lost.

Attempts are siblings of one name, none beside another, of which each but the last has failed. Where spans carry the
digest of a request, attempts have the same one, and then they need no common parent. Without digests a loop over many
items, some of which fail, looks alike: its calls go on after a success. There an attempt counts only when the wait
before it stands out from the loop's other pauses, as a backoff does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, sure
from groundhog_otel.analysis.operations import error_of
from groundhog_otel.analysis.waited import Waited, waited_for
from groundhog_otel.semconv import REQUEST_DIGEST
from groundhog_otel.store.model import Process, Recording, Span

__all__ = ("detect",)

_LEAST_SEEN: Final = 3
_LEAST_SHARE: Final = 0.01
"""Of all calls of that name: rarer failures are what retries are for."""
_LONGEST_PAUSE_NS: Final = 60_000_000_000
"""Between two attempts; what comes later is another request."""
_BACKOFF_NS: Final = 10_000_000
_BACKOFF_FACTOR: Final = 5
_MOST_EVIDENCE: Final = 5

_Key = tuple[Process, str, str, str | None]
"""Process, name, and what the attempts have in common: the digest, or the parent with its trace."""


@dataclass(slots=True)
class _Seen:
    """The requests of one name that took several attempts: what each has lost, and its attempts."""

    requests: list[tuple[float, list[Span]]] = field(default_factory=list)


def detect(recording: Recording) -> list[Finding]:
    """Return one finding for each kind of call that is repeated because it fails."""
    clients = [span for span in recording.spans if span.kind == "client"]
    calls = Counter((span.process.service, span.name) for span in clients)
    groups: dict[_Key, list[Span]] = {
        key: [] for span in clients if error_of(span) is not None and (key := _key(span)) is not None
    }
    names = {key[:2] for key in groups}
    for span in clients:
        key = _key(span) if (span.process, span.name) in names else None
        if key in groups:
            groups[key].append(span)
    requests = [request for group in groups.values() for request in _requests(group)]
    waited = waited_for(recording.spans, {span.trace_id for request in requests for span in request})
    seen: dict[tuple[str, str], _Seen] = {}
    for request in requests:
        wasted_ms = _wasted_ms(request, waited)
        if wasted_ms > 0:
            key_of_seen = (request[0].process.service, request[0].name)
            seen.setdefault(key_of_seen, _Seen()).requests.append((wasted_ms, request))
    return [
        found
        for key_of_seen, one in seen.items()
        if (found := _finding(*key_of_seen, one, calls[key_of_seen])) is not None
    ]


def _key(span: Span) -> _Key | None:
    digest = span.attributes.get(REQUEST_DIGEST)
    if isinstance(digest, str):
        return span.process, span.name, digest, None
    return None if span.parent_id is None else (span.process, span.name, span.trace_id, span.parent_id)


def _requests(group: list[Span]) -> Iterator[list[Span]]:
    """Return the attempts of each request that took several."""
    group = sorted(group, key=lambda span: (span.start_ns, span.end_ns))
    pauses = [after.start_ns - before.end_ns for before, after in pairwise(group)]
    same = REQUEST_DIGEST in group[0].attributes
    goes_on = [pause for pause, before in zip(pauses, group, strict=False) if error_of(before) is None]
    least_ns = max(_BACKOFF_NS, _BACKOFF_FACTOR * max(goes_on)) if goes_on and not same else 0
    request = group[:1]
    for pause_ns, span in zip(pauses, group[1:], strict=True):
        if error_of(request[-1]) is not None and least_ns <= pause_ns <= _LONGEST_PAUSE_NS:
            request.append(span)
        else:
            if len(request) > 1:
                yield request
            request = [span]
    if len(request) > 1:
        yield request


def _wasted_ms(request: list[Span], waited: Waited) -> float:
    """Return the milliseconds of the failed attempts that were waited for, and of the pauses after these."""
    wasted_ns = 0
    for failed, following in pairwise(request):
        wasted_ns += waited.ns(failed)
        if waited.ns(failed) and waited.ns(following):
            wasted_ns += following.start_ns - failed.end_ns
    return wasted_ns / 1e6


def _finding(service: str, name: str, seen: _Seen, calls: int) -> Finding | None:
    worst = sorted(seen.requests, key=lambda one: -one[0])
    wasted_ms = fmean(ms for ms, _ in worst)
    if len(worst) < _LEAST_SEEN or len(worst) < _LEAST_SHARE * calls or wasted_ms < LEAST_MS:
        return None
    failures = [span for _, request in worst for span in request[:-1]]
    pause_ms = fmean(
        (after.start_ns - before.end_ns) / 1e6 for _, request in worst for before, after in pairwise(request)
    )
    reasons = Counter(str(error_of(span)) for span in failures).most_common(3)
    attempts = fmean(len(request) for _, request in worst)
    in_vain = sum(error_of(request[-1]) is not None for _, request in worst)
    ended = f"; {in_vain} of them failed in the end" if in_vain else ""
    why = ", ".join(f"{reason} ({count})" for reason, count in reasons)
    return Finding(
        detector="retries",
        service=service,
        target=name,
        says=f"{len(worst)} requests of {name} took {attempts:.2g} attempts each, "
        f"{wasted_ms:.3g} ms for nothing{ended}: {why}",
        advice="Mend what makes the first attempt fail. Until then, wait for an answer as long as a good one takes, "
        f"and less before the next attempt ({pause_ms:.3g} ms now).",
        impact_ms=wasted_ms,
        affected=len(worst),
        confidence=sure(len(worst), half=2),
        evidence=tuple(
            Evidence(
                f"{len(request)} attempts, {ms:.3g} ms for nothing ({error_of(request[0])})",
                request[0].trace_id,
                request[0].span_id,
            )
            for ms, request in worst[:_MOST_EVIDENCE]
        ),
        figures={"attempts": attempts, "pause_ms": pause_ms, "in_vain": float(in_vain), "calls": float(calls)},
    )

"""Requests, answers and lists so large that moving and reading them is a cost of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from groundhog_otel import semconv
from groundhog_otel.analysis.calls import Call, calls
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import sure
from groundhog_otel.store.model import Recording

__all__ = ("LARGE_BYTES", "detect")

LARGE_BYTES: Final = 40_000
"""Some 10,000 tokens of a language model, where clients of tools begin to warn, or to cut answers off."""
_TOKEN_BYTES: Final = 4
"""Of English text and of JSON, about."""
_FEWEST: Final = 3
"""Large ones. A list is the same for everybody: one is enough."""
_SMALL_BYTES: Final = 4_000
"""Payloads up to it show what a call costs beside its payload."""
_HANDSHAKES: Final = frozenset({"initialize", "server/discover"})
"""Small, but what they take is the start of the other process, or of a connection."""
_MS_PER_MB: Final = 16.0
"""What one more MB of text adds to a call at the least: measured over pipes (16 to 22) and HTTP (33 to 36), on mcp 1.30
and 2.3. For recordings that do not show it themselves, as their clients were not watched."""
_LISTS: Final = frozenset({"tools/list", "prompts/list", "resources/list", "resources/templates/list"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """One direction of payloads, and what to say of it."""

    key: str
    what: str
    advice: str


_ANSWERS: Final = _Kind(
    semconv.RESPONSE_SIZE,
    "answers",
    "Return a page, a summary, or a link to a resource that is read when it is needed; not all there is.",
)
_REQUESTS: Final = _Kind(
    semconv.REQUEST_SIZE,
    "requests",
    "Pass a link to the data, a path or an id, not the data itself.",
)
_SCHEMAS: Final = _Kind(
    semconv.RESPONSE_SIZE,
    "lists",
    "Shorten descriptions and schemas, or offer fewer of them at a time: each conversation carries the whole list.",
)

_Pair = tuple[str, str]
"""The services of a client and of a server."""
_Cost = Callable[[Call, float], float]


def detect(recording: Recording) -> list[Finding]:
    """Find operations whose parameters or results are large, and what that costs.

    It needs the detail attributes on spans. What a payload costs is what its call takes beyond the server's part and
    beyond what small calls between the same two services take; where there are none, or clients were not recorded,
    the least that we have measured ourselves.
    """
    by_name: dict[tuple[str, str], list[Call]] = defaultdict(list)
    found = calls(recording.spans)
    for one in found:
        if not one.failed:
            by_name[one.service, one.name].append(one)
    beside_s = _beside(found)

    def cost_ms(call: Call, size: float) -> float:
        """Return the milliseconds that a call takes for the sake of its payload, of which ``size`` bytes are meant."""
        pair, own_s = _pair(call), _outside_s(call)
        if pair is not None and own_s is not None and pair in beside_s:
            both = sum(call.number(key) or 0.0 for key in (semconv.REQUEST_SIZE, semconv.RESPONSE_SIZE))
            return max(0.0, own_s - beside_s[pair]) * 1000 * (size / both if both else 0.0)
        on_a_wire = semconv.NETWORK_TRANSPORT in call.span.attributes
        return size / 1e6 * _MS_PER_MB if on_a_wire else 0.0

    findings = (
        _finding(service, name, kind, group, cost_ms)
        for (service, name), group in sorted(by_name.items())
        for kind in ((_SCHEMAS,) if group[0].method in _LISTS else (_ANSWERS, _REQUESTS))
    )
    return [one for one in findings if one is not None]


def _finding(service: str, name: str, kind: _Kind, group: list[Call], cost_ms: _Cost) -> Finding | None:
    sizes = [(one, size) for one in group if (size := one.number(kind.key)) is not None]
    if kind is _SCHEMAS:
        large = _whole_lists(sizes)
    else:
        large = [(one, size) for one, size in sizes if size >= LARGE_BYTES]
        if len(large) < _FEWEST:
            return None
    if not large:
        return None
    typical = median(size for _, size in large)
    costs_ms = [cost_ms(one, size) for one, size in large]
    # A server alone does not see what its answers take on their way.
    whole_ms = sum(
        one.waited_s * 1000 + (cost if one.client is None else 0.0)
        for (one, _), cost in zip(large, costs_ms, strict=True)
    )
    share = min(1.0, sum(costs_ms) / whole_ms) if whole_ms else 0.0
    tokens = typical / _TOKEN_BYTES
    impact_ms = sum(costs_ms) / len(costs_ms)
    measured = sum(_outside_s(one) is not None for one, _ in large)
    return Finding(
        detector="large_payloads",
        service=service,
        target=name,
        says=f"{len(large)} of {len(sizes)} {kind.what} of {name} have {LARGE_BYTES / 1000:.0f} kB or more, "
        f"{typical / 1000:.0f} kB in the median: some {tokens:,.0f} tokens of a model's context, and {share:.0%} of "
        "the time of these calls.",
        advice=kind.advice,
        impact_ms=impact_ms,
        affected=len(large),
        # Sizes are counted; what they cost is known where both sides were recorded.
        confidence=sure(len(large), half=0.2) * (0.95 if measured * 2 > len(large) else 0.7),
        evidence=_evidence(large),
        figures={
            "large": len(large),
            "calls": len(sizes),
            "median_size_bytes": typical,
            "largest_size_bytes": max(size for _, size in large),
            "tokens": tokens,
            "share": share,
        },
    )


def _whole_lists(sizes: Iterable[tuple[Call, float]]) -> list[tuple[Call, float]]:
    """Return what each caller was given in all, with the fetch of the last page; digests tell the pages apart."""
    pages: dict[object, dict[object, tuple[Call, float]]] = defaultdict(dict)
    for one, size in sizes:
        pages[one.caller].setdefault(one.digest, (one, size))
    whole = [(list(found.values())[-1][0], sum(size for _, size in found.values())) for found in pages.values()]
    return [(one, size) for one, size in whole if size >= LARGE_BYTES]


def _beside(found: Iterable[Call]) -> Mapping[_Pair, float]:
    """Return the seconds that small calls take outside of the server, by the services on both sides."""
    small: dict[_Pair, list[float]] = defaultdict(list)
    for one in found:
        own_s = _outside_s(one)
        sizes = [one.number(key) for key in (semconv.REQUEST_SIZE, semconv.RESPONSE_SIZE)]
        pair = _pair(one)
        if pair is None or own_s is None or one.method in _HANDSHAKES:
            continue
        if all(size is not None and size <= _SMALL_BYTES for size in sizes):
            small[pair].append(own_s)
    return {pair: median(times) for pair, times in small.items() if len(times) >= _FEWEST}


def _pair(call: Call) -> _Pair | None:
    if call.client is None or call.server is None:
        return None
    return call.client.process.service, call.server.process.service


def _outside_s(call: Call) -> float | None:
    """Return the seconds that a call takes outside of its server: wire, writing and reading."""
    if call.client is None or call.server is None:
        return None
    return max(0.0, call.client.duration_s - call.server.duration_s)


def _evidence(large: list[tuple[Call, float]]) -> tuple[Evidence, ...]:
    largest = sorted(large, key=lambda item: (-item[1], item[0].span.trace_id, item[0].span.span_id))[:3]
    return tuple(
        Evidence(f"{size / 1000:.0f} kB, in {one.waited_s * 1000:.1f} ms.", one.span.trace_id, one.span.span_id)
        for one, size in largest
    )

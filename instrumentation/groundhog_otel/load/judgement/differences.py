"""In what two load tests differ but their latencies: what else may be to blame for a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from groundhog_otel.load.judgement.soundness import faults
from groundhog_otel.load.results.result import LoadResult

__all__ = ("differences",)

_MISSING: Final = object()


def differences(baseline: LoadResult, result: LoadResult) -> tuple[str, ...]:
    """Return a sentence for each: operations of one test only, configuration, server, machine, and unsound results."""
    return tuple(_differences(baseline, result))


def _differences(baseline: LoadResult, result: LoadResult) -> Iterator[str]:
    for name, one in (("baseline", baseline), ("result", result)):
        for fault in faults(one):
            yield f"the {name} is not valid: {fault}"
        if one.interrupted is not None:
            yield f"the {name} ended early: {one.interrupted}"
    before, now = ({one.name for one in each.operations} for each in (baseline, result))
    for name in sorted(before - now):
        yield f"{name} is in the baseline only"
    for name in sorted(now - before):
        yield f"{name} is in the result only"
    yield from _changed("", _facts(baseline), _facts(result))


def _facts(one: LoadResult) -> dict[str, Any]:
    server = one.server
    return {
        "target": one.target,
        "model": one.model,
        "workers": one.workers,
        "server": None
        if server is None
        else {
            "name": server.name,
            "version": server.version,
            "protocol": server.protocol_version,
            "transport": server.transport,
        },
        "machine": dict(one.machine),
        "config": dict(one.config),
    }


def _changed(path: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}, key=str):
            yield from _changed(f"{path}.{key}".lstrip("."), before.get(key, _MISSING), now.get(key, _MISSING))
    elif before != now:
        yield f"{path} differs: {_short(before)} before, {_short(now)} now"


def _short(value: object) -> str:
    if value is _MISSING:
        return "not given"
    words = value if isinstance(value, str) else repr(value)
    return words if len(words) <= 60 else f"{words[:57]}..."

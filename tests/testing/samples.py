"""Conforming telemetry to do damage to: recorded once, from the real SDK over streamable HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import anyio
from opentelemetry.sdk.metrics.export import Metric
from opentelemetry.sdk.trace import ReadableSpan

from groundhog_otel import testing
from tests.support import everything, sdk


@dataclass(frozen=True, slots=True)
class Sample:
    """What one session left behind."""

    spans: tuple[ReadableSpan, ...]
    metrics: tuple[Metric, ...]


@cache
def recorded() -> Sample:
    """Return the telemetry of every message there is, and of some that failed."""

    async def session() -> None:
        async with AsyncExitStack() as opened:
            url = opened.enter_context(sdk.http_server(make=everything.make_server))
            connected = await opened.enter_async_context(sdk.over_http(url, **everything.callbacks()))
            await everything.exchange(connected)
            await connected.call_tool("add", {"a": 1, "b": 2})
            await connected.call_tool("boom", {})
            with suppress(Exception):
                await connected.read_resource(sdk.uri("memo://nowhere"))
            with suppress(Exception):
                await connected.get_prompt("nobody", {})

    with testing.capture() as captured:
        anyio.run(session)
    return Sample(tuple(captured.spans()), tuple(captured.metrics))


def changed(span: ReadableSpan, **fields: Any) -> ReadableSpan:
    """Return a copy of a span that differs in these fields."""
    same: dict[str, Any] = {
        "name": span.name,
        "context": span.context,
        "parent": span.parent,
        "attributes": dict(span.attributes or {}),
        "links": span.links,
        "kind": span.kind,
        "status": span.status,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "instrumentation_scope": span.instrumentation_scope,
    }
    return ReadableSpan(**{**same, **fields})


def without(attributes: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """Return attributes without one of them."""
    return {key: value for key, value in (attributes or {}).items() if key != name}


def changed_points(metric: Metric, **fields: Any) -> Metric:
    """Return a copy of a metric whose every point differs in these fields."""
    data: Any = metric.data
    points = [replace(point, **fields) for point in data.data_points]
    return replace(metric, data=replace(data, data_points=points))

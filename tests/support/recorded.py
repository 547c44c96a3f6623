"""A small recording, made by hand and written down as the exporters would."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from groundhog_otel.store.model import Kind, Point, Process, Recording, Run, Series, Span, Status

CLIENT = Process("app", 11)
SERVER = Process("srv", 22)
MS = 1_000_000
START = 1_800_000_000 * 1_000_000_000


def span(
    name: str = "tools/call nap",
    *,
    kind: Kind = "client",
    process: Process = CLIENT,
    ms: float = 10,
    at_ms: float = 0,
    trace: int = 1,
    own: int = 1,
    parent: int | None = None,
    error: str | None = None,
    status: Status = "unset",
    method: str | None = "",
) -> Span:
    """Return a span; ``method`` empty is the name's first word, None is no MCP operation."""
    attributes: dict[str, Any] = {}
    if method is not None:
        attributes["mcp.method.name"] = method or name.split(maxsplit=1)[0]
    if error is not None:
        attributes["error.type"] = error
    start_ns = START + int(at_ms * MS)
    return Span(
        trace_id=f"{trace:032x}",
        span_id=f"{own:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=name,
        kind=kind,
        start_ns=start_ns,
        end_ns=start_ns + int(ms * MS),
        process=process,
        scope="groundhog_otel.mcp",
        status="error" if error else status,
        attributes=attributes,
    )


def series(name: str, *values: float, process: Process = CLIENT, unit: str = "1", **attributes: str) -> Series:
    """Return a series with a value a second; ``_`` in an attribute's name stands for a dot."""
    points = tuple(Point(START + index * 1000 * MS, value) for index, value in enumerate(values))
    return Series(name, unit, process, {key.replace("_", "."): value for key, value in attributes.items()}, points)


def recording(spans: Sequence[Span] = (), numbers: Sequence[Series] = (), **rest: Any) -> Recording:
    """Return a recording of one run."""
    runs = rest.pop("runs", (Run("run-1", Path("store/run-1")),))
    return Recording(runs=runs, spans=tuple(spans), series=tuple(numbers), lines=rest.pop("lines", 2), **rest)


def traces_line(*spans: Span) -> str:
    """Return one line of OTLP JSON with the spans of one process."""
    kinds = ("unspecified", "internal", "server", "client", "producer", "consumer")
    encoded = [
        {
            "traceId": one.trace_id,
            "spanId": one.span_id,
            **({"parentSpanId": one.parent_id} if one.parent_id else {}),
            "name": one.name,
            "kind": kinds.index(one.kind),
            "startTimeUnixNano": str(one.start_ns),
            "endTimeUnixNano": str(one.end_ns),
            "attributes": attributes_json(one.attributes),
            "status": {"code": ("unset", "ok", "error").index(one.status)},
        }
        for one in spans
    ]
    scope = {"scope": {"name": "groundhog_otel.mcp"}, "spans": encoded}
    resource = {"attributes": attributes_json({"service.name": spans[0].process.service})}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}) + "\n"


def attributes_json(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return attributes of text as OTLP JSON has them."""
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]

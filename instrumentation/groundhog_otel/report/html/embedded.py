"""The traces as the page's script reads them: columns of numbers, and each text once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundhog_otel.analysis.operations import error_of
from groundhog_otel.analysis.waterfall import Row, waterfall
from groundhog_otel.html.markup import plain
from groundhog_otel.report.content import Key, Report, key_of
from groundhog_otel.report.disclosure import shown_value
from groundhog_otel.store.model import Event, Trace, Value

__all__ = ("columns",)

_LARGEST_WHOLE = 2**53
"""Beyond, numbers of JavaScript are not exact."""


def columns(report: Report, traces: Iterable[Trace], *, content: bool) -> dict[str, Any]:
    """Return ``traces`` of a report, laid out: the spans of one are together, each before those below it.

    Every time is in microseconds: of a trace from the start of the recording, of all others from the start of their
    trace. ``outer`` has the spans that make a row each: operations that are not within another one, and the first span
    of traces without any. ``content`` shows also texts that may be what was in a message.
    """
    numbers: dict[Key, int] = {
        (one.side, one.service, one.method, one.name): number
        for number, one in enumerate(report.summary.operations)
    }  # fmt: skip
    writer = _Writer(numbers, start_ns=report.start_ns, content=content)
    for trace in traces:
        writer.add(trace)
    return {
        "start_ms": report.start_ns / 1e6,
        "operations": [
            {"name": plain(one.name), "service": plain(one.service), "side": one.side,
             "limit_us": round(one.budget.limit_s * 1e6)}
            for one in report.summary.operations
        ],
        **writer.written(),
    }  # fmt: skip


class _Writer:
    """Collects the columns, trace by trace."""

    def __init__(self, numbers: Mapping[Key, int], *, start_ns: int, content: bool) -> None:
        self._numbers, self._start_ns, self._content = numbers, start_ns, content
        self._names, self._origins, self._errors, self._values, self._shapes = (_Numbered() for _ in range(5))
        self._trace_ids: list[str] = []
        self._span_ids: list[str] = []
        self._outer: list[int] = []
        self._orphans: list[int] = []
        self._traces: dict[str, list[int]] = {"first": [], "at": []}
        self._spans: dict[str, list[int]] = {
            name: [] for name in ("depth", "name", "origin", "error", "at", "length", "operation", "shape", "values")
        }
        self._events: dict[str, list[int]] = {name: [] for name in ("span", "name", "at", "shape", "values")}

    def add(self, trace: Trace) -> None:
        laid_out = waterfall(trace, trace.spans[0])
        self._trace_ids.append(trace.trace_id)
        self._traces["first"].append(len(self._span_ids))
        start_ns = min(span.start_ns for span in trace.spans)
        self._traces["at"].append((start_ns - self._start_ns) // 1000)
        first, any_outer = len(self._span_ids), False
        within: int | None = None  # the depth of the operation that the row is within
        for row in laid_out.rows:
            if within is not None and row.depth <= within:
                within = None
            key = key_of(row.span)
            if key is not None and within is None:
                within, any_outer = row.depth, True
                self._outer.append(len(self._span_ids))
            self._add(row, -1 if key is None else self._numbers[key], start_ns)
        if not any_outer:
            self._outer.append(first)

    def _add(self, row: Row, operation: int, start_ns: int) -> None:
        span, into = row.span, self._spans
        number = len(self._span_ids)
        self._span_ids.append(span.span_id)
        if row.orphan:
            self._orphans.append(number)
        error = error_of(span)
        into["depth"].append(row.depth)
        into["name"].append(self._names.of(plain(span.name)))
        origin = (plain(span.process.service), span.process.pid, span.kind, plain(span.scope))
        into["origin"].append(self._origins.of(origin))
        into["error"].append(-1 if error is None else self._errors.of(plain(error)))
        into["at"].append((span.start_ns - start_ns) // 1000)
        into["length"].append(max(span.end_ns - span.start_ns, 0) // 1000)
        into["operation"].append(operation)
        self._describe(span.attributes, into)
        for event in span.events:
            self._event(event, number, start_ns)

    def _event(self, event: Event, number: int, start_ns: int) -> None:
        into = self._events
        into["span"].append(number)
        into["name"].append(self._names.of(plain(event.name)))
        into["at"].append((event.time_ns - start_ns) // 1000)
        self._describe(event.attributes, into)

    def _describe(self, attributes: Mapping[str, Value], into: dict[str, list[int]]) -> None:
        into["shape"].append(self._shapes.of(tuple(self._names.of(plain(name)) for name in attributes)))
        into["values"].extend(self._value(name, value) for name, value in attributes.items())

    def _value(self, name: str, value: Value) -> int:
        shown = shown_value(name, value, content=self._content)
        if isinstance(shown, str):
            shown = plain(shown)
        elif isinstance(shown, int | float) and (not math.isfinite(shown) or abs(shown) > _LARGEST_WHOLE):
            shown = str(shown)
        return self._values.of((type(shown), shown))

    def written(self) -> dict[str, Any]:
        return {
            "names": self._names.all(),
            "origins": self._origins.all(),
            "errors": self._errors.all(),
            "values": [value for _, value in self._values.all()],
            "shapes": self._shapes.all(),
            "traces": {"id": "".join(self._trace_ids), **self._traces},
            "spans": {"id": "".join(self._span_ids), "orphans": self._orphans, **self._spans},
            "events": self._events,
            "outer": self._outer,
        }


class _Numbered:
    """Gives each thing a number, the same to the same."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def of(self, one: Any) -> int:
        return self._numbers.setdefault(one, len(self._numbers))

    def all(self) -> Sequence[Any]:
        return list(self._numbers)

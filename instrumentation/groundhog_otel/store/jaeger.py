"""Traces out of Jaeger, by its query API (``/api/v3``: OTLP JSON)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Span, Trace
from groundhog_otel.store.otlp import MalformedError, spans_of
from groundhog_otel.store.source import Stored
from groundhog_otel.store.web import RefusedError, Web

__all__ = ("Jaeger",)

_PAGE: Final = 200
"""Traces that are asked for at once."""
_SHORTEST_NS: Final = 1_000_000
"""A window that is not split any more: of more traces than a page that begin within it, some are left out."""


class Jaeger:
    """A Jaeger, by the address of its query service: ``http://host:port``."""

    def __init__(self, address: str) -> None:
        """Remember the address.

        Raises:
            StoreError: it is no web address.
        """
        self._web = Web(address, "Jaeger", service="Jaeger 2's query service")

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return self._web.name

    def look(self, trace_ids: Collection[str]) -> Mapping[str, Stored]:
        """Return those of the traces that are there by now; a trace may still grow.

        Raises:
            StoreError: Jaeger does not answer, or not as it should.
        """
        found = {}
        for trace_id in trace_ids:
            trace = self.trace(trace_id)
            if trace is not None:
                found[trace_id] = Stored(trace, self.page(trace_id))
        return found

    def trace(self, trace_id: str) -> Trace | None:
        """Return a trace by its id (32 hexadecimal digits); None when there is none.

        Raises:
            StoreError: Jaeger does not answer, or not as it should.
        """
        try:
            body = self._web.get(f"/api/v3/traces/{trace_id}")
        except RefusedError as error:
            if _is_nothing_found(error):
                return None
            raise
        spans = self._spans(body)
        return Trace(trace_id, tuple(spans)) if spans else None

    def services(self) -> tuple[str, ...]:
        """Return the services that it has spans of.

        Raises:
            StoreError: Jaeger does not answer, or not as it should.
        """
        answer = self._web.get_json("/api/v3/services")
        found = answer.get("services") or []
        if not answer.keys() <= {"services"} or not isinstance(found, list):
            raise StoreError(f"{self.name} answers something else than its services: is that Jaeger 2's query service?")
        return tuple(sorted(str(one) for one in found))

    def search(
        self, *, since_ns: int, until_ns: int, services: Iterable[str] = (), most: int = 1000
    ) -> tuple[tuple[Trace, ...], bool]:
        """Return whole traces, and whether those are all.

        Args:
            since_ns: In nanoseconds since 1970; a span of one of the services began between this and ``until_ns``.
            until_ns: See above.
            services: None for any.
            most: How many traces, the newest.

        Raises:
            StoreError: Jaeger does not answer, or not as it should.
        """
        found: dict[str, list[Span]] = {}
        complete = True
        for service in tuple(services) or self.services():
            # There is no second page to ask for: of a window with more traces than one holds, the halves are asked for.
            windows = [(since_ns, until_ns)]
            of_service: dict[str, list[Span]] = {}
            while windows and len(of_service) < most:
                begin_ns, end_ns = windows.pop()
                page = self._page(service, begin_ns, end_ns)
                if len(page) >= _PAGE and end_ns - begin_ns > _SHORTEST_NS:
                    middle_ns = (begin_ns + end_ns) // 2
                    windows += [(begin_ns, middle_ns), (middle_ns, end_ns)]
                else:
                    complete = complete and len(page) < _PAGE
                    of_service.update(page)
            complete = complete and not windows
            found.update(of_service)
        newest = sorted(found.items(), key=lambda one: min(span.start_ns for span in one[1]))
        kept = newest[-most:] if most else []
        return tuple(Trace(trace_id, tuple(spans)) for trace_id, spans in kept), complete and len(kept) == len(newest)

    def _page(self, service: str, begin_ns: int, end_ns: int) -> dict[str, list[Span]]:
        query: dict[str, str | int] = {
            "query.service_name": service,
            "query.start_time_min": _rfc3339(begin_ns),
            "query.start_time_max": _rfc3339(end_ns),
            "query.num_traces": _PAGE,
            "query.raw_traces": "true",  # as they were sent: nothing moved to make up for clocks
        }
        try:
            body = self._web.get("/api/v3/traces", **query)
        except RefusedError as error:
            if _is_nothing_found(error):
                return {}
            raise
        found: dict[str, list[Span]] = {}
        for span in self._spans(body):
            found.setdefault(span.trace_id, []).append(span)
        return found

    def page(self, trace_id: str) -> str:
        """Return the address of a trace's page."""
        return f"{self._web.address}/trace/{trace_id}"

    def command(self, trace_id: str) -> str | None:  # noqa: ARG002 - of the protocol
        """Return None: it has a page."""
        return None

    def _spans(self, body: bytes) -> list[Span]:
        try:
            return _spans(body)
        except (MalformedError, ValueError) as error:
            raise StoreError(f"{self.name} answers something else than a trace ({error})") from None


def _is_nothing_found(error: RefusedError) -> bool:
    return error.code == 404 and b"No traces found" in error.body


def _rfc3339(time_ns: int) -> str:
    seconds, rest_ns = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest_ns:09d}Z"


def _spans(body: bytes) -> list[Span]:
    """Return the spans of an answer: one message, or one after the other where it is large."""
    text, decoder, spans, at = body.decode(), json.JSONDecoder(), list[Span](), 0
    while at < len(text):
        message, at = decoder.raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
        result: Any = message.get("result") if isinstance(message, dict) else None
        if not isinstance(result, dict):
            raise MalformedError("no result in it")
        spans += spans_of(result)
    return spans

"""Traces out of Jaeger, by its query API (``/api/v3``: OTLP JSON)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Span, Trace
from groundhog_otel.store.otlp import MalformedError, spans_of
from groundhog_otel.store.source import Stored

__all__ = ("Jaeger",)

_TIMEOUT_S: Final = 10.0


class Jaeger:
    """A Jaeger, by the address of its query service: ``http://host:port``."""

    def __init__(self, address: str) -> None:
        """Remember the address.

        Raises:
            StoreError: it is no web address.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StoreError(f"{address!r} is not the address of a Jaeger. Write http://host:port")
        self._address = address.rstrip("/")
        # A proxy in the environment is for the world outside; it cannot reach our loopback.
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        self._opener = build_opener(*([ProxyHandler({})] if local else []))

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return f"Jaeger at {self._address}"

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
            with self._opener.open(f"{self._address}/api/v3/traces/{trace_id}", timeout=_TIMEOUT_S) as answer:
                body = answer.read()
        except HTTPError as error:
            if error.code == 404 and b"No traces found" in error.read(1000):
                return None
            raise StoreError(f"{self.name} answers {error.code}: is that Jaeger 2's query service?") from None
        except (OSError, HTTPException) as error:
            raise StoreError(
                f"{self.name} does not answer ({getattr(error, 'reason', error)}): name another one"
            ) from None
        try:
            spans = _spans(body)
        except (MalformedError, ValueError) as error:
            raise StoreError(f"{self.name} answers something else than a trace ({error})") from None
        return Trace(trace_id, tuple(spans)) if spans else None

    def page(self, trace_id: str) -> str:
        """Return the address of a trace's page."""
        return f"{self._address}/trace/{trace_id}"

    def command(self, trace_id: str) -> str | None:  # noqa: ARG002 - of the protocol
        """Return None: it has a page."""
        return None


def _spans(body: bytes) -> list[Span]:
    """Return the spans of an answer: one message, or one after the other where the trace is large."""
    text, decoder, spans, at = body.decode(), json.JSONDecoder(), list[Span](), 0
    while at < len(text):
        message, at = decoder.raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
        result: Any = message.get("result") if isinstance(message, dict) else None
        if not isinstance(result, dict):
            raise MalformedError("no result in it")
        spans += spans_of(result)
    return spans

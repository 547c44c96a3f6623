"""Recorded traces, sent on by OTLP/HTTP: line by line as they were exported, so with their own ids and timestamps."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import signal_files
from groundhog_otel.store.model import Unreadable
from groundhog_otel.store.otlp import MalformedError, decode_spans

__all__ = ("Batch", "Replayed", "replay", "sender", "wanted_batches")

_RETRYABLE: Final = frozenset({429, 502, 503, 504})  # of the OTLP specification, "retryable response codes"
_WAITS_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Batch:
    """One line of a recording: what a process exported at once."""

    body: bytes
    """An OTLP JSON ``ExportTraceServiceRequest``."""
    traces: frozenset[str]
    spans: int


@dataclass
class Replayed:
    """What was sent."""

    spans: int = 0
    traces: set[str] = field(default_factory=set)
    rejected: int = 0
    """Spans that the receiver took note of and would not have."""
    reasons: list[str] = field(default_factory=list)


def wanted_batches(runs: Sequence[Path], *, trace_id: str | None, unreadable: list[Unreadable]) -> Iterator[Batch]:
    """Return the recorded batches of spans, reduced to one trace where ``trace_id`` (hexadecimal) names one.

    Lines that cannot be read are added to ``unreadable``.

    Raises:
        OSError: a file cannot be opened or read.
    """
    for run in runs:
        for file in signal_files(run, "traces"):
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    try:
                        ids = [span.trace_id for span in decode_spans(line)]
                    except MalformedError:
                        unreadable.append(Unreadable(file, number))
                        continue
                    if trace_id is not None:
                        ids = [one for one in ids if one == trace_id]
                        line = _only(json.loads(line), trace_id)  # noqa: PLW2901 - what is left of it
                    if ids:
                        yield Batch(line.strip(), frozenset(ids), len(ids))


def _only(request: dict[str, Any], trace_id: str) -> bytes:
    for group in request["resourceSpans"]:
        for scoped in group.get("scopeSpans") or ():
            scoped["spans"] = [one for one in scoped.get("spans") or () if one["traceId"].lower() == trace_id]
    return json.dumps(request).encode()


def replay(batches: Iterator[Batch], send: Callable[[bytes], dict[str, Any]]) -> Replayed:
    """Send every batch; return what was sent.

    Raises:
        StoreError: the receiver does not answer, or refuses a batch. The message says how much was sent before.
    """
    done = Replayed()
    for batch in batches:
        try:
            answer = send(batch.body)
        except StoreError as error:
            sent = f"{done.spans} spans were sent before" if done.spans else "nothing was sent"
            raise StoreError(f"{error}; {sent}") from error
        partial = answer.get("partialSuccess") or {}
        rejected = int(partial.get("rejectedSpans") or 0)
        done.rejected += rejected
        done.spans += batch.spans - rejected
        done.traces |= batch.traces
        reason = str(partial.get("errorMessage") or "")
        if reason and reason not in done.reasons:
            done.reasons.append(reason)
    return done


def sender(endpoint: str, *, sleep: Callable[[float], None] = time.sleep) -> Callable[[bytes], dict[str, Any]]:
    """Return a function that posts one request to an OTLP/HTTP endpoint (its base address) and returns the answer.

    It waits and tries again when the answer says that it may, for 16 seconds in all.

    Raises:
        StoreError: the endpoint is no web address. So does the returned function, when there is no good answer.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreError(f"{endpoint!r} is not an OTLP/HTTP endpoint. Write http://host:port")
    url = endpoint.rstrip("/")
    url = url if url.endswith("/v1/traces") else f"{url}/v1/traces"
    # A proxy in the environment is for the world outside; it cannot reach our loopback.
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))

    def send(body: bytes) -> dict[str, Any]:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked
        for wait_s in (*_WAITS_S, None):
            try:
                with opener.open(request, timeout=_TIMEOUT_S) as answer:
                    return _answer(answer.read())
            except urllib.error.HTTPError as error:
                told = error.read(300).decode("utf-8", "replace").strip()
                reason = f"{url} answers {error.code} ({told or error.reason})"
                if error.code not in _RETRYABLE or wait_s is None:
                    raise StoreError(f"{reason}: is that an OTLP/HTTP endpoint, and ready?") from None
            except OSError as error:
                cause = getattr(error, "reason", error)
                if wait_s is None or isinstance(cause, ConnectionRefusedError):
                    raise StoreError(
                        f"nothing takes traces at {url} ({cause}): start it with `groundhog stack up`, "
                        "or name another with --endpoint"
                    ) from None
            sleep(wait_s)
        raise AssertionError

    return send


def _answer(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

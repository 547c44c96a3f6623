"""Recorded traces, sent on by OTLP/HTTP: line by line as they were exported, so with their own ids and timestamps."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import signal_files
from groundhog_otel.store.model import Span, Unreadable
from groundhog_otel.store.otlp import MalformedError, decode_spans

__all__ = ("REPLAYED", "Batch", "Replayed", "replay", "sender", "trace_files", "traces_of", "wanted_batches")

REPLAYED: Final = "groundhog.replay"
"""The attribute of a resource whose traces the Collector keeps."""

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


def trace_files(runs: Iterable[Path]) -> list[Path]:
    """Return the files of spans of these runs."""
    return [file for run in runs for file in signal_files(run, "traces")]


def traces_of(service: str, files: Iterable[Path]) -> frozenset[str]:
    """Return the ids of the traces in which a service has a span.

    Raises:
        StoreError: it has none; the message names the services that have.
        OSError: a file cannot be opened or read.
    """
    found: dict[str, set[str]] = {}
    for file in files:
        for _, spans in _lines(file, []):
            for span in spans:
                found.setdefault(span.process.service, set()).add(span.trace_id)
    if service not in found:
        names = ", ".join(sorted(found)) or "none at all"
        raise StoreError(f"there is no span of a service {service!r}. Recorded services: {names}. Try --run all.")
    return frozenset(found[service])


def wanted_batches(
    files: Iterable[Path],
    *,
    traces: frozenset[str] | None = None,
    keep_all: bool = False,
    unreadable: list[Unreadable],
) -> Iterator[Batch]:
    """Return the recorded batches of spans, reduced to the ``traces`` (ids in hexadecimal) where there are some.

    With ``keep_all`` their resource says ``groundhog.replay``, which has our Collector keep every trace. Lines that
    cannot be read, or are no spans, are added to ``unreadable``.

    Raises:
        OSError: a file cannot be opened or read.
    """
    for file in files:
        for line, spans in _lines(file, unreadable):
            ids = [span.trace_id for span in spans if traces is None or span.trace_id in traces]
            if not ids:
                continue
            request = json.loads(line)
            if traces is not None:
                _reduce(request, traces)
            if keep_all:
                _mark(request)
            untouched = traces is None and not keep_all
            yield Batch(line if untouched else json.dumps(request).encode(), frozenset(ids), len(ids))


def _lines(file: Path, unreadable: list[Unreadable]) -> Iterator[tuple[bytes, list[Span]]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    spans = decode_spans(line)
                except MalformedError:
                    spans = []
                if spans:
                    yield line.strip(), spans
                else:
                    unreadable.append(Unreadable(file, number))


def _reduce(request: dict[str, Any], traces: frozenset[str]) -> None:
    for group in request["resourceSpans"]:
        for scoped in group.get("scopeSpans") or ():
            scoped["spans"] = [one for one in scoped.get("spans") or () if one["traceId"].lower() in traces]


def _mark(request: dict[str, Any]) -> None:
    for group in request["resourceSpans"]:
        resource = group["resource"] = group.get("resource") or {}
        attributes = [one for one in resource.get("attributes") or () if one.get("key") != REPLAYED]
        resource["attributes"] = [*attributes, {"key": REPLAYED, "value": {"boolValue": True}}]


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
            except (ConnectionResetError, HTTPException) as error:
                raise StoreError(f"{url} does not speak HTTP ({error}): is that a port of OTLP/gRPC?") from None
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

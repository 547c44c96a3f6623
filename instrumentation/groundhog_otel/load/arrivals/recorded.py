"""The arrivals that a recording shows, to be replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from groundhog_otel import semconv
from groundhog_otel.load.arrivals.schedules import Replay
from groundhog_otel.load.errors import LoadError
from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Recording, Span
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("replay_of", "starts_of")

_OF_THE_SESSION: Final = ("initialize", "server/discover")
"""What every client sends by itself as it connects; a load test's clients do, too."""


def replay_of(place: Path, *, run: str = LATEST) -> Replay:
    """Return the schedule of a run that is recorded below ``place``.

    Raises:
        LoadError: there is no such run, or it holds no request.
    """
    try:
        recording = read_runs(select_runs(place, run))
    except StoreError as error:
        raise LoadError(f"{str(error)[0].upper()}{str(error)[1:]}") from None
    except OSError as error:
        raise LoadError(f"Cannot read {place} ({error.strerror})") from None
    starts = starts_of(recording)
    if not starts:
        raise LoadError(f"{place} holds no request of an MCP client or server in its run {recording.runs[-1].run_id}")
    return Replay(starts, f"{place} {recording.runs[-1].run_id}")


def starts_of(recording: Recording) -> tuple[float, ...]:
    """Return when the requests in a recording were sent, in seconds after the first.

    A request is seen by its client's span, and by its server's where the client's is not recorded. One that a server
    sends on behalf of another, within the same trace, is that server's doing and not replayed.
    """
    begun = []
    for trace in recording.traces():
        requests = [span for span in trace.spans if _is_request(span)]
        known = {span.span_id: span for span in trace.spans}
        begun += [span.start_ns for span in requests if not _below_another(span, known)]
    begun.sort()
    return tuple((start_ns - begun[0]) / 1e9 for start_ns in begun)


def _is_request(span: Span) -> bool:
    method = span.attributes.get(semconv.MCP_METHOD_NAME)
    if span.kind not in ("client", "server") or not isinstance(method, str):
        return False
    return method not in _OF_THE_SESSION and not method.startswith("notifications/")


def _below_another(span: Span, known: dict[str, Span]) -> bool:
    seen = {span.span_id}
    parent = known.get(span.parent_id or "")
    while parent is not None and parent.span_id not in seen:
        if _is_request(parent):
            return True
        seen.add(parent.span_id)
        parent = known.get(parent.parent_id or "")
    return False

"""The arrivals that a recording shows, to be replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from groundhog_otel import semconv
from groundhog_otel.load.arrivals.schedules import Replay
from groundhog_otel.load.engine.trace import RUN_ID
from groundhog_otel.load.errors import LoadError
from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Recording, Span
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import ALL, LATEST, RECORD, select_runs

__all__ = ("replay_of", "starts_of")

_OF_THE_SESSION: Final = ("initialize", "server/discover")
"""What every client sends by itself as it connects; a load test's clients do, too."""
_NAMED: Final = 3
"""Runs that are named when there is nothing in any."""


def replay_of(place: Path, *, run: str = LATEST) -> Replay:
    """Return the schedule of a run that is recorded below ``place``; by default the newest that holds requests.

    What load tests have recorded of themselves is passed over, unless it is named: it is a sample of their requests.

    Raises:
        LoadError: there is no such run, or it holds no request.
    """
    passed_over = []
    try:
        runs = select_runs(place, ALL if run == LATEST else run)
        for folder in reversed(runs):
            recording = read_runs([folder])
            starts = starts_of(recording)
            if starts and (len(runs) == 1 or not _of_a_load_test(recording)):
                return Replay(starts, f"{place} {folder.name}")
            passed_over.append(f"{folder.name} is a load test's own" if starts else f"{folder.name} holds no request")
    except StoreError as error:
        raise LoadError(f"{str(error)[0].upper()}{str(error)[1:]}") from None
    except OSError as error:
        raise LoadError(f"Cannot read {place} ({error.strerror})") from None
    said = ", ".join(passed_over[:_NAMED]) + (f" and {left} more" if (left := len(passed_over) - _NAMED) > 0 else "")
    raise LoadError(
        f"There is nothing to replay in {place}: {said}. Record requests of an MCP client or server with: {RECORD}"
    )


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


def _of_a_load_test(recording: Recording) -> bool:
    return any(RUN_ID in span.attributes for span in recording.spans)


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

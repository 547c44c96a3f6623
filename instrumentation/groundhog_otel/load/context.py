"""The trace context of each request: its own trace, sampled, and the run's id as baggage."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

__all__ = ("Contexts", "TraceIds")


@dataclass(frozen=True, slots=True)
class TraceIds:
    """What a request is known by."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """Of the client's span: the parent of the server's."""
    meta: dict[str, str]
    """What goes into ``params._meta``. Source: SEP-414 and W3C Trace Context."""


class Contexts:
    """Makes trace contexts. The ids are random in every run, whatever the test's seed: traces are kept side by side."""

    def __init__(self, run_id: str) -> None:
        self._draw = random.Random(os.urandom(16))  # noqa: S311 - ids are to be different, not secret
        self._baggage = f"groundhog.load.run_id={run_id}"

    def new(self) -> TraceIds:
        """Return the ids of the next request."""
        bits = self._draw.getrandbits
        trace_id, span_id = f"{bits(128) or 1:032x}", f"{bits(64) or 1:016x}"
        return TraceIds(trace_id, span_id, {"traceparent": f"00-{trace_id}-{span_id}-01", "baggage": self._baggage})

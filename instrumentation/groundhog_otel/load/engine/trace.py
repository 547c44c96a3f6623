"""The trace context that each request carries in its ``_meta``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from random import Random
from typing import Final

__all__ = ("RUN_ID", "TraceContexts")

RUN_ID: Final = "groundhog.load.run_id"
"""The Collector keeps every trace with a span that has it (``otel-config.yaml``)."""


class TraceContexts:
    """Draws ids for requests, and writes them down as W3C Trace Context and Baggage have it.

    They come from the operating system's randomness and not from the test's seed: the same test, run twice, is two
    sets of traces.
    """

    def __init__(self, run_id: str) -> None:
        self._draw = Random(int.from_bytes(os.urandom(32), "big")).getrandbits  # noqa: S311 - ids, no secrets
        self._baggage = f"{RUN_ID}={run_id}"

    def next(self) -> tuple[str, str, Mapping[str, str]]:
        """Return a trace id, the id of the client's span, and the ``_meta`` of the request: sampled."""
        # An id of zeros only is not valid.
        trace_id = f"{self._draw(128) or 1:032x}"
        span_id = f"{self._draw(64) or 1:016x}"
        return trace_id, span_id, {"traceparent": f"00-{trace_id}-{span_id}-01", "baggage": self._baggage}

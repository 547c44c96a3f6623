"""From a load test's requests to their stored traces: spans while it runs, links and a latency budget afterwards."""

from __future__ import annotations

__all__ = ()

"""What holds operations up inside a process: the ``groundhog_runtime`` instrumentor."""

from __future__ import annotations

from groundhog_otel.runtime.instrumentor import RuntimeInstrumentor

__all__ = ("RuntimeInstrumentor",)

"""CPU, memory, disk and network of the process and its host: the ``groundhog_resources`` instrumentor."""

from __future__ import annotations

from groundhog_otel.resources.instrumentor import ResourceInstrumentor

__all__ = ("ResourceInstrumentor",)

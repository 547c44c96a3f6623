"""The providers of the SDK, and the exporters below them, found without importing it.

How a provider leads to its exporters is no public interface: what is not found is left alone.
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry import _logs, trace
from opentelemetry import metrics as metrics_api

__all__ = ("exit_handler", "exporters", "providers")

_EXPORTER: Final = ("span_exporter", "_exporter")
_WAYS: Final = (
    "_active_span_processor", "_multi_log_record_processor", "_sdk_config",
    "_span_processors", "_log_record_processors", "_metric_readers", "metric_readers", "_batch_processor",
    *_EXPORTER,
)  # fmt: skip
"""Attributes of providers, processors and readers, SDK 1.43 to 1.45; a wrapping exporter's own is among them."""
_EXIT_HANDLERS: Final = ("_atexit_handler", "_at_exit_handler")


def providers(tracer_provider: Any = None, meter_provider: Any = None, *, metrics: bool = True) -> tuple[Any, ...]:
    """Return the process's providers that can be flushed: those given, else the API's global ones.

    One of metrics that are only ever asked for has nothing to send, and to flush it would take a collection away.
    """
    found = [tracer_provider or trace.get_tracer_provider(), _logs.get_logger_provider()]
    meters = meter_provider or metrics_api.get_meter_provider()
    if metrics and exporters(meters):
        found.append(meters)
    return tuple(provider for provider in found if hasattr(provider, "force_flush"))


def exporters(provider: Any) -> list[Any]:
    """Return the exporters that a provider's telemetry ends up in."""
    found: dict[int, Any] = {}
    todo, seen = [provider], set()
    while todo:
        one = todo.pop()
        seen.add(id(one))
        for name in _WAYS:
            below = getattr(one, name, None)
            if below is not None:
                if name in _EXPORTER and hasattr(below, "export"):
                    found[id(below)] = below
                parts = below if isinstance(below, (tuple, list)) else (below,)
                todo.extend(part for part in parts if id(part) not in seen)
    return list(found.values())


def exit_handler(provider: Any) -> Any:
    """Return what a provider has registered with ``atexit``; None when it will not shut itself down there."""
    return next((handler for name in _EXIT_HANDLERS if (handler := getattr(provider, name, None)) is not None), None)

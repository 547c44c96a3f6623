"""The door to recorded telemetry: a path or an address, and what is there is found out."""

from __future__ import annotations

from pathlib import Path

from groundhog_otel.store import StoreError
from groundhog_otel.store.selection import LATEST
from groundhog_otel.store.telemetry import Files, JaegerAndPrometheus, JaegerTraces, PrometheusMetrics, Telemetry

__all__ = ("Telemetry", "open_source")


def open_source(place: str | Path, *, run: str = LATEST, most: int = 1000) -> Telemetry:
    """Return the telemetry at a place.

    Args:
        place: A folder of recordings, or of one run; the address of a Jaeger's query service or of a Prometheus, as
            ``http://host:port``; or one of each, with a comma between them.
        run: Of a folder: ``latest``, ``all`` or the name of one.
        most: Of a Jaeger: how many traces.

    Raises:
        StoreError: there is nothing there that can be read. The message is one sentence.
    """
    if "://" not in str(place):
        return Files(Path(place), run)
    found = [_backend(address.strip(), most) for address in str(place).split(",")]
    traces = [one for one in found if isinstance(one, JaegerTraces)]
    metrics = [one for one in found if isinstance(one, PrometheusMetrics)]
    if len(found) == 1:
        return found[0]
    if len(traces) != 1 or len(metrics) != 1:
        raise StoreError(
            f"{place} is not one Jaeger and one Prometheus. Write http://jaeger:16686,http://prometheus:9090"
        )
    return JaegerAndPrometheus(traces[0], metrics[0])


def _backend(address: str, most: int) -> JaegerTraces | PrometheusMetrics:
    """Return what answers at an address, after having asked it."""
    traces, metrics = JaegerTraces(address, most=most), PrometheusMetrics(address)
    refused = []
    for source, ask in ((traces, traces.jaeger.services), (metrics, metrics.prometheus.version)):
        try:
            ask()
        except StoreError as error:
            refused.append(error)
        else:
            return source
    if all("does not answer" in str(error) for error in refused):
        raise StoreError(f"nothing answers at {address}: start a Jaeger or a Prometheus there, or name another address")
    raise StoreError(f"{address} is neither a Jaeger 2 nor a Prometheus: name the address of its query service")

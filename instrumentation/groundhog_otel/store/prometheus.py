"""Series and histograms out of Prometheus, by its HTTP API, under the names that OpenTelemetry has for them.

What processes say is named by :mod:`groundhog_otel.catalogue`; metrics that are not in it are not asked for, nor those
that the Collector makes of spans.
``job`` and ``instance`` say whose a series is, and ``target_info`` the pid, where the process has told it
(``OTEL_EXPERIMENTAL_RESOURCE_DETECTORS=process``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from groundhog_otel.catalogue import METRICS, Metric, label
from groundhog_otel.store import StoreError
from groundhog_otel.store.cumulative import joined
from groundhog_otel.store.model import Buckets, Histogram, Point, Process, Series, Value
from groundhog_otel.store.otlp import HistogramSample
from groundhog_otel.store.web import Web

__all__ = ("Prometheus",)

_PAGE_NS: Final = 1800 * 10**9
"""Of samples as they were scraped, so much is asked for at once."""
_AS_SCRAPED_NS: Final = 6 * 3600 * 10**9
"""Of a longer time, so many points are asked for: Prometheus gives no more than 11,000 of a series."""
_POINTS: Final = 5000
_WHOLE_NUMBERS: Final = frozenset({"cpython.gc.generation", "server.port"})
"""Attributes whose values Prometheus has as text, and that are none."""
_PARTS: Final = "bucket|sum"

_METRICS: Final = {one.prometheus: one for one in METRICS.values() if one.source == "sdk"}


class _Sampled(NamedTuple):
    labels: Mapping[str, str]
    points: list[tuple[int, float]]
    """Nanoseconds since 1970, and a finite number."""


class Prometheus:
    """A Prometheus, by its address: ``http://host:port``."""

    def __init__(self, address: str) -> None:
        """Remember the address.

        Raises:
            StoreError: it is no web address.
        """
        self._web = Web(address, "Prometheus", service="Prometheus 2.40 or newer")

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return self._web.name

    def version(self) -> str:
        """Return its version; empty where it was built without one.

        Raises:
            StoreError: it does not answer, or is no Prometheus.
        """
        found = self._web.get_json("/api/v1/status/buildinfo")
        if found.get("status") != "success":
            raise StoreError(f"{self.name} does not say what it is: is that a Prometheus?")
        return str((found.get("data") or {}).get("version", ""))

    def read(
        self, *, since_ns: int, until_ns: int, services: Iterable[str] = ()
    ) -> tuple[tuple[Series, ...], tuple[Histogram, ...]]:
        """Return what was scraped between two instants, of all services or of some.

        Points have the time of the scrape. Beyond six hours there is one for each of 5,000 steps. What the Collector
        goes on passing on of a process that has ended is left out.

        Raises:
            StoreError: Prometheus does not answer, or not as it should.
        """
        chosen = tuple(services)
        told = self._sampled(_selector(["target_info"], chosen), since_ns, until_ns)
        pids = {_instance(one.labels): int(pid) for one in told if (pid := one.labels.get("process_pid", "")).isdigit()}
        sampled = _alive(self._sampled(_selector(_METRICS, chosen), since_ns, until_ns))
        return tuple(_series(sampled, pids)), tuple(_histograms(sampled, pids))

    def _sampled(self, selector: str, since_ns: int, until_ns: int) -> list[_Sampled]:
        found: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
        for answer in self._answers(selector, since_ns, until_ns):
            for one in answer:
                points = found.setdefault(tuple(sorted(one["metric"].items())), {})
                for time_s, text in one["values"]:
                    value = float(text)
                    if math.isfinite(value):
                        points[round(time_s * 1000) * 1_000_000] = value
        return [_Sampled(dict(labels), sorted(points.items())) for labels, points in found.items() if points]

    def _answers(self, selector: str, since_ns: int, until_ns: int) -> Iterator[list[dict[str, Any]]]:
        if until_ns - since_ns > _AS_SCRAPED_NS:
            step_ms = (until_ns - since_ns) // _POINTS // 10**6
            yield self._matrix(
                "query_range", query=selector, start=since_ns / 1e9, end=until_ns / 1e9, step=step_ms / 1e3
            )
            return
        for begin_ns in range(since_ns, until_ns, _PAGE_NS):
            end_ns = min(begin_ns + _PAGE_NS, until_ns)
            window = f"[{max((end_ns - begin_ns) // 10**6, 1)}ms]"
            yield self._matrix("query", query=f"{selector}{window}", time=end_ns / 1e9)

    def _matrix(self, path: str, **query: str | float) -> list[dict[str, Any]]:
        answer = self._web.get_json(f"/api/v1/{path}", **{key: str(value) for key, value in query.items()})
        try:
            data = answer["data"]
            return list(data["result"] if data["resultType"] == "matrix" else [])
        except (KeyError, TypeError):
            raise StoreError(f"{self.name} answers something else than series: is that a Prometheus?") from None


def _selector(names: Iterable[str], services: Iterable[str]) -> str:
    pattern = "|".join(
        f"{name}_({_PARTS})" if name in _METRICS and _METRICS[name].kind == "histogram" else name for name in names
    )
    jobs = "|".join(re.escape(one) for one in services)
    of_jobs = f",job=~{_quoted(jobs)}" if jobs else ""
    return f"{{__name__=~{_quoted(pattern)}{of_jobs}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _instance(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")


def _alive(sampled: list[_Sampled]) -> list[_Sampled]:
    """Return the points up to when anything of a process last changed: the Collector repeats the last ones for long."""
    changed_ns: dict[tuple[str, str], int] = {}
    for one in sampled:
        last_ns, last = one.points[0]
        for time_ns, value in one.points:
            if value != last:
                last_ns, last = time_ns, value
        instance = _instance(one.labels)
        changed_ns[instance] = max(changed_ns.get(instance, 0), last_ns)
    return [
        one._replace(points=[point for point in one.points if point[0] <= changed_ns[_instance(one.labels)]])
        for one in sampled
        if one.points[0][0] <= changed_ns[_instance(one.labels)]
    ]


def _process(labels: Mapping[str, str], pids: Mapping[tuple[str, str], int]) -> Process:
    instance = _instance(labels)
    return Process(instance[0], pids.get(instance))


def _attributes(metric: Metric, labels: Mapping[str, str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for attribute in sorted(metric.attributes):
        text = labels.get(label(attribute))
        if text:
            found[attribute] = int(text) if attribute in _WHOLE_NUMBERS and text.isdigit() else text
    return found


def _series(sampled: Iterable[_Sampled], pids: Mapping[tuple[str, str], int]) -> Iterator[Series]:
    for one in sampled:
        metric = _METRICS.get(one.labels["__name__"])
        if metric is not None:
            points = tuple(Point(time_ns, value) for time_ns, value in one.points)
            yield Series(metric.name, metric.unit, _process(one.labels, pids), _attributes(metric, one.labels), points)


def _histograms(sampled: Iterable[_Sampled], pids: Mapping[tuple[str, str], int]) -> Iterator[Histogram]:
    """Yield histograms, each put together from its buckets and its sum: of one process there may be several."""
    parts: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, dict[int, float]]] = {}
    for one in sampled:
        name, _, part = one.labels["__name__"].rpartition("_")
        if name in _METRICS and part in ("bucket", "sum"):
            rest = tuple((key, value) for key, value in one.labels.items() if key not in ("__name__", "le"))
            key = one.labels["le"] if part == "bucket" else part
            parts.setdefault((name, rest), {})[key] = dict(one.points)
    samples: dict[tuple[str, Process, tuple[tuple[str, Value], ...], tuple[float, ...]], list[HistogramSample]] = {}
    for stream, ((name, labels), found) in enumerate(parts.items()):
        for sample in _samples(_METRICS[name], dict(labels), found, pids, stream):
            samples.setdefault((name, sample.process, sample.attributes, sample.boundaries), []).append(sample)
    for (name, process, attributes, boundaries), of_series in samples.items():
        metric = _METRICS[name]
        yield Histogram(metric.name, metric.unit, process, dict(attributes), boundaries, joined(of_series))


def _samples(
    metric: Metric,
    labels: Mapping[str, str],
    found: Mapping[str, Mapping[int, float]],
    pids: Mapping[tuple[str, str], int],
    stream: int,
) -> Iterator[HistogramSample]:
    ends = sorted((float(end), end) for end in found if end != "sum")
    if not ends or not math.isinf(ends[-1][0]):
        return
    boundaries = tuple(end for end, _ in ends[:-1])
    attributes = tuple(_attributes(metric, labels).items())
    for time_ns in sorted(found[ends[-1][1]]):
        below = [int(found[text].get(time_ns, -1)) for _, text in ends]
        counts = tuple(count - before for count, before in zip(below, [0, *below], strict=False))
        if min(below) >= 0 and min(counts) >= 0:
            total = found.get("sum", {}).get(time_ns, 0.0)
            buckets = Buckets(time_ns, below[-1], total, counts)
            yield HistogramSample(
                metric.name, metric.unit, _process(labels, pids), attributes, boundaries, stream, False, buckets
            )

"""Is a metric of MCP one that the conventions know, as they want it recorded?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from opentelemetry.sdk.metrics.export import Histogram, HistogramDataPoint, Metric

from groundhog_otel.testing.checks.attributes import check_attributes
from groundhog_otel.testing.checks.errors import check_errors
from groundhog_otel.testing.conventions import MCP, Instrument
from groundhog_otel.testing.violation import Violation

__all__ = ("check_metrics",)


def check_metrics(metrics: Sequence[Metric], *, opt_in: Collection[str]) -> Iterator[Violation]:
    """Yield what is wrong with the metrics whose name begins with ``mcp.``."""
    for metric in metrics:
        if not metric.name.startswith("mcp."):
            continue
        where = f"metric {metric.name!r}"
        known = MCP.metrics.get(metric.name)
        if known is None:
            yield Violation(
                where,
                "metric",
                "is not one of the conventions",
                f"The metrics of MCP are {', '.join(MCP.metrics)}.",
                "rename it, or give it a namespace of its own",
            )
            continue
        yield from _check_instrument(metric, known, where)
        for point in metric.data.data_points:
            yield from _check_point(metric.name, point, known, where, opt_in)


def _check_instrument(metric: Metric, known: Instrument, where: str) -> Iterator[Violation]:
    if metric.unit != known.unit:
        yield Violation(
            where, "unit", f"is {metric.unit!r}", "Durations are in seconds.", f"create it with unit={known.unit!r}"
        )
    if not isinstance(metric.data, Histogram):
        kind = type(metric.data).__name__
        yield Violation(
            where, "instrument", f"is {kind}", f"It is a {known.instrument}.", f"create it as a {known.instrument}"
        )


def _check_point(
    name: str, point: object, known: Instrument, where: str, opt_in: Collection[str]
) -> Iterator[Violation]:
    if isinstance(point, HistogramDataPoint) and tuple(point.explicit_bounds) != known.boundaries:
        yield Violation(
            where,
            "boundaries",
            f"are {list(point.explicit_bounds)}",
            f"The bucket boundaries are {list(known.boundaries)}.",
            "create the histogram with explicit_bucket_boundaries_advisory, and drop any view that overrides it",
        )
    attributes = getattr(point, "attributes", None) or {}
    for never in sorted(MCP.never_on_metrics & set(attributes)):
        yield Violation(
            where,
            never,
            "is on a metric",
            "What has a value of its own for every session, request or client would make a series for each.",
            f"do not record {never} on metrics",
        )
    rest = {key: value for key, value in attributes.items() if key not in MCP.never_on_metrics}
    facts = MCP.facts(known.side, rest, failed="error.type" in rest)
    yield from check_attributes(name, where, facts, opt_in=opt_in)
    yield from check_errors(where, facts)

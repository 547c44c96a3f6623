"""Views for programs that make their own ``MeterProvider``: buckets for a metric that comes without advice on them.

Not for the hot path: this imports the SDK.
"""

from __future__ import annotations

from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from groundhog_otel import semconv

__all__ = ("asyncio_views",)


def asyncio_views() -> list[View]:
    """Return views that give ``asyncio.process.duration`` the buckets of MCP's own durations, 0.01 s to 300 s.

    ``opentelemetry-instrumentation-asyncio`` records seconds into the SDK's default buckets, which begin at 5.
    """
    return [
        View(
            instrument_name="asyncio.process.duration",
            aggregation=ExplicitBucketHistogramAggregation(semconv.MCP_DURATION_BUCKETS_S),
        )
    ]

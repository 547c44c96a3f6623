"""The pipeline itself: what the Collector takes, refuses, samples, queues and sends."""

from __future__ import annotations

from typing import Final

from groundhog_otel.dashboards.dashboard import Dashboard, Row, label_variable
from groundhog_otel.dashboards.panels import Query, timeseries
from groundhog_otel.dashboards.promql import rate, total

__all__ = ("COLLECTOR",)

_INSTANCE: Final = 'instance=~"$instance"'


def _of(metric: str, *more: str) -> str:
    """Return one of the Collector's own metrics. Its counters have no ``_total``, as its telemetry settings have it."""
    return f"{metric}{{{', '.join((_INSTANCE, *more))}}}"


def _per_second(by: tuple[str, ...], metric: str, legend: str) -> Query:
    return Query(total(by, rate(_of(metric))), legend)


_IN: Final = Row(
    "What comes in",
    (
        timeseries(
            "Spans",
            "Per second. Refused ones got an answer that says to try again; failed ones were not understood.",
            "ops",
            _per_second(("transport",), "otelcol_receiver_accepted_spans", "accepted, {{transport}}"),
            _per_second(("transport",), "otelcol_receiver_refused_spans", "refused, {{transport}}"),
            _per_second(("transport",), "otelcol_receiver_failed_spans", "failed, {{transport}}"),
        ),
        timeseries(
            "Metric points",
            "Per second, likewise.",
            "ops",
            _per_second(("transport",), "otelcol_receiver_accepted_metric_points", "accepted, {{transport}}"),
            _per_second(("transport",), "otelcol_receiver_refused_metric_points", "refused, {{transport}}"),
            _per_second(("transport",), "otelcol_receiver_failed_metric_points", "failed, {{transport}}"),
        ),
        timeseries(
            "Refused for want of memory",
            "Items per second that the memory limiter turned away. Absent until it does.",
            "ops",
            _per_second((), "otelcol_processor_memory_limiter_refused_spans", "spans"),
            _per_second((), "otelcol_processor_memory_limiter_refused_metric_points", "metric points"),
        ),
    ),
)

_SAMPLING: Final = Row(
    "Tail sampling",
    (
        timeseries(
            "Traces: new and decided",
            "Per second. Where new ones stay above decided ones, undecided traces were given up: raise num_traces.",
            "ops",
            _per_second((), "otelcol_processor_tail_sampling_new_trace_id_received", "new"),
            _per_second((), "otelcol_processor_tail_sampling_global_count_traces_sampled", "decided"),
        ),
        timeseries(
            "Kept, by policy",
            "Traces per second, by the first policy that wanted them.",
            "ops",
            Query(
                total(("policy",), rate(_of("otelcol_processor_tail_sampling_count_traces_sampled", 'sampled="true"'))),
                "{{policy}}",
            ),
            stacked=True,
        ),
        timeseries(
            "Undecided traces in memory",
            "Lost if the Collector is killed, so far as their spans are neither errors nor over their budget.",
            "short",
            Query(_of("otelcol_processor_tail_sampling_sampling_traces_on_memory"), "{{instance}}"),
        ),
        timeseries(
            "Late spans",
            "Spans per second that came after the decision on their trace, and followed it.",
            "ops",
            _per_second(
                ("sampled",),
                "otelcol_processor_tail_sampling_early_releases_from_cache_decision",
                "sampled: {{sampled}}",
            ),
        ),
        timeseries(
            "Policies that could not be evaluated",
            "Per second; anything but 0 is an error in otel-config.yaml.",
            "ops",
            _per_second((), "otelcol_processor_tail_sampling_sampling_policy_evaluation_error", "errors"),
        ),
    ),
)

_OUT: Final = Row(
    "What goes out",
    (
        timeseries(
            "Spans",
            "Per second. What failed is tried again from the queue; what was not queued is lost.",
            "ops",
            _per_second(("exporter",), "otelcol_exporter_sent_spans", "sent, {{exporter}}"),
            _per_second(("exporter",), "otelcol_exporter_send_failed_spans", "failed, {{exporter}}"),
            _per_second(("exporter",), "otelcol_exporter_enqueue_failed_spans", "not queued, {{exporter}}"),
        ),
        timeseries(
            "Queue",
            "Items that wait on disk, as a share of what may.",
            "percentunit",
            Query(
                _of("otelcol_exporter_queue_size") + " / " + _of("otelcol_exporter_queue_capacity"),
                "{{exporter}} {{data_type}}",
            ),
            limit=0.8,
        ),
        timeseries(
            "Held in memory",
            "Of the queue, because its disk is full. Lost if the Collector ends before there is room.",
            "bytes",
            Query(_of("groundhog_collector_storage_held"), "{{instance}} {{storage}}"),
        ),
        timeseries(
            "Metric points",
            "Per second, handed to Prometheus.",
            "ops",
            _per_second(("exporter",), "otelcol_exporter_sent_metric_points", "sent, {{exporter}}"),
        ),
    ),
)

_SELF: Final = Row(
    "The Collector's own",
    (
        timeseries(
            "Memory",
            "Of the process, and of its heap, which the memory limiter looks at.",
            "bytes",
            Query(_of("otelcol_process_memory_rss"), "{{instance}} resident"),
            Query(_of("otelcol_process_runtime_heap_alloc_bytes"), "{{instance}} heap"),
        ),
        timeseries(
            "CPU",
            "CPUs in use.",
            "short",
            Query(rate(_of("otelcol_process_cpu_seconds")), "{{instance}}"),
        ),
        timeseries("Uptime", "Since its start.", "s", Query(_of("otelcol_process_uptime"), "{{instance}}")),
        timeseries(
            "Prometheus reads it",
            "1 while it does, by scrape job.",
            "short",
            Query('up{job=~"otel-collector.*"}', "{{job}} {{instance}}"),
        ),
        timeseries(
            "Time to read",
            "Grows with the number of series.",
            "s",
            Query('scrape_duration_seconds{job=~"otel-collector.*"}', "{{job}} {{instance}}"),
        ),
        timeseries(
            "Samples read",
            "In each reading: as many series are alive.",
            "short",
            Query('scrape_samples_scraped{job=~"otel-collector.*"}', "{{job}} {{instance}}"),
        ),
    ),
)

COLLECTOR: Final = Dashboard(
    "pipeline",
    "The pipeline itself",
    "What the Collector takes, refuses, samples, queues and sends.",
    (label_variable("instance", "otelcol_process_uptime", "instance"),),
    (_IN, _SAMPLING, _OUT, _SELF),
)

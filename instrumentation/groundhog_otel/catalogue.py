"""Every metric that there is to ask for: of the instrumentors, of load tests, and those that the Collector makes.

Plain data, so that whoever only asks what there is need not load what measures it. Tests hold it to what is emitted.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from groundhog_otel import semconv

__all__ = ("METRICS", "Kind", "Metric", "Source", "label", "nearest")

Kind = Literal["histogram", "counter", "updowncounter", "gauge"]
Source = Literal["sdk", "collector", "collector-self"]

_UNITS: Final = {"s": "seconds", "By": "bytes"}


def label(attribute: str) -> str:
    """Return the name that an attribute has in Prometheus."""
    return attribute.replace(".", "_")


class Metric(NamedTuple):
    """One metric, as OpenTelemetry names it."""

    name: str
    kind: Kind
    unit: str
    """UCUM: ``s``, ``By``, ``1`` for a share, ``{thing}`` for a number of things."""
    attributes: tuple[str, ...]
    """Those that points may have, without the resource's."""
    source: Source = "sdk"
    """Who makes it: a watched process, the Collector from spans, or the Collector of itself."""
    buckets: tuple[float, ...] = ()
    """Upper boundaries of a histogram, in its unit."""

    @property
    def prometheus(self) -> str:
        """The name in Prometheus 3, by the Collector's ``UnderscoreEscapingWithSuffixes``; a histogram's stem.

        Source: OpenTelemetry's "Prometheus and OpenMetrics Compatibility". The Collector's own come as they are.
        """
        if self.source == "collector-self":
            return self.name
        unit = _UNITS.get(self.unit, "ratio" if self.unit == "1" and self.kind == "gauge" else "")
        parts = [self.name.replace(".", "_"), unit, "total" if self.kind == "counter" else ""]
        return "_".join(part for part in parts if part)

    @property
    def service(self) -> str:
        """The label that says whose it is: the Prometheus exporter makes ``job`` of ``service.name``, the connector
        keeps it under its own name."""
        return "service_name" if self.source == "collector" else "job"


_SPAN: Final = ("span.name", "span.kind", "status.code", "mcp.method.name", "gen_ai.tool.name", "error.type")
_WIRE: Final = (
    "mcp.protocol.version",
    "network.transport",
    "network.protocol.name",
    "network.protocol.version",
    "server.address",
    "server.port",
    "error.type",
)
_OPERATION: Final = (
    "mcp.method.name",
    "gen_ai.operation.name",
    "gen_ai.tool.name",
    "gen_ai.prompt.name",
    "rpc.response.status_code",
    *_WIRE,
)
_MODE: Final = ("cpu.mode",)
_MEMORY: Final = ("system.memory.state",)
_DISK: Final = ("disk.io.direction", "system.device")
_NETWORK: Final = ("network.interface.name", "network.io.direction")
_BUCKETS: Final = tuple(map(float, semconv.MCP_DURATION_BUCKETS_S))
_LAG: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_LOAD_BUCKETS: Final = (*_LAG, 60.0, 120.0, 300.0)
_PAUSE: Final = (0.0001, 0.0002, 0.0005, *_LAG[:-3])
_SPAN_BUCKETS: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.016, 0.02, 0.03, 0.04, 0.05, 0.06, 0.075),
    *(0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0),
)
_KEPT_BUCKETS: Final = (0.016, 0.05, 0.1, 0.5, 1.0, 5.0)

_MCP: Final = (
    Metric(semconv.MCP_CLIENT_OPERATION_DURATION, "histogram", "s", _OPERATION, buckets=_BUCKETS),
    Metric(semconv.MCP_SERVER_OPERATION_DURATION, "histogram", "s", _OPERATION, buckets=_BUCKETS),
    Metric(semconv.MCP_CLIENT_SESSION_DURATION, "histogram", "s", _WIRE, buckets=_BUCKETS),
    Metric(semconv.MCP_SERVER_SESSION_DURATION, "histogram", "s", _WIRE, buckets=_BUCKETS),
    Metric("groundhog.mcp.io", "counter", "By", ("groundhog.role", "network.transport", "network.io.direction")),
)
_RUNTIME: Final = (
    Metric("groundhog.event_loop.lag", "histogram", "s", (), buckets=_LAG),
    Metric("groundhog.event_loop.blocked", "histogram", "s", ("mcp.method.name", "gen_ai.tool.name"), buckets=_LAG),
    Metric("groundhog.worker_threads.wait", "histogram", "s", (), buckets=_LAG),
    Metric("groundhog.gc.pause", "histogram", "s", ("cpython.gc.generation",), buckets=_PAUSE),
    Metric("groundhog.mcp.requests.active", "updowncounter", "{request}", ("groundhog.mcp.side", "mcp.method.name")),
    Metric("groundhog.worker_threads.limit", "updowncounter", "{thread}", ()),
    Metric("groundhog.worker_threads.in_use", "updowncounter", "{thread}", ()),
    Metric("groundhog.worker_threads.waiting", "updowncounter", "{call}", ()),
    Metric("cpython.gc.collections", "counter", "{collection}", ("cpython.gc.generation",)),
    Metric("cpython.gc.collected_objects", "counter", "{object}", ("cpython.gc.generation",)),
    Metric("cpython.gc.uncollectable_objects", "counter", "{object}", ("cpython.gc.generation",)),
)
_LOAD_NAMES: Final = ("mcp.method.name", "gen_ai.tool.name", "gen_ai.prompt.name", "error.type")
_LOAD: Final = (
    Metric("groundhog.load.request.duration", "histogram", "s", _LOAD_NAMES, buckets=_LOAD_BUCKETS),
    Metric("groundhog.load.schedule.delay", "histogram", "s", (), buckets=_LOAD_BUCKETS),
    Metric("groundhog.load.requests.active", "updowncounter", "{request}", ()),
)
_GROWTH: Final = (1e4, 1e5, 1e6, 5e6, 1e7, 5e7, 1e8, 5e8, 1e9)
_BLOCK: Final = ("mcp.method.name", "groundhog.block.name", "gen_ai.tool.name", "gen_ai.prompt.name")
_MONITOR: Final = (
    Metric("groundhog.block.duration", "histogram", "s", (*_BLOCK, "error.type"), buckets=_LAG),
    Metric("groundhog.block.cpu.time", "histogram", "s", (*_BLOCK, "error.type"), buckets=_LAG),
    Metric("groundhog.block.memory.growth", "histogram", "By", (*_BLOCK, "error.type"), buckets=_GROWTH),
    Metric("groundhog.block.count", "counter", "{item}", _BLOCK),
    Metric("groundhog.budget.utilization", "gauge", "1", ("groundhog.budget.name",)),
)
_PROCESS: Final = (
    Metric("process.cpu.time", "counter", "s", _MODE),
    Metric("process.cpu.utilization", "gauge", "1", _MODE),
    Metric("process.memory.usage", "updowncounter", "By", ()),
    Metric("process.memory.virtual", "updowncounter", "By", ()),
    Metric("process.memory.utilization", "gauge", "1", ()),
    Metric("process.disk.io", "counter", "By", ("disk.io.direction",)),
    Metric("process.thread.count", "updowncounter", "{thread}", ()),
    Metric("process.context_switches", "counter", "{context_switch}", ("process.context_switch.type",)),
    Metric("process.paging.faults", "counter", "{fault}", ("system.paging.fault.type",)),
    Metric("process.unix.file_descriptor.count", "updowncounter", "{file_descriptor}", ()),
    Metric("process.uptime", "gauge", "s", ()),
    Metric("process.signals_pending", "updowncounter", "{signal}", ()),
    Metric("process.windows.handle.count", "updowncounter", "{handle}", ()),
    Metric("groundhog.folder.usage", "gauge", "By", ("file.directory",)),
)
_HOST: Final = (
    Metric("system.cpu.time", "counter", "s", _MODE),
    Metric("system.cpu.utilization", "gauge", "1", _MODE),
    Metric("system.cpu.logical.count", "updowncounter", "{cpu}", ()),
    Metric("system.cpu.physical.count", "updowncounter", "{cpu}", ()),
    Metric("system.memory.usage", "updowncounter", "By", _MEMORY),
    Metric("system.memory.limit", "updowncounter", "By", ()),
    Metric("system.memory.utilization", "gauge", "1", _MEMORY),
    Metric("system.memory.linux.available", "updowncounter", "By", ()),
    Metric("system.memory.linux.shared", "updowncounter", "By", ()),
    Metric("system.paging.usage", "updowncounter", "By", ("system.paging.state",)),
    Metric("system.paging.utilization", "gauge", "1", ("system.paging.state",)),
    Metric("system.disk.io", "counter", "By", _DISK),
    Metric("system.disk.operations", "counter", "{operation}", _DISK),
    Metric("system.disk.merged", "counter", "{operation}", _DISK),
    Metric("system.disk.operation_time", "counter", "s", _DISK),
    Metric("system.disk.io_time", "counter", "s", ("system.device",)),
    Metric("system.network.io", "counter", "By", _NETWORK),
    Metric("system.network.packet.count", "counter", "{packet}", ("network.io.direction", "system.device")),
    Metric("system.network.packet.dropped", "counter", "{packet}", _NETWORK),
    Metric("system.network.errors", "counter", "{error}", _NETWORK),
    Metric("system.uptime", "gauge", "s", ()),
)
_OF_SPANS: Final = (
    Metric("mcp.span.duration", "histogram", "s", _SPAN, "collector", _SPAN_BUCKETS),
    Metric("mcp.span.calls", "counter", "{call}", _SPAN, "collector"),
    Metric("mcp.kept.duration", "histogram", "s", _SPAN, "collector", _KEPT_BUCKETS),
    Metric("mcp.kept.calls", "counter", "{call}", _SPAN, "collector"),
)
_SELF: Final[Source] = "collector-self"
_RECEIVED: Final = ("receiver", "transport")
_SENT: Final = ("exporter", "server_address", "server_port")
_OF_ITSELF: Final = (
    Metric("otelcol_process_uptime", "counter", "s", (), _SELF),
    Metric("otelcol_process_cpu_seconds", "counter", "s", (), _SELF),
    Metric("otelcol_process_memory_rss", "gauge", "By", (), _SELF),
    Metric("otelcol_process_runtime_heap_alloc_bytes", "gauge", "By", (), _SELF),
    *(
        Metric(f"otelcol_receiver_{what}_{items}s", "counter", f"{{{items}}}", _RECEIVED, _SELF)
        for items in ("span", "metric_point")
        for what in ("accepted", "refused", "failed")
    ),
    *(
        Metric(f"otelcol_processor_memory_limiter_refused_{items}s", "counter", f"{{{items}}}", ("processor",), _SELF)
        for items in ("span", "metric_point")
    ),
    *(
        Metric(f"otelcol_processor_tail_sampling_{name}", "counter", unit, attributes, _SELF)
        for name, unit, attributes in (
            ("new_trace_id_received", "{trace}", ()),
            ("global_count_traces_sampled", "{trace}", ("sampled", "decision")),
            ("count_traces_sampled", "{trace}", ("policy", "sampled", "decision")),
            ("early_releases_from_cache_decision", "{span}", ("sampled",)),
            ("sampling_policy_evaluation_error", "{error}", ()),
        )
    ),
    Metric("otelcol_processor_tail_sampling_sampling_traces_on_memory", "gauge", "{trace}", (), _SELF),
    *(
        Metric(f"otelcol_exporter_{what}_spans", "counter", "{span}", _SENT, _SELF)
        for what in ("sent", "send_failed", "enqueue_failed")
    ),
    Metric("otelcol_exporter_sent_metric_points", "counter", "{metric_point}", _SENT, _SELF),
    *(
        Metric(f"otelcol_exporter_queue_{what}", "gauge", "{item}", ("exporter", "data_type"), _SELF)
        for what in ("size", "capacity")
    ),
    Metric("groundhog_collector_storage_held", "gauge", "By", ("storage",), _SELF),
)
METRICS: Final[Mapping[str, Metric]] = {
    one.name: one for one in (*_MCP, *_RUNTIME, *_LOAD, *_MONITOR, *_PROCESS, *_HOST, *_OF_SPANS, *_OF_ITSELF)
}


def nearest(name: str) -> list[str]:
    """Return up to three metrics whose names are most like ``name``, which may be Prometheus' name of one."""
    for one in METRICS.values():
        if name.startswith(one.prometheus) and name[len(one.prometheus) :] in ("", "_bucket", "_count", "_sum"):
            return [one.name]
    return difflib.get_close_matches(name, METRICS, 3, 0.5)

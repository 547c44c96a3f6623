"""What holds operations up: event loops, worker threads, garbage collection, and the machine below them."""

from __future__ import annotations

from typing import Final

from groundhog_otel.budgets import PROCESS_LIMITS
from groundhog_otel.dashboards.dashboard import Dashboard, Row, label_variable
from groundhog_otel.dashboards.panels import Query, timeseries
from groundhog_otel.dashboards.promql import quantile, rate, total

__all__ = ("SATURATION",)

_CHOSEN: Final = 'job=~"$service", instance=~"$instance"'
_PROCESS: Final = ("job", "instance")
_LEGEND: Final = "{{job}} {{instance}}"


def _of(metric: str, *more: str) -> str:
    """Return a metric of the chosen processes."""
    return f"{metric}{{{', '.join((_CHOSEN, *more))}}}"


_LOOP: Final = Row(
    "Event loop",
    (
        timeseries(
            "Lag, p99",
            "How late the loop runs a timer, while operations are under way.",
            "s",
            Query(quantile(0.99, _PROCESS, _of("groundhog_event_loop_lag_seconds_bucket")), _LEGEND),
        ),
        timeseries(
            "Blocked, by the operation to blame",
            "Share of time in which one callback kept the loop from everything else.",
            "percentunit",
            Query(
                total(
                    ("job", "mcp_method_name", "gen_ai_tool_name"),
                    rate(_of("groundhog_event_loop_blocked_seconds_sum")),
                ),
                "{{job}} {{mcp_method_name}} {{gen_ai_tool_name}}",
            ),
            stacked=True,
        ),
        timeseries(
            "Requests in flight",
            "Requests that wait for their answer, by side.",
            "short",
            Query(
                total((*_PROCESS, "groundhog_mcp_side"), _of("groundhog_mcp_requests_active")),
                f"{_LEGEND} {{{{groundhog_mcp_side}}}}",
            ),
        ),
    ),
)

_THREADS: Final = Row(
    "Worker threads",
    (
        timeseries(
            "In use and waited for",
            "Worker threads that are busy, that may be busy at once, and calls that wait for one.",
            "short",
            Query(total(_PROCESS, _of("groundhog_worker_threads_in_use")), f"{_LEGEND} in use"),
            Query(total(_PROCESS, _of("groundhog_worker_threads_limit")), f"{_LEGEND} limit"),
            Query(total(_PROCESS, _of("groundhog_worker_threads_waiting")), f"{_LEGEND} waiting"),
        ),
        timeseries(
            "Wait for a thread, p99",
            "From asking for a worker thread to running in it.",
            "s",
            Query(quantile(0.99, _PROCESS, _of("groundhog_worker_threads_wait_seconds_bucket")), _LEGEND),
        ),
        timeseries(
            "Threads",
            "All threads of the process, those of native libraries too.",
            "short",
            Query(_of("process_thread_count"), _LEGEND),
        ),
    ),
)

_GARBAGE: Final = Row(
    "Garbage collection",
    (
        timeseries(
            "Time in collections",
            "Share of time in which the collector stopped the program.",
            "percentunit",
            Query(total(_PROCESS, rate(_of("groundhog_gc_pause_seconds_sum"))), _LEGEND),
        ),
        timeseries(
            "Pause, p99",
            "By generation.",
            "s",
            Query(
                quantile(0.99, (*_PROCESS, "cpython_gc_generation"), _of("groundhog_gc_pause_seconds_bucket")),
                f"{_LEGEND} generation {{{{cpython_gc_generation}}}}",
            ),
        ),
        timeseries(
            "Collections",
            "Per second, by generation.",
            "ops",
            Query(
                total((*_PROCESS, "cpython_gc_generation"), rate(_of("cpython_gc_collections_total"))),
                f"{_LEGEND} generation {{{{cpython_gc_generation}}}}",
            ),
        ),
    ),
)

_RESOURCES: Final = Row(
    "Process",
    (
        timeseries(
            "CPU",
            "Share of the CPUs that the process may use.",
            "percentunit",
            Query(total(_PROCESS, _of("process_cpu_utilization_ratio")), _LEGEND),
            limit=PROCESS_LIMITS.cpu_share,
        ),
        timeseries(
            "Memory",
            "Resident.",
            "bytes",
            Query(_of("process_memory_usage_bytes"), _LEGEND),
            limit=PROCESS_LIMITS.memory_bytes,
        ),
        timeseries(
            "Disk",
            "Bytes per second to and from disks.",
            "Bps",
            Query(
                total((*_PROCESS, "disk_io_direction"), rate(_of("process_disk_io_bytes_total"))),
                f"{_LEGEND} {{{{disk_io_direction}}}}",
            ),
        ),
        timeseries(
            "MCP messages",
            "Bytes per second of MCP alone, by direction and transport.",
            "Bps",
            Query(
                total(("job", "network_io_direction", "network_transport"), rate(_of("groundhog_mcp_io_bytes_total"))),
                "{{job}} {{network_io_direction}} {{network_transport}}",
            ),
        ),
        timeseries(
            "Open files",
            "File descriptors.",
            "short",
            Query(_of("process_unix_file_descriptor_count"), _LEGEND),
        ),
        timeseries(
            "Waiting for memory",
            "Major page faults per second: each read a disk.",
            "ops",
            Query(
                total(_PROCESS, rate(_of("process_paging_faults_total", 'system_paging_fault_type="major"'))), _LEGEND
            ),
        ),
    ),
)

_HOST: Final = Row(
    "Host, and folders (where a process reports them)",
    (
        timeseries(
            "CPU",
            "Busy share of all CPUs.",
            "percentunit",
            Query("1 - " + total(_PROCESS, _of("system_cpu_utilization_ratio", 'cpu_mode=~"idle|iowait"')), _LEGEND),
        ),
        timeseries(
            "Memory",
            "Share in use.",
            "percentunit",
            Query(_of("system_memory_utilization_ratio", 'system_memory_state="used"'), _LEGEND),
        ),
        timeseries(
            "Network",
            "Bytes per second of all interfaces but loopback.",
            "Bps",
            Query(
                total(
                    (*_PROCESS, "network_io_direction"),
                    rate(_of("system_network_io_bytes_total", 'network_interface_name!~"lo0?"')),
                ),
                f"{_LEGEND} {{{{network_io_direction}}}}",
            ),
            limit=PROCESS_LIMITS.network_bytes_per_s,
        ),
        timeseries(
            "Disk",
            "Bytes per second of all disks.",
            "Bps",
            Query(
                total((*_PROCESS, "disk_io_direction"), rate(_of("system_disk_io_bytes_total"))),
                f"{_LEGEND} {{{{disk_io_direction}}}}",
            ),
        ),
        timeseries(
            "Folders",
            "Disk space of the folders that are watched.",
            "bytes",
            Query(_of("groundhog_folder_usage_bytes"), "{{job}} {{file_directory}}"),
            limit=PROCESS_LIMITS.disk_bytes,
        ),
    ),
)

SATURATION: Final = Dashboard(
    "saturation",
    "Saturation",
    "What holds operations up: event loops, worker threads, garbage collection, CPU, memory, network and disk.",
    (
        label_variable("service", "process_memory_usage_bytes", "job"),
        label_variable("instance", 'process_memory_usage_bytes{job=~"$service"}', "instance"),
    ),
    (_LOOP, _THREADS, _GARBAGE, _RESOURCES, _HOST),
)

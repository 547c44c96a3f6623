"""What is emitted, held against the published conventions: the table cannot drift from them unseen."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Sum
from opentelemetry.semconv._incubating.attributes import (
    cpu_attributes,
    disk_attributes,
    network_attributes,
    process_attributes,
    system_attributes,
)
from opentelemetry.semconv._incubating.metrics import process_metrics, system_metrics

from groundhog_otel.resources.table import TABLE
from tests.resources.collector import Collector, burn

_NONE: Final[set[str]] = set()
_MODE: Final = {cpu_attributes.CPU_MODE}
_STATE: Final = {system_attributes.SYSTEM_MEMORY_STATE}
_PAGING: Final = {system_attributes.SYSTEM_PAGING_STATE}
_NETWORK: Final = {network_attributes.NETWORK_INTERFACE_NAME, network_attributes.NETWORK_IO_DIRECTION}
_DISK: Final = {disk_attributes.DISK_IO_DIRECTION}

KEYS: Final[dict[str, set[str]]] = {
    process_metrics.PROCESS_CPU_TIME: _MODE,
    process_metrics.PROCESS_CPU_UTILIZATION: _MODE,
    process_metrics.PROCESS_MEMORY_USAGE: _NONE,
    process_metrics.PROCESS_MEMORY_VIRTUAL: _NONE,
    process_metrics.PROCESS_MEMORY_UTILIZATION: _NONE,
    process_metrics.PROCESS_DISK_IO: _DISK,
    process_metrics.PROCESS_THREAD_COUNT: _NONE,
    process_metrics.PROCESS_CONTEXT_SWITCHES: {process_attributes.PROCESS_CONTEXT_SWITCH_TYPE},
    process_metrics.PROCESS_PAGING_FAULTS: {system_attributes.SYSTEM_PAGING_FAULT_TYPE},
    process_metrics.PROCESS_UNIX_FILE_DESCRIPTOR_COUNT: _NONE,
    process_metrics.PROCESS_UPTIME: _NONE,
    process_metrics.PROCESS_SIGNALS_PENDING: _NONE,
    process_metrics.PROCESS_WINDOWS_HANDLE_COUNT: _NONE,
    system_metrics.SYSTEM_CPU_TIME: _MODE,
    system_metrics.SYSTEM_CPU_UTILIZATION: _MODE,
    system_metrics.SYSTEM_CPU_LOGICAL_COUNT: _NONE,
    system_metrics.SYSTEM_CPU_PHYSICAL_COUNT: _NONE,
    system_metrics.SYSTEM_MEMORY_LINUX_AVAILABLE: _NONE,
    system_metrics.SYSTEM_MEMORY_LINUX_SHARED: _NONE,
    system_metrics.SYSTEM_PAGING_USAGE: _PAGING,
    system_metrics.SYSTEM_PAGING_UTILIZATION: _PAGING,
    system_metrics.SYSTEM_DISK_OPERATIONS: _DISK | {system_attributes.SYSTEM_DEVICE},
    system_metrics.SYSTEM_DISK_MERGED: _DISK | {system_attributes.SYSTEM_DEVICE},
    system_metrics.SYSTEM_DISK_OPERATION_TIME: _DISK | {system_attributes.SYSTEM_DEVICE},
    system_metrics.SYSTEM_DISK_IO_TIME: {system_attributes.SYSTEM_DEVICE},
    system_metrics.SYSTEM_NETWORK_PACKET_COUNT: {
        system_attributes.SYSTEM_DEVICE,
        network_attributes.NETWORK_IO_DIRECTION,
    },
    system_metrics.SYSTEM_NETWORK_PACKET_DROPPED: _NETWORK,
    system_metrics.SYSTEM_NETWORK_ERRORS: _NETWORK,
    system_metrics.SYSTEM_UPTIME: _NONE,
    system_metrics.SYSTEM_MEMORY_USAGE: _STATE,
    system_metrics.SYSTEM_MEMORY_LIMIT: _NONE,
    system_metrics.SYSTEM_MEMORY_UTILIZATION: _STATE,
    system_metrics.SYSTEM_DISK_IO: {*_DISK, system_attributes.SYSTEM_DEVICE},
    system_metrics.SYSTEM_NETWORK_IO: _NETWORK,
}
"""The attributes that ``model/process/metrics.yaml`` and ``model/system/metrics.yaml`` of the conventions list; swap
is reported as a whole, without the ``system.device`` they would allow."""

VALUES: Final[dict[str, type[Enum]]] = {
    cpu_attributes.CPU_MODE: cpu_attributes.CpuModeValues,
    disk_attributes.DISK_IO_DIRECTION: disk_attributes.DiskIoDirectionValues,
    network_attributes.NETWORK_IO_DIRECTION: network_attributes.NetworkIoDirectionValues,
    process_attributes.PROCESS_CONTEXT_SWITCH_TYPE: process_attributes.ProcessContextSwitchTypeValues,
    system_attributes.SYSTEM_MEMORY_STATE: system_attributes.SystemMemoryStateValues,
    system_attributes.SYSTEM_PAGING_STATE: system_attributes.SystemPagingStateValues,
    system_attributes.SYSTEM_PAGING_FAULT_TYPE: system_attributes.SystemPagingFaultTypeValues,
}
"""What those with a fixed set of values may be; disks and interfaces are named by the host."""


def _published(name: str) -> tuple[str, str, str]:
    """Return the instrument kind, the unit and the words around a metric, from the conventions' own package."""
    module: Any = process_metrics if name.startswith("process.") else system_metrics
    constant = name.upper().replace(".", "_")
    assert getattr(module, constant) == name
    source = Path(module.__file__).read_text("utf-8")
    words = source.split(f"{constant}: Final", 1)[1].split('"""', 2)[1]
    helper = source.split(f"def create_{constant.lower()}(", 1)[1].split("\ndef ", 1)[0]
    kind = re.search(r"meter\.create_(?:observable_)?(\w+)\(", helper)
    unit = re.search(r'unit="([^"]*)"', helper)
    assert kind is not None
    assert unit is not None
    return kind[1], unit[1], words


def test_the_table_is_the_list() -> None:
    assert {metric.name: set(metric.attributes) for metric in TABLE} == KEYS
    assert len(TABLE) == len(KEYS)


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: str(metric.name))
def test_a_row_is_as_published(metric: Any) -> None:
    kind, unit, words = _published(metric.name)
    assert (metric.kind, metric.unit) == (kind, unit)
    assert "Deprecated" not in words
    assert f"Instrument: {metric.kind.replace('_', '')}" in words
    assert f"Unit: {metric.unit}" in words
    assert metric.description


def test_what_arrives_is_as_published(collector: Collector) -> None:
    burn()
    for metric in collector.metrics():
        kind, unit, _ = _published(metric.name)
        assert metric.unit == unit
        assert isinstance(metric.data, Gauge if kind == "gauge" else Sum), metric.name
        if isinstance(metric.data, Sum):
            assert metric.data.is_monotonic is (kind == "counter"), metric.name
        assert metric.data.data_points, metric.name
        for point in metric.data.data_points:
            attributes = dict(point.attributes or {})
            assert set(attributes) == KEYS[metric.name], metric.name
            for key, value in attributes.items():
                assert isinstance(value, str)
                assert key not in VALUES or value in {one.value for one in VALUES[key]}, (metric.name, key, value)


def test_the_schema_is_named(collector: Collector) -> None:
    data = collector.reader.get_metrics_data()
    assert data is not None
    (scope,) = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
    assert scope.scope.name == "groundhog_otel.resources"
    assert scope.schema_url == "https://opentelemetry.io/schemas/1.44.0"


def test_the_documentation_lists_the_same_metrics() -> None:
    text = (Path(__file__).parents[2] / "docs" / "resources.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\S+)` \| ([a-z- ]+), (\S+) \| ([^|]*)\|", text, re.MULTILINE)
    kinds = {"counter": "counter", "up-down counter": "up_down_counter", "gauge": "gauge"}
    assert [(name, kinds[kind], unit) for name, kind, unit, _ in rows] == [
        (metric.name, metric.kind, metric.unit) for metric in TABLE
    ]
    for name, _, _, attributes in rows:
        listed = set(re.findall(r"`([^`]+)`", attributes))
        assert listed == KEYS[name] or attributes.startswith("as "), name

"""What one collection of resource metrics costs, beside the bare psutil calls that any such metrics need.

``python -m bench.resources [--rounds N]`` prints a markdown table of ratios and of milliseconds. What is compared is
CPU time of this process: N rounds, each running every contender once, in a new order each time; of its rounds a
contender keeps the least and the median. The floor runs a second time as its own control: how far that is from 1 is the
noise. No reading is shared between rounds. ``opentelemetry-instrumentation-system-metrics`` takes
part where it is installed.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import platform
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from time import process_time_ns
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import psutil
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, MetricsData, Sum

from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.settings import ResourceSettings

_OF_PROCESS = ("cpu_times", "memory_info", "io_counters", "num_threads", "num_ctx_switches", "num_fds")
_OTHER = "opentelemetry.instrumentation.system_metrics"


@dataclass
class Contender:
    """One way to read resources, and the CPU nanoseconds that each round of it took."""

    name: str
    collect: Callable[[], object]
    floor: str
    prepare: Callable[[], object] = lambda: None
    spent_ns: list[int] = field(default_factory=list)

    def run(self) -> None:
        self.prepare()
        before = process_time_ns()
        self.collect()
        self.spent_ns.append(process_time_ns() - before)


def _bare(process: psutil.Process, *, host: bool) -> None:
    with process.oneshot():
        for name in _OF_PROCESS:
            if hasattr(process, name):
                getattr(process, name)()
    if host:
        psutil.cpu_times()
        psutil.virtual_memory()
        psutil.swap_memory()
        psutil.disk_io_counters(perdisk=True, nowrap=False)
        psutil.net_io_counters(pernic=True, nowrap=False)


def _ours(settings: ResourceSettings) -> tuple[InMemoryMetricReader, Callable[[], None]]:
    """Instrument a provider of its own; also return what makes the reading before too old to be used again."""

    class Ours(ResourceInstrumentor):
        _instance = None
        _created: ClassVar[WeakKeyDictionary[metrics.MeterProvider, set[str]]] = WeakKeyDictionary()

        def _stands_back(self, _name: str) -> bool:
            return False

    reader = InMemoryMetricReader()
    instrumentor = Ours()
    instrumentor.instrument(meter_provider=MeterProvider([reader], shutdown_on_exit=False), settings=settings)
    observer: Any = instrumentor._observer

    def age() -> None:
        observer._latest = replace(observer._latest, at_s=observer._latest.at_s - 1)

    return reader, age


def _constants(reader: InMemoryMetricReader) -> InMemoryMetricReader:
    """Return a reader of as many instruments and points, each always the same: the SDK's own share of the cost."""
    reader.get_metrics_data()
    time.sleep(0.3)
    repeated = InMemoryMetricReader()
    meter = MeterProvider([repeated], shutdown_on_exit=False).get_meter("constants")
    for metric in _metrics(reader.get_metrics_data()):
        points = [Observation(1, dict(point.attributes or {})) for point in metric.data.data_points]
        is_sum, monotonic = isinstance(metric.data, Sum), getattr(metric.data, "is_monotonic", False)
        create = meter.create_observable_counter if monotonic else meter.create_observable_up_down_counter
        (create if is_sum else meter.create_observable_gauge)(metric.name, [partial(_same, points)])
    return repeated


def _same(points: list[Observation], _options: CallbackOptions) -> list[Observation]:
    return points


def _with_sdk(bare: Callable[[], None], constants: InMemoryMetricReader) -> object:
    bare()
    return constants.get_metrics_data()


def contenders() -> list[Contender]:
    """Return all that can take part here."""
    process = psutil.Process()
    found = []
    for name, host in (("process", False), ("process and host", True)):
        floor = f"psutil alone: {name}"
        bare = partial(_bare, process, host=host)
        reader, age = _ours(ResourceSettings(system=host))
        found.append(Contender(floor, bare, floor))
        found.append(Contender(f"{floor} (control)", bare, floor))
        found.append(Contender(f"psutil and SDK: {name}", partial(_with_sdk, bare, _constants(reader)), floor))
        found.append(Contender(f"groundhog_resources: {name}", reader.get_metrics_data, floor, age))
    if importlib.util.find_spec(_OTHER) is not None:
        reader = InMemoryMetricReader()
        other: Any = importlib.import_module(_OTHER).SystemMetricsInstrumentor()
        other.instrument(meter_provider=MeterProvider([reader], shutdown_on_exit=False))
        found.append(Contender("system-metrics: its default", reader.get_metrics_data, found[-1].floor))
    return found


def _metrics(collected: object) -> list[Metric]:
    if not isinstance(collected, MetricsData):
        return []
    scopes = [scope for resource in collected.resource_metrics for scope in resource.scope_metrics]
    return [metric for scope in scopes for metric in scope.metrics]


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2000)
    rounds: int = parser.parse_args().rounds
    entered = contenders()
    for _ in range(20):
        for one in entered:
            one.run()
    for one in entered:
        one.spent_ns.clear()
    gc.disable()
    for turn in range(rounds):
        for one in random.sample(entered, len(entered)):
            one.run()
        if turn % 100 == 0:
            gc.collect()
    floors = {one.name: one.spent_ns for one in entered}
    print(
        f"CPU time of one collection over its floor; {rounds} interleaved rounds, CPython {platform.python_version()},"
    )
    print(f"psutil {psutil.__version__}, {platform.system()}, {len(psutil.pids())} processes on the host.\n")
    print("| contender | points | least | median | least, ms | median, ms |\n|---|--:|--:|--:|--:|--:|")
    for one in entered:
        floor = floors[one.floor]
        one.prepare()
        ratios = min(one.spent_ns) / min(floor), median(one.spent_ns) / median(floor)
        spent = f"{min(one.spent_ns) / 1e6:.3f} | {median(one.spent_ns) / 1e6:.3f}"
        points = sum(len(metric.data.data_points) for metric in _metrics(one.collect()))
        print(f"| {one.name} | {points or ''} | {ratios[0]:.2f} | {ratios[1]:.2f} | {spent} |")


if __name__ == "__main__":
    main()

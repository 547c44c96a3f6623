"""Collectors in two tiers, as real processes: balancers before samplers, each on ports of its own."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from groundhog_otel.pipeline.configs import collector_environment
from groundhog_otel.pipeline.processes import Running, is_alive, stop
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, free_ports
from tests.e2e.started import started
from tests.support.processes import ROOT

_DIRECT = build_opener(ProxyHandler({}))


@dataclass
class Collector:
    """One Collector: ``otel-config.yaml`` and overlays over it."""

    name: str
    program: Path
    settings: StackSettings
    overlays: Sequence[str]
    environment: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=free_ports)
    running: Running | None = None

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.ports['otlp_grpc']}"

    def start(self) -> None:
        """Start it, where it has been before if it has; wait until it is healthy."""
        folder = self.settings.state / self.name
        folder.mkdir(parents=True, exist_ok=True)
        own = self.settings._replace(state=folder, ports=self.ports)
        overlays = [ROOT / "collector" / "overlays" / f"{name}.yaml" for name in self.overlays]
        configs = [f"--config={file}" for file in (ROOT / "otel-config.yaml", *overlays)]
        self.running = started(
            self.name,
            [self.program, *configs],
            folder=folder,
            health=f"http://127.0.0.1:{self.ports['collector_health']}/",
            environment=collector_environment(ROOT, own, self.environment),
        )

    def end(self, number: signal.Signals) -> None:
        """Send it a signal, and see it end."""
        running = self.running
        assert running is not None
        os.kill(running.pid, number)
        eventually(lambda: not is_alive(running), within_s=20, what=f"the end of {self.name}")

    def stop(self) -> None:
        if self.running is not None:
            stop(self.running)

    def values(self, metric: str, *, own: bool = True) -> list[float]:
        """Return the values of a metric's series: one of the Collector's own, or one that it passes on."""
        port = self.ports["collector_metrics" if own else "span_metrics"]
        with _DIRECT.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return [float(line.rpartition(" ")[2]) for line in lines if re.split("[{ ]", line)[0] == metric]


@dataclass
class TwoTiers:
    """Balancers before samplers."""

    balancers: list[Collector]
    samplers: list[Collector]

    def counted(self, metric: str) -> float:
        """Return the sum of a metric of spans over all balancers."""
        return sum(sum(one.values(metric, own=False)) for one in self.balancers)

    def met(self) -> float:
        """Return how many traces the samplers have seen the first span of."""
        return sum(sum(one.values("otelcol_processor_tail_sampling_new_trace_id_received")) for one in self.samplers)

    def decided(self) -> float:
        """Return how many traces the samplers have decided to keep or not."""
        name = "otelcol_processor_tail_sampling_global_count_traces_sampled"
        return sum(sum(one.values(name)) for one in self.samplers)


@contextmanager
def two_tiers(
    program: Path,
    settings: StackSettings,
    *,
    sinks: Iterable[str],
    environment: Mapping[str, str],
    overlays: Sequence[str] = (),
    balancers: int = 2,
) -> Iterator[TwoTiers]:
    """Run a sampler before each sink, and balancers before all of them; stop what is still there at the end."""
    samplers = [
        Collector(
            f"sampler-{number}",
            program,
            settings,
            ["sampler", *overlays],
            {**environment, "GROUNDHOG_JAEGER_OTLP": sink},
        )
        for number, sink in enumerate(sinks)
    ]
    known = {**environment, "GROUNDHOG_SAMPLERS": json.dumps([one.grpc for one in samplers])}
    found = TwoTiers(
        [
            Collector(f"balancer-{number}", program, settings, ["balancer", *overlays], known)
            for number in range(balancers)
        ],
        samplers,
    )
    try:
        for one in (*found.samplers, *found.balancers):
            one.start()
        yield found
    finally:
        for one in (*found.balancers, *found.samplers):
            one.stop()

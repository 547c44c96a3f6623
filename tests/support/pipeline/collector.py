"""One Collector alone, with ``otel-config.yaml`` or another configuration, on ports of its own."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import psutil

from groundhog_otel.pipeline.configs import collector_environment
from groundhog_otel.pipeline.deaths import last_words
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.pipeline.ports import answers
from groundhog_otel.pipeline.processes import Running, is_alive, start, stop
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.support.ports import free_ports

_SERIES = re.compile(r"(?P<name>\w+)(?:\{.*\})? (?P<value>\S+)")
_DIRECT = build_opener(ProxyHandler({}))


class Collector:
    """Started, killed, started again, always with the same ports and queue.

    ``environment`` is for the configuration, and prevails; ``program`` is another build; ``before`` is what the command
    is started with (taskset), ``options`` what it ends with.
    """

    def __init__(
        self,
        state: Path,
        *,
        jaeger_port: int,
        environment: Mapping[str, str] | None = None,
        config: Path | None = None,
        program: Path | None = None,
        before: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        found, _ = StackSettings.from_environ()
        self._settings = found._replace(state=state, ports={**free_ports(), "jaeger_otlp": jaeger_port})
        project = find_project()
        program = program or Stack(self._settings, say=print).build()["groundhog-collector"]
        self._command = (*before, str(program), "--config", str(config or project / "otel-config.yaml"), *options)
        self._environment = collector_environment(project, self._settings, environment or {})
        self.state = state
        self.running: Running | None = None

    @property
    def http_port(self) -> int:
        return self._settings.ports["otlp_http"]

    @property
    def grpc_port(self) -> int:
        return self._settings.ports["otlp_grpc"]

    @property
    def pid(self) -> int:
        assert self.running is not None
        return self.running.pid

    @property
    def log(self) -> str:
        return "".join(file.read_text("utf-8", "replace") for file in sorted((self.state / "logs").glob("*.log")))

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        (self.state / "logs").mkdir(parents=True, exist_ok=True)
        log = self.state / "logs" / f"{time.time_ns()}.log"
        health = f"http://127.0.0.1:{self._settings.ports['collector_health']}/"
        self.running = start("Collector", self._command, log=log, cwd=self.state, environment=self._environment)
        deadline = time.monotonic() + 30
        while not answers(health):
            assert is_alive(self.running), last_words(self.running)
            assert time.monotonic() < deadline, f"not healthy: {last_words(self.running)}"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL, which it cannot prepare for, and wait until it is gone."""
        assert self.running is not None
        os.kill(self.running.pid, signal.SIGKILL)
        while is_alive(self.running):
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to end, if it runs."""
        if self.running is not None:
            stop(self.running)

    def alive(self) -> bool:
        return self.running is not None and is_alive(self.running)

    def cpu_s(self) -> float:
        """Return the CPU seconds it has used, in its own code and in the kernel's."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system

    def rss_bytes(self, *, peak: bool = False) -> int:
        """Return its resident memory now, or the most it ever was."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        found = re.search(rf"^{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024

    def own(self, metric: str, **labels: str) -> float:
        """Return the sum of one of its own metrics over all series with these labels; 0 when there is none yet."""
        return self._sum(self._settings.ports["collector_metrics"], metric, labels)

    def made(self, metric: str, **labels: str) -> float:
        """Return the same of the metrics that it makes for Prometheus."""
        return self._sum(self._settings.ports["span_metrics"], metric, labels)

    def _sum(self, port: int, metric: str, labels: Mapping[str, str]) -> float:
        total = 0.0
        with suppress(OSError), _DIRECT.open(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                found = _SERIES.match(line)
                if found and found["name"] == metric and all(f'{k}="{v}"' in line for k, v in labels.items()):
                    total += float(found["value"])
        return total

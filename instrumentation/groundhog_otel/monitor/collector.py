"""``MetricCollector``: response times, resources, throughput, errors and health of this process, in bounded memory."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.monitor.body import Body
from groundhog_otel.monitor.files import MetricFile
from groundhog_otel.monitor.health import Health, judged
from groundhog_otel.monitor.loops import running, slowest_answer_s
from groundhog_otel.monitor.metrics import CollectedMetrics, ResourceMetrics
from groundhog_otel.monitor.rate import Rate
from groundhog_otel.monitor.watching import Watch

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ("MetricCollector",)

_LOOK_S: Final = 5.0
_ANSWER_S: Final = 1.0
_MOST_LOOPS: Final = 8


class MetricCollector:
    """Watches the MCP operations and the resources of this process while it is open.

    ::

        with MetricCollector() as collector:
            …
            metrics = collector.collect_metrics()

    A thread looks at the resources every five seconds, so that their trend has points; operations are counted as they
    end. Operations are those that :class:`~groundhog_otel.mcp.McpInstrumentor` sees; no SDK need be configured.
    Nothing here raises into the program, except :meth:`collect_metrics` where it is to store and cannot.
    """

    def __init__(
        self, *, window_s: float = 60.0, store: Path | None = None, store_every_s: float | None = None
    ) -> None:
        """Make one that watches nothing yet.

        Args:
            window_s: How far back percentiles, rates and the states of budgets look, in seconds.
            store: The folder of recordings to store into; by default ``$GROUNDHOG_DIR``, or ``.groundhog``.
            store_every_s: How often to store by itself, in seconds; None is never.

        Raises:
            ValueError: a number of seconds is not above 0.
        """
        if not window_s > 0 or (store_every_s is not None and not store_every_s > 0):
            raise ValueError("window_s and store_every_s are numbers of seconds above 0")
        self.window_s = window_s
        self.watch = Watch(window_s)
        self._file = MetricFile(store)
        self._store_every_s = store_every_s
        self.rates: dict[str, Rate] = {}
        """What else is counted, by name."""
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._body = Body()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def _notice_fork(self) -> None:
        if os.getpid() != self._pid:
            self._start_over()

    def start(self) -> Self:
        """Begin to watch, and return itself. In a forked child: begin anew. Otherwise a second time does nothing."""
        self._notice_fork()
        if self._thread is None:
            self.watch.begin()
            self._ended.clear()
            self._look()
            self._thread = threading.Thread(target=self._run, name="groundhog-monitor", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Watch no more. What was seen can still be collected."""
        self.watch.stop()
        self._ended.set()
        self._thread = None

    def __enter__(self) -> Self:
        """As :meth:`start`."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """As :meth:`stop`."""
        self.stop()

    def collect_metrics(self, *, store: bool = False) -> CollectedMetrics:
        """Return what the window holds; with ``store``, also append it to the file beside the recordings.

        It asks the event loops how soon they answer, for a second at most: the one that it is called in is left out.

        Raises:
            OSError: with ``store``, the file cannot be written.
        """
        self._notice_fork()
        operations, covered_s = self.watch.read()
        resources = self._read_body()
        loops = running(self.watch.loops)[:_MOST_LOOPS]
        metrics = CollectedMetrics(
            at_s=time(),
            window_s=covered_s,
            service=_service(),
            pid=self._pid,
            operations=operations,
            resources=resources,
            loop_lag_s=slowest_answer_s(loops, _ANSWER_S),
            health=judged(operations, resources),
            in_flight=sum(one.in_flight or 0 for one in operations),
            others=self._counted(),
        )
        if store:
            self._file.append(metrics)
        return metrics

    def budgets(self) -> Health:
        """Return the state of every budget, without asking the event loops: whoever collects metrics may be in one."""
        self._notice_fork()
        return judged(self.watch.read()[0], self._read_body())

    def _counted(self) -> dict[str, float]:
        return {name: rate.per_s for name, rate in list(self.rates.items())}

    def _read_body(self) -> tuple[ResourceMetrics, ...]:
        self._look()
        with self._lock:
            return self._body.read(self.window_s)

    def _look(self) -> None:
        try:
            with self._lock:
                self._body.look()
        except Exception:
            guarded_error("monitor")

    def _run(self) -> None:
        ended, every_s = self._ended, self._store_every_s or math.inf
        left_s = every_s
        while not ended.wait(min(_LOOK_S, left_s)):
            left_s -= min(_LOOK_S, left_s)
            self._look()
            if left_s <= 0:
                left_s = every_s
                try:
                    self.collect_metrics(store=True)
                except Exception:
                    guarded_error("monitor's file")


def _service() -> str:
    """Return what this process is called in its spans."""
    resource = getattr(trace.get_tracer_provider(), "resource", None)
    attributes = getattr(resource, "attributes", None) or {}
    return str(attributes.get("service.name") or "unknown_service")

"""``LoadTester``: load tests from Python."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import anyio

from groundhog_otel.load.beginning import at
from groundhog_otel.load.checking import check_config, check_share
from groundhog_otel.load.clock import precise_loop
from groundhog_otel.load.errors import plainly
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.part import Part, Stop
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.preparing import prepared
from groundhog_otel.load.progress import Progress
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.scaling.metrics import ScalingMetrics, scaling_metrics
from groundhog_otel.load.scaling.sweep import sweep
from groundhog_otel.load.schedule import Share
from groundhog_otel.load.session import Target
from groundhog_otel.load.targets import target_for
from groundhog_otel.load.workers import run_workers
from groundhog_otel.settings import run_id
from groundhog_otel.store.layout import new_run_id

__all__ = ("LoadTester",)

T = TypeVar("T")


class LoadTester:
    """Tests one server.

    The methods run an event loop of their own; within one, await those of the same names that begin with ``a``.
    """

    def __init__(
        self,
        server: Any,
        *,
        telemetry: str | None = None,
        store: Path | None = None,
        progress: Callable[[Progress], None] = lambda _progress: None,
        **options: Any,
    ) -> None:
        """Take a URL, a command, a Python object or a target; ``options`` are those of ``targets.target_for``.

        ``telemetry``: ``otlp``, ``files`` or ``none``; None for OTLP where the environment names an endpoint, else
        files, below ``store``. ``progress`` is called twice a second.

        Raises:
            LoadError: the server cannot be tested as it is given.
        """
        self.target: Target = server if hasattr(server, "server_pids") else target_for(server, **options)
        self.stop = Stop()
        """Ends the test that is running; from its own event loop."""
        self.notes: tuple[str, ...] = ()
        """What the latest test has to say besides its result."""
        self.progress = progress
        self._telemetry, self._store = telemetry, store

    def run_load_test(self, config: LoadTestConfig) -> LoadResult:
        """Run a load test and return what it has measured.

        Raises:
            LoadError: the configuration makes no sense, or the server cannot be reached; says what to do.
        """
        return _run(self.arun_load_test(config))

    async def arun_load_test(
        self, config: LoadTestConfig, *, share: Share | None = None, begin_at_ns: int | None = None
    ) -> LoadResult:
        """Do what :meth:`run_load_test` does. With ``share``: only that worker's part of the test, in this process.

        ``begin_at_ns`` is when it begins (nanoseconds since 1970), so that all workers do at once; by default when its
        sessions are open.

        Raises:
            LoadError: the configuration makes no sense, or the server cannot be reached; says what to do.
        """
        check_config(config)
        check_share(config, share)
        telemetry = Telemetry.chosen(run_id() or new_run_id(), self._telemetry, store=self._store)
        ready = await prepared(self.target, config, telemetry)
        self.notes = ready.notes
        part = Part(ready.target, ready.config, telemetry, share or Share())
        self.stop = stop = Stop() if self.stop.why is None else self.stop
        if config.workers > 1 and share is None:
            return await run_workers(part, progress=self.progress, stop=stop)
        begin_at = None if begin_at_ns is None else at(begin_at_ns)
        return await part.run(progress=self.progress, begin_at=begin_at, stop=stop)

    def simulate_concurrent_users(self, count: int, *, duration: float = 30.0, **more: Any) -> LoadResult:
        """Let ``count`` users go through their scenarios for ``duration`` seconds, each as fast as it is answered.

        ``more`` are further fields of :class:`LoadTestConfig`.

        Raises:
            LoadError: as :meth:`run_load_test`.
        """
        return self.run_load_test(LoadTestConfig(duration=duration, concurrent_users=count, **more))

    def measure_resource_scaling(self, config: LoadTestConfig | None = None, *, most: int = 256) -> ScalingMetrics:
        """Raise the concurrency step by step, watch what the server uses, and fit the Universal Scalability Law.

        ``config`` is that of each step (by default 5 s after 1 s of warm-up); ``most`` is the highest concurrency.

        Raises:
            LoadError: as :meth:`run_load_test`.
        """
        return _run(self.ameasure_resource_scaling(config, most=most))

    async def ameasure_resource_scaling(
        self, config: LoadTestConfig | None = None, *, most: int = 256
    ) -> ScalingMetrics:
        """Do what :meth:`measure_resource_scaling` does.

        Raises:
            LoadError: as :meth:`run_load_test`.
        """
        config = config or LoadTestConfig(duration=5.0, warm_up=1.0)
        steps = await sweep(
            lambda one: self.arun_load_test(replace(one, workers=min(one.workers, one.concurrent_users))),
            config,
            pids=self.target.server_pids,
            most=most,
        )
        return scaling_metrics(steps)


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    async def await_it() -> T:
        return await coroutine

    with plainly():
        return anyio.run(await_it, backend_options={"loop_factory": precise_loop})

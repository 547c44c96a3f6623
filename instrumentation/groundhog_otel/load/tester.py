"""The load tester, for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from groundhog_otel.load.beginning import Beginning
from groundhog_otel.load.engine.progress import Progress, combined
from groundhog_otel.load.engine.schedule import WHOLE, Share
from groundhog_otel.load.engine.share import Hooks, run_share
from groundhog_otel.load.engine.stopping import Stop, in_a_loop, unless_stopped
from groundhog_otel.load.engine.workers import run_workers
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.preparing import prepared
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.scaling.metrics import ScalingMetrics, scaling_metrics
from groundhog_otel.load.scaling.saturation import Saturation, saturation
from groundhog_otel.load.scaling.sweep import sweep, telling
from groundhog_otel.load.session import Target
from groundhog_otel.load.telemetered import Metering
from groundhog_otel.load.validation import require_valid
from groundhog_otel.store.layout import new_run_id

__all__ = ("LoadTester",)

_INSTEAD: Final = "await the method with an a before its name instead"


class LoadTester:
    """Tests one server. Each method is there twice: as it is for programs without an event loop, and with an ``a``.

    ::

        tester = LoadTester(target_for("http://127.0.0.1:8000/mcp"))
        result = tester.run_load_test(LoadTestConfig(duration=60, arrivals=Poisson(200)))
        result = await tester.arun_load_test(LoadTestConfig(duration=60, concurrent_users=50))

    Ctrl-C and SIGTERM end a test early: what was recorded until then is returned, and ``LoadResult.interrupted`` says
    so. The methods with an ``a`` hear of no signals: cancel them, or give them a :class:`Stop`.
    """

    def __init__(
        self,
        target: Target,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        telemetry: str | None = None,
        store: Path | None = None,
    ) -> None:
        """``on_progress`` is called about twice a second, in this process.

        ``telemetry``: ``otlp``, ``files`` or ``none``; by default OTLP where the environment names an endpoint, else
        files below ``store``.
        """
        self.notes: tuple[str, ...] = ()
        """What the latest test has to say besides its result, a sentence each."""
        self._target = self._started = target
        self._on_progress = on_progress
        self._telemetry, self._store = telemetry, store

    def run_load_test(
        self,
        config: LoadTestConfig,
        *,
        run_id: str | None = None,
        share: Share = WHOLE,
        begin_at: Beginning | None = None,
    ) -> LoadResult:
        """Run a load test and return what it has measured.

        ``share`` is what this machine does of a test that several do. Give all of them the same ``run_id`` and the same
        ``begin_at``, and :func:`groundhog_otel.load.results.merging.merge` their results.

        Raises:
            LoadError: the configuration is wrong, or the server cannot be reached.
            StoppedError: it was stopped before it began.
        """
        return in_a_loop(
            lambda stop: self.arun_load_test(config, run_id=run_id, share=share, begin_at=begin_at, stop=stop),
            instead=_INSTEAD,
        )

    async def arun_load_test(
        self,
        config: LoadTestConfig,
        *,
        run_id: str | None = None,
        share: Share = WHOLE,
        begin_at: Beginning | None = None,
        stop: Stop | None = None,
    ) -> LoadResult:
        """Run a load test in the running event loop; else as :meth:`run_load_test`. ``stop`` ends it early."""
        require_valid(config, share.part(0, config.workers))
        stop = stop or Stop()
        run_id = run_id or new_run_id()
        telemetry = Telemetry.chosen(run_id, self._telemetry, store=self._store)
        ready = await unless_stopped(prepared(self._target, config, telemetry), stop)
        self.notes = ready.notes
        spans = telemetry.span_writer()
        if spans is not None:
            spans.served_by(ready.server, getattr(ready.target, "url", None))
        on_progress = self._on_progress
        hooks = Hooks(
            on_tick=None if on_progress is None else lambda tick: on_progress(combined([tick])),
            on_remembered=None if spans is None else spans.write,
            observe=Metering(telemetry),
        )
        self._started = ready.target
        try:
            if ready.config.workers > 1:
                result = await run_workers(
                    ready.target, ready.config, run_id=run_id, stop=stop, share=share, hooks=hooks, begin_at=begin_at
                )
            else:
                gate = None if begin_at is None else begin_at.gate
                result = await run_share(
                    ready.target, ready.config, run_id=run_id, stop=stop, share=share, hooks=hooks, gate=gate
                )
        finally:
            if spans is not None:
                await asyncio.to_thread(spans.close)
        return replace(result, target=self._target.name)  # as it was given, not as it has to be started to be recorded

    def simulate_concurrent_users(self, count: int, config: LoadTestConfig | None = None) -> LoadResult:
        """Run a load test with ``count`` users, each of whom waits for an answer before asking again (closed model).

        The rest is as ``config`` says; by default 30 s of what the server marks as read-only.

        Raises:
            LoadError: as :meth:`run_load_test`.
        """
        return self.run_load_test(_users(count, config))

    async def asimulate_concurrent_users(self, count: int, config: LoadTestConfig | None = None) -> LoadResult:
        """Do the same in the running event loop."""
        return await self.arun_load_test(_users(count, config))

    def measure_resource_scaling(self, config: LoadTestConfig | None = None, *, most: int = 256) -> ScalingMetrics:
        """Raise the concurrency step by step, watch what the server uses, and fit the Universal Scalability Law.

        ``config`` is that of each step, by default 5 s after 1 s of warm-up; ``most`` is the highest concurrency.

        Raises:
            LoadError: as :meth:`run_load_test`.
        """
        return self.run_sweep(config, most=most)[0]

    def run_sweep(self, config: LoadTestConfig | None = None, *, most: int = 256) -> tuple[ScalingMetrics, LoadResult]:
        """Do what :meth:`measure_resource_scaling` does, and return the result of the last valid step too."""
        return in_a_loop(lambda stop: self.arun_sweep(config, most=most, stop=stop), instead=_INSTEAD)

    async def ameasure_resource_scaling(
        self, config: LoadTestConfig | None = None, *, most: int = 256
    ) -> ScalingMetrics:
        """Do the same in the running event loop."""
        return (await self.arun_sweep(config, most=most))[0]

    async def arun_sweep(
        self, config: LoadTestConfig | None = None, *, most: int = 256, stop: Stop | None = None
    ) -> tuple[ScalingMetrics, LoadResult]:
        """Do what :meth:`run_sweep` does in the running event loop."""
        stop = stop or Stop()

        async def run(one: LoadTestConfig) -> LoadResult:
            return await self.arun_load_test(replace(one, workers=min(one.workers, one.concurrent_users)), stop=stop)

        steps = await sweep(
            run,
            config or LoadTestConfig(duration=5.0, warm_up=1.0),
            pids=self._server_pids,
            most=most,
        )
        metrics = scaling_metrics(steps, saturations=[self._saturation(step.result) for step in steps])
        return metrics, telling(steps).result

    def _server_pids(self) -> tuple[int, ...]:
        """Return the server's processes, of the test that is running."""
        return self._started.server_pids()

    def _saturation(self, result: LoadResult) -> Saturation:
        """Return what the server recorded of itself during a step."""
        telemetry = Telemetry.chosen(result.run_id, self._telemetry, store=self._store)
        end_ns = result.started_at_ns + round(result.duration_s * 1e9)
        return saturation([telemetry.folder], result.started_at_ns, end_ns)


def _users(count: int, config: LoadTestConfig | None) -> LoadTestConfig:
    return replace(config or LoadTestConfig(), concurrent_users=count, arrivals=None)

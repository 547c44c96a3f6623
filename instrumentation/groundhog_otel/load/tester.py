"""The load tester, for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from groundhog_otel.load.engine import Hooks, run_share
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.planning import planned
from groundhog_otel.load.progress import Progress, combined
from groundhog_otel.load.recorder import Observer
from groundhog_otel.load.result import LoadResult, Request
from groundhog_otel.load.schedule import WHOLE, Share
from groundhog_otel.load.session import Target
from groundhog_otel.load.stopping import Stop, on_signals, unless_stopped
from groundhog_otel.load.validation import require_valid
from groundhog_otel.load.workers import run_workers
from groundhog_otel.store.layout import new_run_id

__all__ = ("LoadTester",)

T = TypeVar("T")


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
        on_remembered: Callable[[Request], None] | None = None,
        observe: Callable[[Callable[[], int]], Observer | None] | None = None,
    ) -> None:
        """``on_progress`` is called about twice a second, ``on_remembered`` as :class:`Hooks` says, in this process."""
        self._target = target
        self._hooks = Hooks(
            on_tick=None if on_progress is None else lambda tick: on_progress(combined([tick])),
            on_remembered=on_remembered,
            observe=observe,
        )

    def run_load_test(self, config: LoadTestConfig, *, run_id: str | None = None, share: Share = WHOLE) -> LoadResult:
        """Run a load test and return what it has measured.

        ``share`` is what this machine does of a test that several do. Give all of them the same ``run_id``, and
        :func:`groundhog_otel.load.merging.merge` their results.

        Raises:
            LoadError: the configuration is wrong, or the server cannot be reached.
            StoppedError: it was stopped before it began.
        """
        return _in_a_loop(lambda stop: self.arun_load_test(config, run_id=run_id, share=share, stop=stop))

    async def arun_load_test(
        self, config: LoadTestConfig, *, run_id: str | None = None, share: Share = WHOLE, stop: Stop | None = None
    ) -> LoadResult:
        """Run a load test in the running event loop; else as :meth:`run_load_test`. ``stop`` ends it early."""
        require_valid(config, share.part(0, config.workers))
        stop = stop or Stop()
        settled = await unless_stopped(planned(config, self._target), stop)
        run = run_share if settled.workers == 1 else run_workers
        return await run(
            self._target,
            settled,
            run_id=run_id or new_run_id(),
            stop=stop,
            share=share,
            hooks=self._hooks,
        )

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


def _users(count: int, config: LoadTestConfig | None) -> LoadTestConfig:
    return replace(config or LoadTestConfig(), concurrent_users=count, arrivals=None)


def _in_a_loop(work: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
    async def heed_signals() -> T:
        stop = Stop()
        with on_signals(stop):
            return await work(stop)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(heed_signals())
    raise LoadError("There is an event loop already: await the method with an a before its name instead")

"""One process's part of a load test, with its telemetry: what a worker runs, and a test of one process is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from groundhog_otel.load.engine import Engine, Hooks
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.progress import Progress
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.schedule import Share
from groundhog_otel.load.session import Target
from groundhog_otel.load.telemetered import Telemetered

__all__ = ("Part", "Stop")


class Stop:
    """Ends a test early. May be called before it has begun, from its own event loop."""

    def __init__(self) -> None:
        self.why: str | None = None
        self._tell: Callable[[str], None] | None = None

    def __call__(self, why: str) -> None:
        """End the test: what is under way is given up, what was measured is kept."""
        self.why = self.why or why
        if self._tell is not None:
            self._tell(why)

    def tell(self, stop: Callable[[str], None]) -> None:
        """Say who is to be stopped."""
        self._tell = stop
        if self.why is not None:
            stop(self.why)


@dataclass(frozen=True, slots=True)
class Part:
    """All that a process needs to know. Picklable, where the target is."""

    target: Target
    config: LoadTestConfig
    telemetry: Telemetry
    share: Share

    async def run(
        self,
        *,
        progress: Callable[[Progress], None] = lambda _progress: None,
        begin_at: Callable[[], Awaitable[int]] | None = None,
        stop: Stop | None = None,
    ) -> LoadResult:
        """Run the part, and return what it has measured, also when it was stopped.

        Raises:
            LoadError: the server cannot be reached.
        """
        listener = Telemetered(self.telemetry, url=getattr(self.target, "url", None))
        hooks = Hooks(progress=progress, server=listener.served_by, listener=listener)
        engine = Engine(self.target, self.config, run_id=self.telemetry.run_id, share=self.share, hooks=hooks)
        listener.active = lambda: engine.in_flight
        if stop is not None:
            stop.tell(engine.stop)
        try:
            await engine.run(begin_at)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(listener.close)
        return engine.result(self.target.name)

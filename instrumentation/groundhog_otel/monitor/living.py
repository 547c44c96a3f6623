"""What the instrumentor keeps running in a process: the collector, and the endpoint where one is asked for."""

from __future__ import annotations

import atexit
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from opentelemetry.metrics import MeterProvider

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import ON_BEGIN
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.monitor.announced import announce, withdraw
from groundhog_otel.monitor.collector import MetricCollector
from groundhog_otel.monitor.health import Health
from groundhog_otel.monitor.instruments import observe_budgets
from groundhog_otel.settings import ENV_HEALTH_PORT, MonitorSettings

if TYPE_CHECKING:
    from groundhog_otel.monitor.endpoint import Endpoint

__all__ = ("Living",)

logger = logging.getLogger("groundhog_otel.monitor")


class Living:
    """On from :meth:`begin` to :meth:`close`. A forked child begins anew with its first operation, where it can."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._settings = settings
        self.collector = MetricCollector(window_s=settings.window_s, store_every_s=settings.store_every_s)
        self.url: str | None = None
        """Where it answers."""
        self._endpoint: Endpoint | None = None
        self._on = False

    def begin(self, provider: MeterProvider | None = None) -> None:
        """Start what the settings ask for, and report the budgets to a provider, the global one by default."""
        self._on = True
        self.collector.start()
        self._listen()
        observe_budgets(provider, self._health)
        atexit.register(withdraw)
        _LIVING.add(self)

    def close(self) -> None:
        """End it."""
        self._on = False
        _LIVING.discard(self)
        atexit.unregister(withdraw)
        if self._first in ON_BEGIN:
            ON_BEGIN.remove(self._first)
        self.collector.stop()
        endpoint, self._endpoint, self.url = self._endpoint, None, None
        if endpoint is not None:
            withdraw()
            endpoint.close()

    def _listen(self) -> None:
        if self._settings.port is None:
            return
        from groundhog_otel.monitor.endpoint import Endpoint  # noqa: PLC0415 - a server of HTTP, for those who ask

        address, port = self._settings.address, self._settings.port
        try:
            self._endpoint = Endpoint(self.collector, address=address, port=port)
        except OSError as error:
            logger.warning(
                "The health of this process is not served: cannot listen on %s port %s (%s). "
                "Write another one, or 0 for any free one, in %s.",
                address,
                port,
                error.strerror or error,
                ENV_HEALTH_PORT,
            )
            return
        self.url = self._endpoint.url
        with suppress(Exception):  # it answers all the same, to those who know where
            announce(self.url)

    def _health(self) -> Health | None:
        return self.collector.budgets() if self._on else None

    def _forked(self) -> None:
        """In a child: leave the parent's socket to it, and wait for what makes this process worth watching."""
        endpoint, self._endpoint, self.url = self._endpoint, None, None
        if endpoint is not None:
            endpoint.abandon()
        ON_BEGIN.append(self._first)

    def _first(self, _operation: Operation) -> None:
        try:
            if self._first in ON_BEGIN:
                ON_BEGIN.remove(self._first)
                self.collector.start()
                if self._settings.port == 0:  # another port is the parent's
                    self._listen()
        except Exception:
            guarded_error("monitor")


_LIVING: WeakSet[Living] = WeakSet()


def _start_over() -> None:
    for living in list(_LIVING):
        living._forked()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_over)

"""The ``groundhog_monitor`` instrumentor, for ``opentelemetry-instrument`` and for programs themselves."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # upstream opts out of mypy
    BaseInstrumentor,
)

from groundhog_otel.declarative import settled
from groundhog_otel.settings import MonitorSettings, sdk_disabled, warn

if TYPE_CHECKING:
    from groundhog_otel.monitor.living import Living

__all__ = ("MonitorInstrumentor",)

logger = logging.getLogger("groundhog_otel.monitor")


class MonitorInstrumentor(BaseInstrumentor):  # type: ignore[misc] # see the import
    """The health of this process, over HTTP and in files beside the recordings. Off unless the settings ask for it.

    ``instrument()`` takes ``meter_provider``, each field of :class:`~groundhog_otel.settings.MonitorSettings` by its
    name (the environment gives the others), and ``settings`` (one, in place of the environment). It relies on
    :class:`~groundhog_otel.mcp.McpInstrumentor` to say when operations begin and end. Nothing here raises into the
    program.
    """

    living: Living | None = None
    """What runs; None while nothing does."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: what is watched is whatever runs here."""
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Start; what a configuration file has settled, ``opentelemetry-instrument`` does not start again."""
        if not settled("groundhog_monitor", kwargs, active=self.is_instrumented_by_opentelemetry):
            super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings, problems = MonitorSettings.given(kwargs)
            warn(problems)
            if not settings.active or sdk_disabled():
                return
            from groundhog_otel.monitor.living import Living  # noqa: PLC0415 - only for those who ask

            self.living = Living(settings)
            self.living.begin(kwargs.get("meter_provider"))
        except Exception:
            logger.warning("The health of this process is not watched", exc_info=True)

    def _uninstrument(self, **_kwargs: Any) -> None:
        living, self.living = self.living, None
        if living is not None:
            living.close()

"""The ``groundhog_profiling`` instrumentor, for ``opentelemetry-instrument`` and for programs themselves."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # upstream opts out of mypy
    BaseInstrumentor,
)

from groundhog_otel.declarative import settled
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.settings import ProfilingSettings, warn

if TYPE_CHECKING:
    from groundhog_otel.profiling.live.listening import Listener

__all__ = ("ProfilingInstrumentor",)

logger = logging.getLogger("groundhog_otel.profiling")


class ProfilingInstrumentor(BaseInstrumentor):  # type: ignore[misc] # see the import
    """Profiles of this process, from its start or when a signal asks. Off unless the settings ask for it.

    ``instrument()`` takes ``settings`` (a :class:`~groundhog_otel.settings.ProfilingSettings`; by default read from the
    environment). It relies on :class:`~groundhog_otel.mcp.McpInstrumentor` to say when operations begin and end.
    Nothing here raises into the program.
    """

    _listener: Listener | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: what is profiled is whatever runs here."""
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Start; what a configuration file has settled, ``opentelemetry-instrument`` does not start again."""
        if not settled("groundhog_profiling", kwargs, active=self.is_instrumented_by_opentelemetry):
            super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings, problems = ProfilingSettings.given(kwargs)
            warn(problems)
            if not settings.modes:
                return
            from groundhog_otel.profiling.live.listening import Listener  # noqa: PLC0415 - only for those who ask

            self._listener = Listener(settings)
            self._listener.begin()
        except ProfileError as error:
            logger.warning("Profiling: %s", error)
        except Exception:
            logger.warning("This process is not profiled", exc_info=True)

    def _uninstrument(self, **_kwargs: Any) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

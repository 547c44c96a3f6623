"""The ``groundhog_mcp`` instrumentor: what ``opentelemetry-instrument`` loads, and programs may call themselves."""

from __future__ import annotations

import logging
from collections.abc import Collection
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # upstream opts out of mypy
    BaseInstrumentor,
)

from groundhog_otel.declarative import settled
from groundhog_otel.mcp import fastmcp, peers
from groundhog_otel.mcp.life import Life
from groundhog_otel.mcp.notice import UnreachableNotice
from groundhog_otel.mcp.patching import Hook, Patches
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.mcp.traffic import TrafficCounter
from groundhog_otel.settings import McpSettings, warn

if TYPE_CHECKING:
    from groundhog_otel.mcp.cpu_time import CpuTime

__all__ = ("McpInstrumentor",)

logger = logging.getLogger("groundhog_otel.mcp")

_SUPPORTED: Final = "mcp >= 1.10, < 3"
_INSTALL: Final = "pip install 'mcp>=1.10,<3'"
_OFF: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=groundhog_mcp"


class McpInstrumentor(BaseInstrumentor):  # type: ignore[misc] # see the import
    """Spans and metrics of every MCP operation, at clients and at servers, of the official ``mcp`` SDK 1.x and 2.x.

    ``instrument()`` takes ``tracer_provider``, ``meter_provider``, each field of
    :class:`~groundhog_otel.settings.McpSettings` by its name (the environment gives the others), and ``settings`` (such
    an object, in place of the environment). It never imports ``mcp``:
    what is loaded is patched now, the rest when the program imports it. It never raises either, because that would stop
    every other instrumentation; what hinders it is one warning.
    """

    _patches: Patches | None = None
    _notice: UnreachableNotice | None = None
    _telemetry: Telemetry | None = None
    _life: Life | None = None
    _traffic: TrafficCounter | None = None
    _cpu_time: CpuTime | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the supported releases of ``mcp``."""
        return (_SUPPORTED,)

    def _check_dependency_conflicts(self) -> None:
        # Ours, below, says what to do about it; and opentelemetry-instrument skips the base class's.
        return None

    def instrument(self, **kwargs: Any) -> None:
        """Start; what a configuration file has settled, ``opentelemetry-instrument`` does not start again."""
        if not settled("groundhog_mcp", kwargs, active=self.is_instrumented_by_opentelemetry):
            super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            problem = _unsupported()
            if problem is not None:
                logger.warning("MCP is not instrumented: %s", problem)
                return
            settings, problems = McpSettings.given(kwargs)
            warn(problems)
            telemetry = Telemetry(
                settings,
                tracer_provider=kwargs.get("tracer_provider"),
                meter_provider=kwargs.get("meter_provider"),
            )
            self._telemetry = telemetry
            peers.retire(telemetry)
            self._traffic = TrafficCounter(kwargs.get("meter_provider"))
            self._notice = UnreachableNotice()
            self._notice.install()
            self._life = Life(
                settings,
                tracer_provider=kwargs.get("tracer_provider"),
                meter_provider=kwargs.get("meter_provider"),
                given_up=self._notice.give_up,
            )
            self._patches = Patches(
                (*_hooks(telemetry), *fastmcp.hooks(telemetry), *peers.hooks(telemetry), *self._life.hooks())
            )
            self._patches.install()
            if settings.detail:
                from groundhog_otel.mcp.cpu_time import CpuTime  # noqa: PLC0415 - for whoever asks for it

                self._cpu_time = CpuTime()
                self._cpu_time.install()
        except Exception:
            logger.warning("MCP is not instrumented", exc_info=True)

    def _uninstrument(self, **_kwargs: Any) -> None:
        if self._cpu_time is not None:
            self._cpu_time.remove()
            self._cpu_time = None
        if self._patches is not None:
            self._patches.remove()
            self._patches = None
        if self._telemetry is not None:
            self._telemetry.stop()
            self._telemetry = None
        if self._life is not None:
            self._life.close()
            self._life = None
        if self._traffic is not None:
            self._traffic.stop()
            self._traffic = None
        if self._notice is not None:
            self._notice.remove()
            self._notice = None


def _unsupported() -> str | None:
    """Return what is wrong with the installed ``mcp``, and what to do about it; None when nothing is."""
    try:
        version = metadata.version("mcp")
    except metadata.PackageNotFoundError:
        return f"the package mcp is not installed in this environment. {_INSTALL}, or set {_OFF}."
    parts = version.split(".")
    try:
        release = int(parts[0]), int(parts[1])
    except (IndexError, ValueError):
        release = (1, 10)  # a development build: the hooks look for what they need themselves
    if release < (1, 10):
        return f"mcp {version} is too old, 1.10 is the first supported release. {_INSTALL}, or set {_OFF}."
    if release >= (3, 0):
        return f"mcp {version} is newer than this package knows. pip install -U groundhog-otel, or {_INSTALL}."
    return None


def _hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return the hooks for the generation of the SDK that is installed: told by its files, so that none is imported."""
    spec = util.find_spec("mcp")
    folders = spec.submodule_search_locations if spec is not None else None
    if any((Path(folder) / "shared" / "jsonrpc_dispatcher.py").exists() for folder in folders or ()):
        from groundhog_otel.mcp import sdk_v2  # noqa: PLC0415 - the other generation's code is never loaded

        return sdk_v2.hooks(telemetry)
    from groundhog_otel.mcp import sdk_v1  # noqa: PLC0415

    return sdk_v1.hooks(telemetry)

"""Load tests of MCP servers: open-model arrivals, latencies from the moment each request was due, linked to traces."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from groundhog_otel.load.errors import LoadError
    from groundhog_otel.load.plan import Expectation, LoadTestConfig, Scenario, Step, Threshold
    from groundhog_otel.load.tester import LoadTester

__all__ = ("Expectation", "LoadError", "LoadTestConfig", "LoadTester", "Scenario", "Step", "Threshold")

_HOMES: Final = {"LoadError": "errors", "LoadTester": "tester"}


def __getattr__(name: str) -> Any:
    """Load a name when it is asked for: the tester needs the extra ``load``, and the command line only the error."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'plan')}"), name)

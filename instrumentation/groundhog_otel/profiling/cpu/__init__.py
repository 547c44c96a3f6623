"""The CPU profiler: looks at every thread at intervals, and says which operation each look belongs to.

Everything is loaded when it is asked for: to import this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from groundhog_otel.profiling.cpu.blocking import Blocking
    from groundhog_otel.profiling.cpu.hotspots import Hotspot, Hotspots, Part, analyze_hotspots
    from groundhog_otel.profiling.cpu.profiler import CpuProfiler
    from groundhog_otel.profiling.cpu.session import ProfileSession
    from groundhog_otel.profiling.cpu.targets import Targets

__all__ = (
    "Blocking", "CpuProfiler", "Hotspot", "Hotspots", "Part", "ProfileSession", "Targets", "analyze_hotspots",
)  # fmt: skip

_HOMES: Final = {
    "Blocking": "blocking",
    "CpuProfiler": "profiler",
    "ProfileSession": "session",
    "Targets": "targets",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'hotspots')}"), name)

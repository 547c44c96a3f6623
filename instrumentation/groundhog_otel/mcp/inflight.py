"""The MCP operations that are under way in this process, for whoever reports on the process as a whole."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from groundhog_otel.mcp.operation import Operation

__all__ = ("AROUND", "IN_FLIGHT", "ON_BEGIN", "ON_END")

IN_FLIGHT: Final[set[Operation]] = set()
"""Each from its beginning to its end. Other threads take a copy, ``tuple(IN_FLIGHT)``: one step under the GIL."""

ON_BEGIN: Final[list[Callable[[Operation], None]]] = []
"""Called with each operation that has just begun, in the task that began it. They must not raise."""

ON_END: Final[list[Callable[[Operation, float], None]]] = []
"""Called with each operation that has been counted and with its seconds, before its span ends. They must not raise.

How it ended is its ``outcome``.
"""

AROUND: Final[list[Callable[[Operation, Awaitable[Any]], Awaitable[Any]]]] = []
"""Given each operation that handles a message, and what its handler is about to be awaited as; what they return is
awaited instead. So a profiler gets a frame of its own below the handler's. They must not raise."""

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=IN_FLIGHT.clear)  # the parent's operations end in the parent

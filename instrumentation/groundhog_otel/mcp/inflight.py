"""The MCP operations that are under way in this process, for whoever reports on the process as a whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from groundhog_otel.mcp.operation import Operation

__all__ = ("IN_FLIGHT",)

IN_FLIGHT: Final[set[Operation]] = set()
"""Each from its beginning to its end. Other threads take a copy, ``tuple(IN_FLIGHT)``: one step under the GIL."""

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=IN_FLIGHT.clear)  # the parent's operations end in the parent

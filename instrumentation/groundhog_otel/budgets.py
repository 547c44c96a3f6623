"""The performance budgets: one number each, used by the report, the alert and the sampling policy alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = (
    "BACKGROUND",
    "COMMAND",
    "LATENCY_BUDGETS",
    "PROCESS_LIMITS",
    "PROTOCOL",
    "UI",
    "Budget",
    "ProcessLimits",
    "budget_for",
)


@dataclass(frozen=True, slots=True)
class Budget:
    """An upper bound on the latency of one class of operations."""

    name: str
    limit_s: float
    """Seconds. Met when the 99th percentile is at or below it."""


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """Upper bounds on what one watched process may use."""

    memory_bytes: int
    cpu_share: float
    """Of the CPUs the process may use, 0 to 1."""
    network_bytes_per_s: int
    disk_bytes: int


COMMAND: Final = Budget("command", 0.050)
PROTOCOL: Final = Budget("protocol", 0.100)
UI: Final = Budget("ui", 0.016)
BACKGROUND: Final = Budget("background", 0.500)
LATENCY_BUDGETS: Final = (COMMAND, PROTOCOL, UI, BACKGROUND)
PROCESS_LIMITS: Final = ProcessLimits(
    memory_bytes=500_000_000, cpu_share=0.30, network_bytes_per_s=50_000_000, disk_bytes=1_000_000_000
)

_COMMANDS: Final = frozenset({"tools/call", "prompts/get", "resources/read", "completion/complete"})
_UI: Final = frozenset({"notifications/progress", "notifications/message", "notifications/resources/updated"})


def budget_for(method: str) -> Budget:
    """Return the latency budget of an MCP method, by its wire name.

    Notifications that no user sees (``notifications/initialized``, ``notifications/cancelled``) count as protocol.
    """
    if method in _COMMANDS:
        return COMMAND
    if method in _UI or (method.startswith("notifications/") and method.endswith("/list_changed")):
        return UI
    if method.startswith("tasks/"):
        return BACKGROUND
    return PROTOCOL

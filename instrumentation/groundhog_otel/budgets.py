"""The performance budgets: one number each, used by the report, the alert and the sampling policy alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = (
    "BACKGROUND",
    "COMMAND",
    "LATENCY_BUDGETS",
    "METHOD_PATTERNS",
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

METHOD_PATTERNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        COMMAND.name: "tools/call|prompts/get|resources/read|completion/complete",
        UI.name: "notifications/(progress|message|resources/updated|.*/list_changed)",
        BACKGROUND.name: "tasks/.*",
    }
)
"""Regular expressions, for a whole name, of the methods in each class; every other method is of the class ``protocol``.

Read alike by Python, and by the RE2 of PromQL and the Collector.
"""
_BY_NAME: Final = {budget.name: budget for budget in LATENCY_BUDGETS}


def budget_for(method: str) -> Budget:
    """Return the latency budget of an MCP method, by its wire name.

    Notifications that no user sees (``notifications/initialized``, ``notifications/cancelled``) count as protocol.
    """
    for name, pattern in METHOD_PATTERNS.items():
        if re.fullmatch(pattern, method):
            return _BY_NAME[name]
    return PROTOCOL

"""The metrics that the monitor emits, made once for a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from groundhog_otel import __version__, semconv
from groundhog_otel.catalogue import METRICS
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.names import METHODS
from groundhog_otel.monitor.health import Health

__all__ = (
    "BLOCK_NAME",
    "BUDGET_NAME",
    "BUDGET_UTILIZATION",
    "COUNT",
    "CPU_TIME",
    "DURATION",
    "MEMORY_GROWTH",
    "Instruments",
    "attributes_of",
    "observe_budgets",
)

SCOPE: Final = "groundhog_otel.monitor"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
BLOCK_NAME: Final = "groundhog.block.name"
BUDGET_NAME: Final = "groundhog.budget.name"
DURATION: Final = "groundhog.block.duration"
CPU_TIME: Final = "groundhog.block.cpu.time"
MEMORY_GROWTH: Final = "groundhog.block.memory.growth"
COUNT: Final = "groundhog.block.count"
BUDGET_UTILIZATION: Final = "groundhog.budget.utilization"

_ASKED: Final[WeakKeyDictionary[MeterProvider, list[Callable[[], Health | None]]]] = WeakKeyDictionary()


def attributes_of(name: str, tool: str | None, error: str | None = None) -> dict[str, str]:
    """Return the attributes of a block: of the semantic conventions where it is a method of MCP."""
    found = {semconv.MCP_METHOD_NAME if name in METHODS else BLOCK_NAME: name}
    if tool is not None:
        found[semconv.GEN_AI_PROMPT_NAME if name == "prompts/get" else semconv.GEN_AI_TOOL_NAME] = tool
    if error is not None:
        found[semconv.ERROR_TYPE] = error
    return found


class Instruments:
    """What blocks that are measured by hand report to."""

    def __init__(self, provider: MeterProvider | None) -> None:
        meter = metrics.get_meter(SCOPE, __version__, provider, SCHEMA_URL)

        def histogram(name: str, description: str) -> metrics.Histogram:
            row = METRICS[name]
            return meter.create_histogram(
                name, row.unit, description, explicit_bucket_boundaries_advisory=list(row.buckets)
            )

        self.duration = histogram(DURATION, "Duration of a block of code that is measured by hand")
        self.cpu_time = histogram(CPU_TIME, "CPU seconds of the process while a block ran")
        self.memory_growth = histogram(MEMORY_GROWTH, "By how much the process' memory grew while a block ran")
        self.count = meter.create_counter(COUNT, "{item}", "What blocks of code have dealt with")


def observe_budgets(provider: MeterProvider | None, health: Callable[[], Health | None]) -> None:
    """Report each budget that is known as what is used up of it, 1 being all, as often as metrics are collected.

    ``health`` returns None when there is nothing to report any more: the API cannot take an instrument back.
    """
    provider = provider or metrics.get_meter_provider()
    if provider in _ASKED:  # it has the instrument, from a time before
        _ASKED[provider][0] = health
        return
    asked = [health]

    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        try:
            found = asked[0]()
            known = () if found is None else found.budgets
            return [Observation(one.consumed, {BUDGET_NAME: one.name}) for one in known if one.consumed is not None]
        except Exception:
            guarded_error(BUDGET_UTILIZATION)
            return []

    meter = metrics.get_meter(SCOPE, __version__, provider, SCHEMA_URL)
    _ASKED[provider] = asked
    meter.create_observable_gauge(
        BUDGET_UTILIZATION, [observe], "1", "What was measured as a share of what the budget allows"
    )

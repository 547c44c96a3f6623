from __future__ import annotations

import pytest

from groundhog_otel import semconv
from groundhog_otel.budgets import BACKGROUND, COMMAND, PROTOCOL, UI, Budget, budget_for


@pytest.mark.parametrize(
    ("method", "budget"),
    [
        ("tools/call", COMMAND),
        ("resources/read", COMMAND),
        ("initialize", PROTOCOL),
        ("tools/list", PROTOCOL),
        ("notifications/initialized", PROTOCOL),
        ("notifications/progress", UI),
        ("notifications/tools/list_changed", UI),
        ("tasks/result", BACKGROUND),
        ("something/new", PROTOCOL),
    ],
)
def test_every_method_has_a_budget(method: str, budget: Budget) -> None:
    assert budget_for(method) is budget


def test_latency_budgets_that_alerts_use_are_boundaries_of_the_conventions() -> None:
    assert {COMMAND.limit_s, PROTOCOL.limit_s, BACKGROUND.limit_s} <= set(semconv.MCP_DURATION_BUCKETS_S)

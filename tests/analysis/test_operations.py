from __future__ import annotations

from groundhog_otel.analysis.operations import operations
from groundhog_otel.budgets import COMMAND, PROTOCOL
from tests.support.recorded import SERVER, span


def test_one_group_per_side_service_and_name() -> None:
    found = operations(
        [
            span("tools/call nap", ms=60),
            span("tools/call nap", ms=40),
            span("tools/call nap", ms=30, kind="server", process=SERVER),
            span("tools/list", ms=1),
        ]
    )
    assert [(one.side, one.service, one.name, one.latency.count, one.budget, one.met) for one in found] == [
        ("client", "app", "tools/call nap", 2, COMMAND, False),
        ("client", "app", "tools/list", 1, PROTOCOL, True),
        ("server", "srv", "tools/call nap", 1, COMMAND, True),
    ]


def test_the_most_over_budget_comes_first() -> None:
    found = operations([span("tools/call a", ms=40), span("ping", ms=90), span("tools/call b", ms=49)])
    assert [one.name for one in found] == ["tools/call b", "ping", "tools/call a"]


def test_a_budget_is_met_at_its_limit_and_missed_above() -> None:
    (at,) = operations([span(ms=50)])
    (above,) = operations([span(ms=50.001)])
    assert (at.met, above.met) == (True, False)


def test_errors_are_counted_by_type() -> None:
    (one,) = operations([span(error="timeout"), span(error="tool_error"), span(error="timeout"), span(status="error")])
    assert one.errors == (("timeout", 2), ("error", 1), ("tool_error", 1))
    assert one.error_count == 4


def test_what_is_no_mcp_operation_is_left_out() -> None:
    assert operations([span("GET /", method=None), span(kind="internal")]) == ()

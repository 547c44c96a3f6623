from __future__ import annotations

from collections.abc import Sequence

import pytest

from groundhog_otel.analysis.operations import operations
from groundhog_otel.analysis.trends import trends
from groundhog_otel.analysis.verdicts import Verdict, verdicts
from groundhog_otel.store.model import Series, Span
from tests.support.recorded import SERVER, recording, series, span


def _verdicts(spans: Sequence[Span] = (), numbers: Sequence[Series] = ()) -> dict[str, Verdict]:
    found = verdicts(operations(spans), trends(recording(spans, numbers)))
    return {one.budget: one for one in found}


def test_every_budget_has_a_verdict_also_where_nothing_was_recorded() -> None:
    found = _verdicts()
    assert list(found) == ["command", "protocol", "ui", "background", "memory", "cpu", "network", "disk"]
    assert {one.met for one in found.values()} == {None}
    assert all(one.missing for one in found.values())


def test_a_class_is_judged_by_each_of_its_operations_and_the_worst_is_named() -> None:
    found = _verdicts(
        [span("tools/call a", ms=10), span("tools/call b", ms=60, own=2), span("initialize", ms=99, own=3)]
    )
    command = found["command"]
    assert (command.met, command.within, command.judged, command.measured) == (False, 1, 2, 0.06)
    assert command.worst == "tools/call b (app, client)"
    assert found["protocol"].met is True
    assert found["ui"].met is None


@pytest.mark.parametrize(
    ("name", "budget", "values", "met", "measured"),
    [
        ("process.memory.usage", "memory", (100e6, 501e6, 90e6), False, 501e6),
        ("process.memory.usage", "memory", (100e6, 500e6), True, 500e6),
        # A peak of CPU is what a budget for work that goes on allows for.
        ("process.cpu.utilization", "cpu", (0.1, 0.4), True, 0.25),
        ("process.cpu.utilization", "cpu", (0.3, 0.4), False, 0.35),
        ("groundhog.mcp.io", "network", (0, 90e6, 90e6), True, 45e6),
        ("groundhog.mcp.io", "network", (0, 90e6, 180e6), False, 90e6),
        ("groundhog.folder.usage", "disk", (1e9, 1.1e9), False, 1.1e9),
    ],
)
def test_a_process_is_judged_by_its_mean_or_its_largest_value(
    name: str, budget: str, values: tuple[float, ...], met: bool, measured: float
) -> None:
    found = _verdicts([], [series(name, *values), series(name, *(0.0 for _ in values), process=SERVER)])[budget]
    assert (found.met, found.judged, found.worst) == (met, 2, "app (11)")
    assert found.measured == pytest.approx(measured)

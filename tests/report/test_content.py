from __future__ import annotations

from groundhog_otel.report.content import reported
from tests.report import made
from tests.support.recorded import START, recording, series, span


def test_a_report_spans_all_that_was_recorded() -> None:
    found = reported(recording([span(at_ms=500, ms=250)], [series("process.memory.usage", 1, 2)]))
    assert (found.start_ns, found.duration_s) == (START, 1.0)
    assert reported(recording()).duration_s == 0


def test_each_operation_has_its_distribution() -> None:
    found = made.report()
    for one in found.summary.operations:
        assert sum(each.count for each in found.spread_of(one)) == one.latency.count


def test_findings_are_ordered_by_what_they_cost_and_may_not_have_been_looked_for() -> None:
    whole = made.recording(50)
    found = reported(whole, findings=reversed(made.findings(whole))).findings
    assert found is not None
    assert [one.detector for one in found] == ["blocking_call", "uncached_lists"]
    assert reported(whole).findings is None

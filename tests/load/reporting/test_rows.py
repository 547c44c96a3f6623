from __future__ import annotations

from dataclasses import replace

import pytest

from groundhog_otel.load.judgement.changes import ErrorChange
from groundhog_otel.load.reporting.rows import change_rows, error_rows, slow_rows
from tests.load.reporting import made


def test_errors_are_listed_by_how_many_there_were() -> None:
    search, listed = (replace(one, errors={}) for one in made.result().operations[:2])
    search = replace(search, errors={"timeout:1 s": 2, "tool:isError": 30}, messages={"tool:isError": "x" * 500})
    listed = replace(listed, errors={"jsonrpc:-32602": 7})
    rows = error_rows(made.result(operations=(search, listed)))
    assert [(one.count, one.operation, one.error) for one in rows] == [
        (30, search.name, "tool error: isError"),
        (7, listed.name, "JSON-RPC error: -32602"),
        (2, search.name, "no answer in time: 1 s"),
    ]
    assert (len(rows[0].message), rows[1].message) == (200, "")


def test_a_slow_request_has_its_own_link_and_when_it_was_due() -> None:
    report = made.report()
    rows = slow_rows(report)
    assert [one.request for one in rows] == list(report.result.slowest)
    assert all(one.link is not None and one.link.request.trace_id == one.request.trace_id for one in rows)
    assert rows[0].due_s == pytest.approx(12, abs=0.1)
    assert slow_rows(replace(report, links=()))[0].link is None


def test_an_operation_is_named_once_and_what_is_lacking_is_said() -> None:
    rows = list(change_rows(made.comparison()))
    assert [(one.finding, one.operation, one.measure) for one in rows] == [
        ("worse", made.SEARCH, "p50"), (None, "", "p99"), (None, "", "errors"),
        ("better", made.READ, "p50"), (None, "", "errors"),
        ("too little data", made.LIST, "latency"), (None, "", "errors"),
    ]  # fmt: skip
    assert rows[5].told == "it takes 368 requests of each test, and one has 271"


def test_errors_that_neither_test_had_are_no_row() -> None:
    compared = made.comparison()
    none = replace(compared.operations[0], errors=ErrorChange(0.0, 0.0, 1.0, "no difference"))
    rows = change_rows(replace(compared, operations=(none,)))
    assert [one.measure for one in rows] == ["p50", "p99"]

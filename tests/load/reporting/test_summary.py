from __future__ import annotations

import json

import pytest

from groundhog_otel.load.reporting.summary import as_json
from tests.load.reporting import made


def test_the_summary_is_json_with_plain_numbers() -> None:
    told = json.loads(json.dumps(as_json(made.report()), allow_nan=False))
    search = told["operations"][0]
    assert (told["format"], told["valid"], told["passed"]) == (1, True, False)
    assert search["name"] == made.SEARCH
    assert (
        search["response"]["p50"]["low_s"]
        <= search["response"]["p50"]["value_s"]
        <= search["response"]["p50"]["high_s"]
    )
    assert search["response"]["p99"]["value_s"] > 10 * search["service"]["p99"]["value_s"]
    assert search["errors"] == {"tool:tool_error": 11}
    assert [one["outcome"] for one in told["checks"]] == ["failed", "undecided", "passed"]
    assert sum(part["share"] for part in told["latency_budget"]["parts"]) == pytest.approx(1)


def test_a_percentile_of_too_few_requests_is_null_and_says_so() -> None:
    listed = as_json(made.report())["operations"][-1]
    assert listed["response"]["p99"] == {"value_s": None, "low_s": None, "high_s": None, "requests_needed": 368}


def test_what_is_not_known_is_null() -> None:
    told = as_json(made.report(comparison=None, scaling=None, budget=None, links=(), baseline=""))
    assert [told[key] for key in ("comparison", "scaling", "latency_budget", "baseline")] == [None] * 4
    assert told["slowest"][0]["trace"] is None


def test_every_part_of_a_whole_report_is_in_it() -> None:
    told = as_json(made.report())
    assert told["comparison"]["operations"][0]["finding"] == "worse"
    assert told["scaling"]["fit"]["knee"]["value"] == 32.3
    assert told["scaling"]["steps"][-2]["saturation"]["loop_lag_p99_s"] is None, "JSON knows no infinite number"
    assert told["slowest"][0]["trace"]["url_or_file"].startswith("http://127.0.0.1:16686/trace/")
    assert told["slowest"][3]["trace"] == {"url_or_file": None, "found": False, "missing": "the trace is not in Jaeger"}

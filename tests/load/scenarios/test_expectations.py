from __future__ import annotations

from typing import Any

import pytest

from groundhog_otel.load.plan import Expectation
from groundhog_otel.load.scenarios.expectations import unmet

RESULT = {
    "content": [{"text": "Total: 42"}],
    "structuredContent": {"total": 42, "ok": True, "tags": ["a", 1], "none": None},
}


@pytest.mark.parametrize(
    ("path", "test", "value", "met"),
    [
        ("structuredContent.total", "equals", 42, True),
        ("structuredContent.total", "equals", "42", False),
        ("structuredContent.ok", "equals", 1, False),
        ("structuredContent.ok", "equals", True, True),
        ("structuredContent.none", "equals", None, True),
        ("structuredContent.total", "at_least", 42, True),
        ("structuredContent.total", "at_most", 41.9, False),
        ("structuredContent.ok", "at_least", 0, False),
        ("content[0].text", "contains", 42, True),
        ("structuredContent.tags", "contains", "a", True),
        ("structuredContent.tags", "contains", True, False),
        ("structuredContent", "contains", "total", True),
        ("content[0].text", "matches", r"\d+$", True),
        ("", "matches", "Total", True),
        ("structuredContent.none", "exists", True, True),
        ("structuredContent.none", "exists", None, True),
        ("structuredContent.other", "exists", False, True),
        ("structuredContent.other", "exists", True, False),
        ("structuredContent.other", "equals", None, False),
    ],
)
def test_expectations_are_met_or_not(path: str, test: Any, value: Any, met: bool) -> None:
    assert (unmet(Expectation(path, test, value), RESULT) is None) == met


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (Expectation("structuredContent.total", "at_most", 3), "structuredContent.total is 42, expected at most 3"),
        (Expectation("a.b", "equals", 1), "a.b is not there"),
        (Expectation("structuredContent.ok", "exists", False), "structuredContent.ok is there"),
        (
            Expectation("content[0].text", "matches", "x" * 99),
            f'content[0].text is "Total: 42", expected it to match "{"x" * 59}…',
        ),
    ],
)
def test_what_is_not_met_is_said_in_a_line(expectation: Expectation, words: str) -> None:
    assert unmet(expectation, RESULT) == words


def test_a_request_without_a_result_meets_nothing() -> None:
    assert unmet(Expectation("content", "exists"), None) == "content is not there"

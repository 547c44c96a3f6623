from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.load.scenarios.paths import ABSENT, find, parse

RESULT = {
    "content": [{"text": "a"}, {"text": "b"}],
    "structuredContent": {"items": [1, 2], "order id": None, "0": "zero"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("content[0].text", "a"),
        ("content[-1].text", "b"),
        ("structuredContent.items[1]", 2),
        ('structuredContent["order id"]', None),
        ("structuredContent['0']", "zero"),
        ("structuredContent.0", "zero"),
        ("", RESULT),
        ("content[2]", ABSENT),
        ("content[-3]", ABSENT),
        ("content.text", ABSENT),
        ("content[0].text[0]", ABSENT),
        ("nothing.at.all", ABSENT),
    ],
)
def test_a_path_leads_to_a_value_or_nowhere(path: str, value: Any) -> None:
    found = find(RESULT, path)
    assert found is value or found == value


@pytest.mark.parametrize("path", [".a", "a..b", "a[b]", "a[0", "a]", "a[0]b", "a.", "['a"])
def test_what_is_no_path_says_from_where_on(path: str) -> None:
    with pytest.raises(ValueError, match=r"is no path, from .* on: write one like content\[0\].text"):
        parse(path)


@given(st.lists(st.integers(-99, 99) | st.text(min_size=1).filter(lambda text: '"' not in text and "\n" not in text)))
def test_any_keys_can_be_written_as_a_path(keys: list[Any]) -> None:
    path = "".join(f"[{key}]" if isinstance(key, int) else f'["{key}"]' for key in keys)
    assert parse(path) == tuple(keys)
    assert json.dumps(keys)

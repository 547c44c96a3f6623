from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.load.scenarios.templates import TemplateError, escape, fill, names

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["${a}", "$${a}", "x${", "$$${b}$"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("${count}", 3),
        ("${ count }", 3),
        ("n=${count}", "n=3"),
        ("${name} and ${name}", "Ada and Ada"),
        ("${rows}", [1, None]),
        ("rows: ${rows}", "rows: [1, null]"),
        ("$${name}", "${name}"),
        ("$5 and {x}", "$5 and {x}"),
        ({"a": ["${count}", {"${name}": "${name}"}]}, {"a": [3, {"${name}": "Ada"}]}),
        (7, 7),
        ("${env:SOME_TOKEN}", "t0ken"),
    ],
)
def test_templates_are_replaced(value: Any, filled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "t0ken")
    assert fill(value, {"count": 3, "name": "Ada", "rows": [1, None]}) == filled


def test_a_value_that_is_not_there_is_named() -> None:
    with pytest.raises(TemplateError, match=r"\$\{id\} has no value"):
        fill({"a": ["${id}"]}, {"name": 1})
    with pytest.raises(TemplateError, match=r"\$\{env:NOT_SET\} has no value"):
        fill("x${env:NOT_SET}", {})


def test_names_of_templates() -> None:
    assert list(names({"a": "${one} ${ two }", "b": ["$${no}", {"c": "${env:X}"}], "d": 1})) == ["one", "two", "env:X"]


@given(JSON)
def test_what_is_escaped_is_left_as_it_was(value: Any) -> None:
    assert fill(escape(value), {}) == value
    assert not list(names(escape(value)))

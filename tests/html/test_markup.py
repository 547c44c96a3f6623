from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.html.markup import data, joined, link, raw, tag
from tests.support.pages import HOSTILE, Elements


def test_a_link_leads_only_to_the_web_or_to_a_file() -> None:
    assert link('https://jaeger/trace/1?a=1&b="2', "x") == (
        '<a href="https://jaeger/trace/1?a=1&amp;b=&quot;2" rel="noopener noreferrer" target="_blank">x</a>'
    )
    for target in ("javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "JaVaScRiPt:x", "vbscript:x"):
        assert link(target, "<x>") == "&lt;x&gt;"


def test_only_markup_of_ours_is_not_escaped() -> None:
    assert joined("<b>", tag("b", "<i>"), ["&", tag("br")]) == "&lt;b&gt;<b>&lt;i&gt;</b>&amp;<br>"
    assert tag("a", title='"', hidden=True, lang=None, tabindex=1.25) == '<a title="&quot;" hidden tabindex="1.2"></a>'
    with pytest.raises(ValueError, match="a script cannot hold"):
        raw("script", "</script>")


@given(value=st.recursive(st.none() | st.integers() | st.text() | st.sampled_from(HOSTILE), st.lists))
def test_data_is_one_element_and_comes_back(value: object) -> None:
    text = data("x", [value, "</script><!--"])
    elements = Elements(text)
    assert elements.tags == [("script", {"type": "application/json", "id": "x"})]
    assert json.loads(elements.text) == [value, "</script><!--"]
    assert set(text[1:-9].partition(">")[2]).isdisjoint("<>&")

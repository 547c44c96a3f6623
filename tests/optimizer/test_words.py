"""Actions as they are written: in the environment, on the command line, in findings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.optimizer.actions import ACTIONS, ActionError, made
from groundhog_otel.optimizer.suggestions import suggested
from groundhog_otel.settings import Wanted
from groundhog_otel.settings.actions import spelled, wanted

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9_./-][A-Za-z0-9_./ =:-]{0,8}[A-Za-z0-9_./-]", fullmatch=True)


@given(st.lists(st.builds(Wanted, NAMES, st.dictionaries(NAMES, VALUES, max_size=3)), max_size=4))
def test_what_is_written_is_read_back(actions: list[Wanted]) -> None:
    once = tuple(one for number, one in enumerate(actions) if one not in actions[:number])
    assert wanted(spelled(once)) == once


@pytest.mark.parametrize(
    "text", ["limiter:tokens", "limiter:=5", ":tokens=5", "Limiter", "limiter:tokens=1,tokens=2", "a;a", 5, None]
)
def test_what_is_not_understood(text: object) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        wanted(text)


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("offlod:tool=a", "there is no action offlod: there are offload, limiter, gc_freeze,"),
        ("offload", "the action offload needs tool: write offload:tool=..."),
        ("offload:name=a", "the action offload has no parameter name: it takes tool"),
        ("loop_policy:kind=uv", "the action loop_policy has no parameter kind: it takes no parameters"),
        ("limiter:tokens=0", "limiter:tokens=0 is not understood: write a whole number from 1 to 10,000"),
        ("cache_result:tool=a,ttl_s=-1", "cache_result:ttl_s=-1 is not understood: write a number above 0"),
    ],
)
def test_what_is_wrong_is_one_sentence(action: str, says: str) -> None:
    with pytest.raises(ActionError) as caught:
        made(wanted(action)[0])
    assert str(caught.value).startswith(says)


def test_each_action_says_what_it_is() -> None:
    for name, kind in ACTIONS.items():
        assert kind.name == name
        assert kind.risk in ("low", "medium", "high")
        assert set(kind.promises) <= {"p50", "p99", "cpu"}
        assert kind.promises
        assert set(kind.required) <= set(kind.options)
        assert all(hasattr(kind, option) for option in kind.options if option not in kind.required)


def finding(action: str | None, impact_ms: float = 10.0, affected: int = 50, **parameters: str) -> Finding:
    return Finding(
        "blocking_call", "server", "tools/call render", f"It is slow ({action}).", "Do something.", impact_ms, affected,
        0.9, (Evidence("look"),), action=action, parameters=parameters,
    )  # fmt: skip


def test_findings_suggest_actions_the_largest_saving_first() -> None:
    found = suggested(
        [
            finding(None, impact_ms=1e6),
            finding("limiter", impact_ms=1.0, tokens="100"),
            finding("offload", tool="render"),
            finding("offload", tool="render", impact_ms=5.0),
            finding("teleport"),
            finding("cache_hints"),
            finding("cache_result", tool="look", ttl_s="60"),
        ],
        operations=100,
    )
    assert [str(one.wanted) for one in found][:2] == ["offload:tool=render", "cache_hints"]
    assert [one.predicted_saving_ms for one in found[:2]] == pytest.approx([7.5, 5.0])
    untried = {str(one.wanted): one.untried for one in found}
    assert untried["offload:tool=render"] is untried["limiter:tokens=100"] is None
    assert (untried["teleport"] or "").startswith("there is no action teleport")
    assert (untried["cache_hints"] or "").startswith("its gain is requests that clients do not make")
    assert untried["cache_result:tool=look,ttl_s=60"] == (
        "high risk: ask for it, with --actions cache_result:tool=look,ttl_s=60"
    )


def test_what_is_asked_for_is_tried_with_what_findings_say_of_it() -> None:
    asked = wanted("offload:tool=render;cache_result:tool=look,ttl_s=5;offload:tool=other")
    found = suggested([finding("offload", tool="render"), finding("limiter")], asked, operations=100)
    assert [one.wanted for one in found] == list(asked)
    assert all(one.untried is None for one in found)
    assert [one.predicted_saving_ms for one in found[1:]] == [None, None]
    assert found[0].predicted_saving_ms == pytest.approx(5.0)
    assert found[0].finding is not None

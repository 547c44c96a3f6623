from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from playwright.sync_api import expect

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.formats.difference import Change, difference, dumps
from groundhog_otel.profiling.formats.naming import operation_name, value_index
from groundhog_otel.profiling.model import Link, Profile, Sample
from tests.profiling import made
from tests.support.browser import started
from tests.support.pages import HOSTILE, ask, shown

MS = 10**6


def near(value: float) -> Any:
    return pytest.approx(value)


def search(number: int) -> Link:
    return replace(made.SEARCH, span_id=f"{number:016x}")


def calls(count: int, *, ranking_ms: int, sorting_ms: int, line: int = 40) -> Profile:
    """Return a profile of so many calls of one tool, and of something beside them."""
    ranking = replace(made.RANKING, line=line)
    return made.profile(
        *(
            sample
            for number in range(count)
            for sample in (
                Sample((made.MAIN, ranking), (ranking_ms * MS, 0), search(number), "running"),
                Sample((made.MAIN, ranking, made.SORTING), (sorting_ms * MS, 0), search(number), "running"),
            )
        ),
        Sample((made.MAIN, made.SLEEPING), (50 * MS, 0), None, "waiting"),
    )


BEFORE = calls(10, ranking_ms=4, sorting_ms=20)
AFTER = calls(40, ranking_ms=4, sorting_ms=30, line=77)


def test_under_four_times_the_load_only_what_each_call_costs_has_changed() -> None:
    found = difference(BEFORE, AFTER)
    first, *others = found.functions
    assert first == Change(
        "tools/call search", "ranking.sort", "/srv/app/ranking.py",
        near(20 * MS), near(30 * MS), near(20 * MS), near(30 * MS),
    )  # fmt: skip
    assert (first.own, first.total) == (near(10 * MS), near(10 * MS))
    rank = next(one for one in others if one.function == "ranking.rank")
    # The edit has moved its line: it is the same function.
    assert (rank.own_before, rank.own_after) == (near(4 * MS), near(4 * MS))
    assert (rank.total_before, rank.total_after) == (near(24 * MS), near(34 * MS))
    assert [(one.operation, one.total) for one in found.operations] == [
        ("tools/call search", near(10 * MS)),
        ("(outside of any operation)", near(50 * MS / 40 - 50 * MS / 10)),
    ]
    assert found.remarks == (
        "Per call counts the calls that were seen, 10 calls and 40 calls: those too short to be sampled are not in it.",
    )


def test_per_second_and_in_all() -> None:
    longer = replace(AFTER, end_ns=AFTER.start_ns + 40 * 10**9)
    sorting = difference(BEFORE, longer, per="second").functions[0]
    assert (sorting.own_before, sorting.own_after) == (near(20 * MS), near(30 * MS))
    whole = difference(BEFORE, longer, per="profile").functions[0]
    assert (whole.own_before, whole.own_after) == (200 * MS, 1200 * MS)


def test_calls_can_be_told_by_who_has_counted_them_all() -> None:
    found = difference(BEFORE, AFTER, calls=({"tools/call search": 20}, {"tools/call search": 40}))
    assert (found.functions[0].own_before, found.functions[0].own_after) == (10 * MS, 30 * MS)
    assert found.remarks == ()


def test_what_is_only_in_one_of_them_grew_from_nothing() -> None:
    new = made.profile(*BEFORE.samples, Sample((made.FETCHING,), (7 * MS, 0), made.FETCH, "running"))
    (first,) = [one for one in difference(BEFORE, new).functions if one.operation == "tools/call fetch"]
    assert (first.function, first.own_before, first.own_after) == ("tools.fetch", 0, 7 * MS)


@given(found=made.profiles())
def test_a_profile_does_not_differ_from_itself(found: Profile) -> None:
    same = difference(found, found, per="profile")
    assert all(one.own == one.total == 0 for one in (*same.functions, *same.operations))
    index = value_index(found)
    totals = {one.operation: one.total_after for one in same.operations}
    for operation, total in totals.items():
        assert total == near(sum(one.values[index] for one in found.samples if operation_name(one.link) == operation))
    own = sum(one.own_after for one in same.functions)
    assert own == near(sum(one.values[index] for one in found.samples if one.stack))


def test_what_cannot_be_compared_is_said() -> None:
    memory = replace(made.profile(value_types=made.MEMORY), kind="memory")
    with pytest.raises(ProfileError, match="A profile of cpu and one of memory have nothing to compare"):
        difference(BEFORE, memory)
    with pytest.raises(ProfileError, match="no 'heap': choose one of wall, cpu"):
        difference(BEFORE, AFTER, value="heap")
    with pytest.raises(ProfileError, match="no duration to divide by: compare per operation"):
        difference(BEFORE, replace(AFTER, end_ns=AFTER.start_ns), per="second")
    with pytest.raises(ProfileError, match="tools/list has no spans, so that its calls cannot be counted: compare per"):
        difference(BEFORE, made.profile())
    with pytest.raises(ProfileError, match="A profile covers no operation, so that"):
        difference(BEFORE, replace(AFTER, samples=AFTER.samples[-1:]))
    with pytest.raises(ProfileError, match="no difference per 'day': choose one of operation, second, profile"):
        difference(BEFORE, AFTER, per="day")  # type: ignore[arg-type]


def test_a_process_that_died_is_remarked() -> None:
    found = difference(replace(BEFORE, complete=False), AFTER, per="second")
    assert found.remarks == ("A process ended before it could close its profile: its last second may be missing.",)


@pytest.mark.timeout(300)
def test_as_a_page_what_grew_is_red_and_what_shrank_is_blue(tmp_path: Path) -> None:
    after = calls(40, ranking_ms=1, sorting_ms=30)
    with started() as browser:
        for scheme in ("light", "dark"):
            with shown(browser, dumps(BEFORE, after), tmp_path, color_scheme=scheme) as opened:
                sort, rank = (opened.locator(".frame", has_text=name).first for name in ("sort", "rank"))
                expect(sort).to_have_class("frame grew-4")
                expect(rank).to_have_class("frame grew-4")
                expect(opened.locator(".frame", has_text="sleep").first).to_have_class("frame shrank-3")
                sort.hover()
                expect(opened.locator("#reading")).to_contain_text("20 ms before, 30 ms after: +10 ms")
                rows = opened.locator("#hottest tr")
                expect(rows.nth(1)).to_contain_text("sort (ranking.py)")
                expect(rows.nth(1).locator(".up")).to_have_text("+10 ms")
                expect(rows.filter(has_text="rank (").locator(".down")).to_have_text("-3.0 ms")
                expect(opened.locator("#status")).to_have_text("after: 32 ms per call of each operation")
                opened.select_option("#column", label="before")
                expect(opened.locator("#status")).to_have_text("before: 29 ms per call of each operation")
                assert ask(opened, "faint")["found"] == []


@pytest.mark.timeout(300)
def test_names_do_nothing_in_its_page(tmp_path: Path) -> None:
    frames = {name: replace(made.MAIN, function=name, file=name, module=name) for name in HOSTILE}
    evil = made.profile(
        *(Sample((frame,), (1, 1), replace(made.SEARCH, target=name)) for name, frame in frames.items())
    )
    with started() as browser, shown(browser, dumps(evil, replace(evil, service=HOSTILE[2])), tmp_path) as opened:
        assert opened.locator("script").count() == 2
        assert opened.locator("img, a, iframe").count() == 0

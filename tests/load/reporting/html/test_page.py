from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

import pytest

from groundhog_otel.load.judgement.verdict import Verdict
from groundhog_otel.load.links.budget import Name
from groundhog_otel.load.links.finding import Link
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html import page
from groundhog_otel.load.results.result import Window
from tests.load.reporting import made
from tests.support.pages import HOSTILE, Elements


def hostile() -> Report:
    """Return a report in which everything that a server or a file can name is meant to do harm."""
    whole = made.report()
    names = iter(HOSTILE * 30)
    renamed = {one.name: next(names) for one in whole.result.operations}
    operations = tuple(
        replace(
            one, name=renamed[one.name], errors={f"tool:{next(names)}": 3}, messages={f"tool:{HOSTILE[0]}": HOSTILE[2]}
        )
        for one in whole.result.operations
    )  # fmt: skip
    slowest = tuple(replace(one, operation=next(names), error=next(names)) for one in whole.result.slowest)
    windows = tuple(
        replace(one, response={renamed[name]: encoded for name, encoded in one.response.items()})
        for one in whole.result.windows
    )
    assert whole.result.server is not None
    result = replace(
        whole.result, operations=operations, slowest=slowest, windows=windows, target=next(names), run_id=next(names),
        server=replace(whole.result.server, name=next(names), version=next(names)), interrupted=next(names),
        config={next(names): next(names), "arrivals": {"kind": next(names)}},
    )  # fmt: skip
    verdict = whole.verdict
    checks = tuple(replace(one, operation=next(names), sentence=next(names)) for one in verdict.checks)
    links = tuple(Link(one, next(names), True, next(names), next(names)) for one in slowest)
    assert whole.comparison is not None
    assert whole.budget is not None
    changed = tuple(replace(one, name=next(names)) for one in whole.comparison.operations)
    parts = tuple(replace(one, name=cast("Name", next(names))) for one in whole.budget.parts)
    return replace(
        whole, result=result, verdict=Verdict(False, False, checks, HOSTILE), links=links, baseline=next(names),
        comparison=replace(whole.comparison, operations=changed, notes=HOSTILE),
        budget=replace(whole.budget, parts=parts),
    )  # fmt: skip


def test_what_came_from_elsewhere_is_only_ever_text() -> None:
    ours, theirs = Elements(page(made.report())), Elements(page(hostile()))
    assert {name for name, _ in theirs.tags} <= {name for name, _ in ours.tags} | {"li", "ul"}
    for name, attributes in theirs.tags:
        assert not any(key.startswith("on") for key in attributes), name
        assert "src" not in attributes
        assert not (attributes.get("href") or "").startswith("javascript")
    assert [name for name, _ in theirs.tags].count("script") == 1
    for one in HOSTILE[:5]:
        assert one in theirs.text


def test_the_direction_of_reading_cannot_be_turned_around_and_no_control_is_left() -> None:
    text = page(hostile())
    assert not set(text) & set("\x00\x1b\u202e\u2066\ud800")
    text.encode()


def test_the_page_is_one_file_that_may_load_nothing() -> None:
    text = page(made.report())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src &#x27;none&#x27;; style-src &#x27;sha256-")
    assert "unsafe" not in policy[1]
    elements = Elements(text).tags
    assert not {name for name, _ in elements} & {"link", "img", "iframe", "object", "use", "image"}
    assert "url(" not in text
    assert "@import" not in text


def test_the_parts_of_the_latency_add_up_to_all_of_it() -> None:
    widths = [float(one) for one in re.findall(r'width="([\d.]+)" height="44"', page(made.report()))]
    assert len(widths) == 7
    assert sum(widths) + 2 * len(widths) == pytest.approx(1060, abs=1)


def test_the_page_stays_small_however_much_was_measured() -> None:
    long = made.result(rate=300, duration_s=60)
    small = len(page(made.report(long)))
    windows = tuple(
        Window(float(second), 1.0, one.count, one.errors, one.response, one.due)
        for second, one in zip(range(1_200), long.windows * 10, strict=True)
    )
    more = tuple(replace(one, name=f"{one.name} {number}") for number in range(40) for one in long.operations)
    large = len(page(made.report(replace(long, windows=windows, operations=more, duration_s=1_200.0))))
    assert small < 150_000
    assert large < 600_000


def test_what_is_not_given_is_not_shown() -> None:
    titles = ("Where the time goes", "Beside the baseline", "Scaling", "Slowest requests", "Thresholds")
    whole = page(made.report())
    assert all(f"<h2>{title}" in whole for title in titles)
    bare = replace(made.result(), slowest=(), self_checks=(), windows=())
    text = page(
        made.report(bare, verdict=Verdict(True, True, (), ()), comparison=None, scaling=None, budget=None, links=())
    )
    assert not any(f"<h2>{title}" in text for title in (*titles, "Over time", "The generator itself"))


def test_a_result_without_a_single_request_has_a_page() -> None:
    empty = made.result(operations=(), windows=(), slowest=(), sample=(), duration_s=0.0, server=None)
    text = page(made.report(empty, comparison=None, scaling=None, budget=None, links=()))
    assert "No request was answered after the warm-up" in text

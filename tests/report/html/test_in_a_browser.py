"""The report as a browser shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from groundhog_otel.profiling.formats.html import part
from groundhog_otel.report.content import reported
from groundhog_otel.report.html import page
from tests.profiling import made as profiles
from tests.report import made
from tests.report.html.test_page import hostile
from tests.support.browser import started
from tests.support.pages import HOSTILE, ask, shown
from tests.support.recorded import recording, series, span

pytestmark = pytest.mark.timeout(300)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as one:
        yield one


@pytest.fixture(scope="module")
def whole() -> str:
    return page(made.report(), parts=[part([profiles.profile(), profiles.profile()])])


def ready(opened: Page) -> None:
    opened.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)


def focused(opened: Page) -> str:
    found: str = opened.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
    return found


def active(opened: Page, table: str) -> str:
    """Return the text of the row that a table says is its active one."""
    row: str = opened.evaluate(
        f"document.getElementById(document.getElementById('{table}').getAttribute('aria-activedescendant')).innerText"
    )
    return " ".join(row.split())


REPORTS: dict[str, Any] = {
    "everything": made.report,
    "one call": lambda: reported(recording([span(ms=60)])),
    "one fast call and one slow one": lambda: reported(recording([span(ms=0.02), span(own=2, trace=2, ms=200_000)])),
    "metrics only": lambda: reported(recording([], [series("process.memory.usage", 1e9, 2e9)])),
    "nothing": lambda: reported(recording()),
    "hours": lambda: reported(recording([span()], [series("process.memory.usage", *[1e6 * n for n in range(9_000)])])),
}


@pytest.mark.parametrize("name", REPORTS)
def test_marks_are_in_their_plot_and_texts_are_in_nobody_s_way(browser: Browser, name: str, tmp_path: Path) -> None:
    with shown(browser, page(REPORTS[name]()), tmp_path) as opened:
        ready(opened)
        assert ask(opened, "misplaced") == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_too_faint_in_either_scheme(browser: Browser, whole: str, tmp_path: Path, scheme: str) -> None:
    with shown(browser, whole, tmp_path, color_scheme=scheme) as opened:
        ready(opened)
        opened.evaluate(
            "document.querySelectorAll('.frame').forEach((one) => one.remove())"
        )  # its own tests look at it
        answer = ask(opened, "faint")
        assert answer["checked"] > 300
        assert answer["found"] == []
        ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 21, 26)"}[scheme]


@pytest.mark.parametrize("across", [360, 700, 1280])
def test_the_page_is_never_wider_than_its_window(browser: Browser, whole: str, tmp_path: Path, across: int) -> None:
    with shown(browser, whole, tmp_path, viewport={"width": across, "height": 800}) as opened:
        ready(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= across


def test_the_slowest_call_is_shown_first_with_its_trace(browser: Browser, tmp_path: Path) -> None:
    report = made.report()
    slowest = max((one for one in report.recording.spans if one.parent_id is None), key=lambda one: one.duration_s)
    with shown(browser, page(report), tmp_path) as opened:
        ready(opened)
        expect(opened.locator("#trace-title")).to_contain_text(slowest.trace_id)
        assert slowest.name in active(opened, "call-rows")
        expect(opened.locator("#span-details")).to_contain_text(slowest.span_id)
        expect(opened.locator("#span-details")).to_contain_text("mcp.protocol.version")


def test_calls_are_searched_narrowed_and_sorted(browser: Browser, tmp_path: Path) -> None:
    report = made.report()
    calls = [one for one in report.recording.spans if one.parent_id is None]
    failed = [one for one in calls if one.status == "error"]
    limits = {"tools/list": 0.1}
    over = [one for one in calls if one.duration_s > limits.get(one.name, 0.05)]
    with shown(browser, page(report), tmp_path) as opened:
        ready(opened)
        found = opened.locator("#found")
        expect(found).to_have_text(f"{len(calls)} of {len(calls)} calls")
        opened.select_option("#which", "failed")
        expect(found).to_have_text(f"{len(failed)} of {len(calls)} calls")
        expect(opened.locator("#call-rows .body .row").first).to_contain_text("✕")
        opened.select_option("#which", "over")
        expect(found).to_have_text(f"{len(over)} of {len(calls)} calls")
        opened.select_option("#which", "all")
        opened.fill("#search", calls[7].trace_id[:12].upper())
        expect(found).to_have_text(f"1 of {len(calls)} calls")
        opened.fill("#search", "STOCK")
        stock = [one for one in calls if "stock" in one.name]
        expect(found).to_have_text(f"{len(stock)} of {len(calls)} calls")
        opened.fill("#search", "no such thing")
        expect(found).to_have_text(f"0 of {len(calls)} calls")
        opened.fill("#search", "")
        opened.check("#both")
        every = [one for one in report.recording.spans if "mcp.method.name" in one.attributes]
        expect(found).to_have_text(f"{len(every)} of {len(every)} calls")
        opened.uncheck("#both")
        began = opened.locator("#call-rows button", has_text="Began")
        began.click()
        expect(opened.locator("#call-rows [aria-sort=descending]")).to_have_text("Began")
        assert calls[-1].name in active(opened, "call-rows")
        began.click()
        assert calls[0].name in active(opened, "call-rows")


def test_everything_can_be_done_with_the_keyboard(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        ready(opened)
        opened.keyboard.press("Tab")
        assert focused(opened) == "Skip to the report"
        assert opened.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        opened.keyboard.press("Enter")
        assert focused(opened) == "main"
        opened.keyboard.press("/")
        assert focused(opened) == "search"
        opened.keyboard.type("tools")
        for expected in ("operation", "which", "both", "call-rows"):
            opened.keyboard.press("Tab")
            assert focused(opened) == expected
        outline = opened.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        first = active(opened, "call-rows")
        opened.keyboard.press("ArrowDown")
        second = active(opened, "call-rows")
        assert second != first
        opened.keyboard.press("End")
        opened.keyboard.press("Home")
        assert active(opened, "call-rows") == first
        opened.keyboard.press("PageDown")
        opened.keyboard.press("Enter")
        assert focused(opened) == "trace-rows"
        rows = opened.locator("#trace-rows .body .row")
        whole_count = rows.count()
        assert whole_count > 1
        assert active(opened, "trace-rows").startswith("▾tools/call")
        opened.keyboard.press("ArrowLeft")
        assert active(opened, "trace-rows").startswith("▸tools/call")
        expect(rows).to_have_count(1)
        opened.keyboard.press("ArrowRight")
        expect(rows).to_have_count(whole_count)
        opened.keyboard.press("ArrowRight")
        expect(opened.locator("#span-details")).to_contain_text("server")
        opened.keyboard.press("Escape")
        assert focused(opened) == "call-rows"


def test_a_trace_is_a_tree_that_opens_and_closes(browser: Browser, tmp_path: Path) -> None:
    spans = [span("tools/call a", own=1, ms=100)]
    spans += [span("tools/call a", own=2, parent=1, at_ms=10, ms=80, kind="server")]
    spans += [span(f"step {number}", own=number, parent=2, at_ms=number, method=None) for number in range(3, 8)]
    with shown(browser, page(reported(recording(spans))), tmp_path) as opened:
        ready(opened)
        rows = opened.locator("#trace-rows .body .row")
        expect(rows).to_have_count(7)
        assert [rows.nth(at).get_attribute("aria-level") for at in range(3)] == ["1", "2", "3"]
        opened.focus("#trace-rows")
        opened.keyboard.press("ArrowDown")
        opened.keyboard.press("Enter")
        expect(rows).to_have_count(2)
        assert rows.nth(1).get_attribute("aria-expanded") == "false"
        rows.nth(1).locator(".toggle").click()
        expect(rows).to_have_count(7)
        bar, whole_bar = (rows.nth(at).locator(".bar").bounding_box() for at in (1, 0))
        assert bar is not None
        assert whole_bar is not None
        assert bar["width"] / whole_bar["width"] == pytest.approx(0.8, abs=0.02)
        assert bar["x"] - whole_bar["x"] == pytest.approx(whole_bar["width"] * 0.1, abs=3)


def test_evidence_leads_to_its_trace_and_its_span_also_a_second_time(browser: Browser, tmp_path: Path) -> None:
    report = made.report()
    evidence = made.findings(report.recording)[0].evidence[0]
    with shown(browser, page(report), tmp_path) as opened:
        ready(opened)
        for _ in range(2):
            opened.locator("a", has_text="Show the trace").click()
            expect(opened.locator("#trace-title")).to_contain_text(str(evidence.trace_id))
            expect(opened.locator("#span-details")).to_contain_text(str(evidence.span_id))
            assert focused(opened) == "trace-rows"
            opened.locator("#call-rows .body .row").last.click()
            expect(opened.locator("#trace-title")).not_to_contain_text(str(evidence.trace_id))


def test_an_operation_leads_to_its_calls_and_the_table_is_sorted(browser: Browser, tmp_path: Path) -> None:
    report = made.report()
    with shown(browser, page(report), tmp_path) as opened:
        ready(opened)
        rows = opened.locator("table.latency tbody tr")
        heading = opened.locator("table.latency th", has_text="p99")
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == "descending"
        worst = max(report.summary.operations, key=lambda one: one.latency.p99_s)
        expect(rows.first.locator("th")).to_have_text(worst.name)
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == "ascending"
        expect(rows.last.locator("th")).to_have_text(worst.name)
        rows.last.locator("a").click()
        expect(opened.locator("#found")).to_contain_text(f"{worst.latency.count} of")
        assert focused(opened) == "call-rows"


def test_what_is_named_to_do_harm_is_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, page(hostile()), tmp_path) as opened:
        ready(opened)
        for _ in range(8):
            opened.locator("#call-rows").press("ArrowDown")
            opened.locator("#call-rows").press("Enter")
        text = opened.locator("#calls").inner_text()
        assert any(one in text for one in HOSTILE[:4])
        assert opened.locator("main img, main script:not([type])").count() == 0
        opened.fill("#search", HOSTILE[0])
        opened.goto(f"{opened.url.split('#', maxsplit=1)[0]}#trace=x&span={HOSTILE[2]}")
        assert opened.evaluate("document.documentElement.scrollWidth") <= 1180


def test_a_hundred_thousand_spans_are_opened_and_only_rows_in_view_exist(browser: Browser, tmp_path: Path) -> None:
    whole = made.recording(100_000)
    content = page(reported(whole), most_spans=len(whole.spans))
    assert len(content) < 8_000_000
    with shown(browser, content, tmp_path) as opened:
        ready(opened)
        calls = sum(one.parent_id is None for one in whole.spans)
        expect(opened.locator("#found")).to_have_text(f"{calls:,} of {calls:,} calls")
        opened.focus("#call-rows")
        opened.keyboard.press("End")
        assert opened.locator("#call-rows .row").count() < 60
        fastest = min((one for one in whole.spans if one.parent_id is None), key=lambda one: one.duration_s)
        opened.keyboard.press("Enter")
        expect(opened.locator("#trace-title")).to_contain_text("Trace")
        opened.fill("#search", fastest.trace_id)
        expect(opened.locator("#found")).to_have_text(f"1 of {calls:,} calls")
        assert opened.evaluate("document.querySelectorAll('*').length") < 5_000


def test_a_trace_of_thousands_of_spans_is_drawn_as_it_is_scrolled(browser: Browser, tmp_path: Path) -> None:
    spans = [span("tools/call a", own=1, ms=9_000)]
    spans += [
        span(f"step {number}", own=number, parent=number // 2, at_ms=number, method=None) for number in range(2, 6_000)
    ]
    with shown(browser, page(reported(recording(spans))), tmp_path) as opened:
        ready(opened)
        opened.focus("#trace-rows")
        opened.keyboard.press("End")
        assert opened.locator("#trace-rows .row").count() < 60
        assert "step" in active(opened, "trace-rows")


def test_a_browser_that_cannot_inflate_shows_the_same(browser: Browser, whole: str, tmp_path: Path) -> None:
    texts = []
    for missing in (False, True):
        context = browser.new_context()
        if missing:
            context.add_init_script("delete globalThis.DecompressionStream")
        opened = context.new_page()
        (tmp_path / "page.html").write_text(whole, encoding="utf-8")
        opened.goto((tmp_path / "page.html").as_uri())
        ready(opened)
        texts.append(opened.locator("#calls").inner_text())
        context.close()
    assert texts[0] == texts[1]
    assert "tools/call" in texts[0]


def test_without_scripts_the_figures_are_there_and_the_rest_says_why_not(
    browser: Browser, whole: str, tmp_path: Path
) -> None:
    with shown(browser, whole, tmp_path, java_script_enabled=False) as opened:
        text = opened.locator("main").inner_text()
        assert "Over budget" in text or "Within every budget" in text
        assert "Calls and traces are shown by a script in this page" in text


def test_flame_graphs_are_drawn_when_they_are_unfolded(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        ready(opened)
        first, second = opened.locator("details.flame").all()
        assert first.locator(".frame").count() > 5
        assert second.locator(".frame").count() == 0
        second.locator("summary").first.click()
        expect(second.locator(".frame").first).to_be_visible()
        opened.focus("#flame-1-reset")
        opened.keyboard.press("/")
        assert focused(opened) == "flame-1-search"


def test_it_prints_without_its_controls(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        ready(opened)
        opened.emulate_media(media="print")
        assert not opened.locator("#search").is_visible()
        assert not opened.locator("nav").is_visible()
        assert opened.locator(".verdict").is_visible()
        assert len(opened.pdf()) > 10_000


def test_everything_interactive_has_a_name(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        ready(opened)
        nameless = opened.evaluate(
            """() => [...document.querySelectorAll("a, button, input, select, [tabindex='0'], [role$=grid]")]
                .filter((one) => one.getClientRects().length)
                .filter((one) => !(one.textContent.trim() || one.labels?.length || one.getAttribute("aria-label")
                    || one.getAttribute("aria-labelledby")))
                .map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert nameless == []
        headings = opened.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((one) => one.tagName)")
        assert headings[0] == "H1"
        assert headings.count("H1") == 1
        ids = opened.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))

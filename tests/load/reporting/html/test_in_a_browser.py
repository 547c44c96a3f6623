"""The page as a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html import page
from tests.load.reporting import made
from tests.load.reporting.html.test_page import hostile
from tests.support.browser import started
from tests.support.pages import ask, shown

pytestmark = pytest.mark.timeout(300)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as one:
        yield one


@pytest.fixture(scope="module")
def whole() -> Report:
    return made.report()


REPORTS: dict[str, Callable[[], Report]] = {
    "a stall": made.report,
    "calm": lambda: made.report(made.result(stall_at_s=None), verdict=made.passed()),
    "few requests": lambda: made.report(made.result(rate=3, duration_s=10), verdict=made.passed()),
    "one request": lambda: made.report(made.result(rate=0.2, duration_s=6, stall_at_s=None)),
    "a long test": lambda: made.report(made.result(rate=40, duration_s=200, stall_at_s=150)),
    "a rate of thousands": lambda: made.report(made.result(rate=4_000, duration_s=3, stall_at_s=None)),
}


@pytest.mark.parametrize("name", REPORTS)
def test_marks_are_in_their_plot_and_texts_are_in_nobody_s_way(browser: Browser, name: str, tmp_path: Path) -> None:
    with shown(browser, page(REPORTS[name]()), tmp_path) as opened:
        assert opened.locator("figure svg").count() >= 4
        assert ask(opened, "misplaced") == []


def test_the_check_of_places_sees_what_is_out_of_place(browser: Browser, whole: Report, tmp_path: Path) -> None:
    with shown(browser, page(whole), tmp_path) as opened:
        opened.evaluate(
            """() => {
                document.querySelector(".marks > path.line").setAttribute("d", "M0,0L900,900");
                const [first, second] = document.querySelectorAll("text.tick");
                second.setAttribute("y", first.getAttribute("y"));
            }"""
        )
        assert {kind for _, kind, *_ in ask(opened, "misplaced")} >= {"mark outside", "texts overlap"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_everything_can_be_seen(browser: Browser, whole: Report, tmp_path: Path, scheme: str) -> None:
    with shown(browser, page(whole), tmp_path, color_scheme=scheme) as opened:
        told = ask(opened, "faint")
        assert told["checked"] > 300
        assert told["found"] == []


def test_light_and_dark_are_two_pages(browser: Browser, whole: Report, tmp_path: Path) -> None:
    grounds = []
    for scheme in SCHEMES:
        with shown(browser, page(whole), tmp_path, color_scheme=scheme) as opened:
            grounds.append(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(17, 21, 26)"]


def test_values_are_read_under_the_pointer(browser: Browser, whole: Report, tmp_path: Path) -> None:
    with shown(browser, page(whole), tmp_path) as opened:
        figure = opened.locator("figure", has_text="Requests per second")
        chart, reading, cursor = figure.locator("svg"), figure.locator("output"), figure.locator(".cursor")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box is not None
        opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(reading).to_have_text(re.compile(r"^14\.\d to 1[45]\.\d s: \d+/s answered, \d+/s due$"))
        expect(cursor).to_have_class("cursor shown")
        opened.mouse.move(box["x"] + box["width"] / 2, box["y"] - 60)
        expect(reading).to_have_text("")
        expect(cursor).to_have_class("cursor")


def test_values_are_read_with_the_keyboard(browser: Browser, whole: Report, tmp_path: Path) -> None:
    with shown(browser, page(whole), tmp_path) as opened:
        reading = opened.locator("figure").nth(1).locator("output")  # the first is of the sweep
        opened.keyboard.press("Tab")
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement === document.querySelectorAll('figure svg')[1]")
        opened.keyboard.press("End")
        expect(reading).to_have_text(re.compile(r"^99\.993 % took at most: response 1\.0 s, service 1\.0 s$"))
        last = reading.inner_text()
        opened.keyboard.press("ArrowLeft")
        assert reading.inner_text() != last
        opened.keyboard.press("ArrowRight")
        opened.keyboard.press("ArrowRight")
        expect(reading).to_have_text(last)
        opened.keyboard.press("Home")
        expect(reading).to_have_text(re.compile("^0.0137"))
        opened.keyboard.press("Tab")
        expect(reading).to_have_text("")
        reached = set()
        for _ in range(40):
            reached.add(opened.evaluate("document.activeElement.tagName"))
            opened.keyboard.press("Tab")
        assert reached >= {"svg", "A", "SUMMARY"}


def test_what_a_server_says_does_nothing(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, page(hostile()), tmp_path) as opened:
        assert opened.locator("script").count() == 1
        assert opened.locator("img").count() == 0
        for box in opened.locator("a").all():
            assert (box.get_attribute("href") or "").startswith(("http", "file", "./"))
        opened.locator("summary").click()
        width = opened.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], "a long name makes the page wider than the window"


def test_the_policy_keeps_even_a_script_of_the_page_from_the_network(
    browser: Browser, whole: Report, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(whole), encoding="utf-8")
    opened = browser.new_page()
    try:
        opened.goto(file.as_uri())
        outcome = opened.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => String(error))")
        violated = opened.evaluate(
            """new Promise((done) => {
                document.addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective));
                const injected = document.createElement("script");
                injected.textContent = "document.title = 'injected'";
                document.body.append(injected);
            })"""
        )
        assert "Failed to fetch" in outcome
        assert violated == "script-src-elem"
        assert opened.title() != "injected"
    finally:
        opened.close()


@pytest.mark.parametrize("width", [390, 700, 1_600])
def test_the_page_fits_the_window(browser: Browser, whole: Report, tmp_path: Path, width: int) -> None:
    with shown(browser, page(whole), tmp_path, viewport={"width": width, "height": 800}) as opened:
        assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_without_javascript_nothing_but_the_readings_is_missing(
    browser: Browser, whole: Report, tmp_path: Path
) -> None:
    with shown(browser, page(whole), tmp_path) as opened:
        told = opened.locator("main").inner_text()
    with shown(browser, page(whole), tmp_path, java_script_enabled=False) as opened:
        assert opened.locator("main").inner_text() == told
        assert opened.locator("figure svg").first.is_visible()


def test_it_prints_on_white_whatever_the_screen_has(browser: Browser, whole: Report, tmp_path: Path) -> None:
    with shown(browser, page(whole), tmp_path, color_scheme="dark") as opened:
        opened.emulate_media(media="print", color_scheme="dark")
        assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        told = ask(opened, "faint")
        assert told["found"] == []
        expect(opened.locator("output").first).not_to_be_visible()
        assert opened.pdf().startswith(b"%PDF-")

"""The flame graph as a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from groundhog_otel.profiling.formats import html
from groundhog_otel.profiling.model import Frame, Link, Profile, Sample
from tests.profiling import made
from tests.support.browser import started
from tests.support.pages import HOSTILE, ask, shown

pytestmark = pytest.mark.timeout(300)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as one:
        yield one


@pytest.fixture(scope="module")
def whole() -> str:
    return html.dumps(made.profile())


def frame(opened: Page, text: str) -> Locator:
    return opened.locator(".frame", has_text=text)


def width(opened: Page, text: str) -> float:
    """Return what share of the graph's width a frame has."""
    box, graph = frame(opened, text).first.bounding_box(), opened.locator("#graph").bounding_box()
    assert box is not None
    assert graph is not None
    return box["width"] / graph["width"]


def test_widths_are_shares_and_a_callee_is_below_its_caller(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        assert opened.locator("h1").inner_text() == "CPU profile of shop (4711)"
        expect(opened.locator("#status")).to_have_text("wall: 2.0 s")
        assert width(opened, "tools/call search") == pytest.approx(900 / 1960, abs=0.001)
        assert width(opened, "sort (ranking.py:61)") == pytest.approx(700 / 1960, abs=0.001)
        boxes = [frame(opened, name).bounding_box() for name in ("Tools.search", "rank (", "sort (")]
        assert [box["y"] - boxes[0]["y"] for box in boxes if box and boxes[0]] == [0, 20, 40]
        assert len({box["x"] for box in boxes if box}) == 1
        assert "awaiting" in (frame(opened, "sleep").first.get_attribute("class") or "")
        assert opened.locator(".rest").count() == 0


def test_it_can_be_narrowed_and_shows_another_value(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        options = opened.locator("#operation option").all_inner_texts()
        assert options[0] == "every operation"
        assert set(options[1:]) == {
            "(outside of any operation)",
            *(f"tools/{it}" for it in ("call search", "call fetch", "list")),
        }
        opened.select_option("#operation", label="tools/call fetch")
        expect(opened.locator("#status")).to_have_text("wall: 1.0 s")
        assert frame(opened, "rank").count() == 0
        opened.select_option("#state", label="awaiting")
        expect(opened.locator("#status")).to_have_text("wall: 900 ms")
        opened.select_option("#thread", label="worker_0")
        expect(opened.locator("#status")).to_have_text("wall: 0 ns")
        assert opened.locator(".frame").count() == 0
        opened.select_option("#state", label="every state")
        expect(opened.locator("#status")).to_have_text("wall: 100 ms")
        opened.select_option("#column", label="cpu")
        expect(opened.locator("#status")).to_have_text("cpu: 90 ms")
        opened.select_option("#thread", label="every thread")
        opened.select_option("#operation", label="every operation")
        expect(opened.locator("#status")).to_have_text("cpu: 940 ms")
        assert width(opened, "sort (ranking.py:61)") == pytest.approx(650 / 940, abs=0.001)


def test_a_value_that_is_asked_for_is_shown_first(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, html.dumps(made.profile(), value="cpu"), tmp_path) as opened:
        expect(opened.locator("#status")).to_have_text("cpu: 940 ms")
        expect(opened.locator("#column")).to_have_value("1")


def test_a_frame_is_shown_alone_with_its_callers_and_back(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        frame(opened, "rank (").click()
        expect(opened.locator("#status")).to_contain_text("showing rank (ranking.py:40): 46 %")
        for name in ("tools/call search", "main", "Tools.search", "rank ("):
            assert width(opened, name) == pytest.approx(1, abs=0.001)
        assert width(opened, "sort") == pytest.approx(7 / 9, abs=0.001)
        assert frame(opened, "fetch").count() == 0
        expect(opened.locator("#hottest tr")).to_have_count(3)
        opened.get_by_role("button", name="Show everything").click()
        assert width(opened, "rank (") == pytest.approx(900 / 1960, abs=0.001)


def test_what_is_searched_stands_out_and_its_share_is_told(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        opened.keyboard.press("/")
        opened.keyboard.type("RANKING.py")
        expect(opened.locator("#status")).to_have_text("wall: 2.0 s · found: 46 %")
        assert opened.locator(".found").all_inner_texts() == ["rank (ranking.py:40)", "sort (ranking.py:61)"]
        opened.keyboard.press("Escape")
        expect(opened.locator(".found")).to_have_count(0)
        expect(opened.locator("#search")).to_have_value("")
        opened.get_by_role("button", name="sleep (tasks.py:650)").click()
        expect(opened.locator("#status")).to_contain_text("found: 48 %")


def test_everything_can_be_done_with_the_keyboard(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        reading = opened.locator("#reading")

        def focused() -> str:
            found: str = opened.evaluate("document.activeElement.getAttribute('aria-label')")
            return found

        opened.locator("#reset").focus()
        opened.keyboard.press("Tab")
        assert focused() == "tools/call fetch"
        expect(reading).to_have_text("tools/call fetch · 1.0 s, 51 % of all, 0 ns by itself")
        walk = {
            "ArrowRight": "tools/call search", "ArrowDown": "main (server.py:90)", "ArrowLeft": "main (server.py:90)",
            "ArrowUp": "tools/call fetch", "End": "tools/call fetch",
        }  # fmt: skip
        for key, label in walk.items():
            opened.keyboard.press(key)
            assert focused() == label, key
        for _ in range(3):
            opened.keyboard.press("ArrowDown")
        expect(reading).to_contain_text(
            "fetch (tools.py:33) · 900 ms, 46 % of all, 0 ns by itself · /srv/app/tools.py:33"
        )
        opened.keyboard.press("Enter")
        assert focused() == "fetch (tools.py:33)"
        assert width(opened, "fetch (tools.py") == pytest.approx(1, abs=0.001)
        opened.keyboard.press("Escape")
        assert focused() == "fetch (tools.py:33)"
        assert width(opened, "tools/call fetch") == pytest.approx(1000 / 1960, abs=0.001)
        opened.keyboard.press("Home")
        assert focused() == "tools/call fetch"
        # One stop for the tabulator, however many frames there are.
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement.closest('table').id") == "hottest"


def test_a_frame_is_read_under_the_pointer(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        frame(opened, "rank (").hover()
        expect(opened.locator("#reading")).to_have_text(
            "rank (ranking.py:40) · 900 ms, 46 % of all, 200 ms by itself · /srv/app/ranking.py:40"
        )
        opened.locator("h1").hover()
        expect(opened.locator("#reading")).to_have_text("")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_everything_can_be_seen(browser: Browser, whole: str, tmp_path: Path, scheme: str) -> None:
    with shown(browser, whole, tmp_path, color_scheme=scheme) as opened:
        for search in ("", "rank"):
            opened.locator("#search").fill(search)
            told = ask(opened, "faint")
            assert told["checked"] > 50
            assert told["found"] == []
        opened.evaluate(
            """() => {
                const kinds = ["running", "waiting", "awaiting", "same"];
                for (const kind of ["grew", "shrank"]) for (const step of [1, 2, 3, 4]) kinds.push(`${kind}-${step}`);
                for (let number = 0; number < 8; number += 1) kinds.push(`c${number}`);
                const pieces = kinds.map((kind) => {
                    const piece = document.createElement("div");
                    piece.className = `frame ${kind}`;
                    piece.textContent = kind;
                    return piece;
                });
                document.getElementById("search").value = "";
                document.getElementById("graph").classList.remove("searching");
                document.getElementById("graph").replaceChildren(...pieces);
            }"""
        )
        assert ask(opened, "faint")["found"] == []


def test_light_and_dark_are_two_pages(browser: Browser, whole: str, tmp_path: Path) -> None:
    grounds = []
    for scheme in SCHEMES:
        with shown(browser, whole, tmp_path, color_scheme=scheme) as opened:
            grounds.append(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(17, 21, 26)"]


def hostile() -> Profile:
    """Return a profile in which everything that a program or a file can name is meant to do harm."""
    samples = tuple(
        Sample((Frame(name, name, 1, name), Frame(name, "x.py", 0)), (1, 1), Link(name, name), "running", name)
        for name in HOSTILE
    )
    return replace(
        made.profile(*samples), service=HOSTILE[2], engine=HOSTILE[0], complete=False, facts={HOSTILE[2]: HOSTILE[0]}
    )  # fmt: skip


def test_what_a_program_names_does_nothing(browser: Browser, tmp_path: Path) -> None:
    content = html.dumps(hostile())
    assert not set(content) & set("\x00\x1b\u202e\u2066\ud800")
    with shown(browser, content, tmp_path) as opened:
        assert opened.locator("script").count() == 2
        assert opened.locator("img, a, iframe, link").count() == 0
        assert opened.locator(".remark").count() == 1
        assert frame(opened, "<script>alert(1)</script>").count() > 0
        frame(opened, "<script>alert(1)</script>").first.click()
        opened.locator("#hottest button").first.click()
        opened.locator("summary").click()
        wide = opened.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]


def test_its_policy_keeps_even_a_script_of_the_page_from_the_network(
    browser: Browser, whole: str, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(whole, encoding="utf-8")
    opened = browser.new_page()
    opened.goto(file.as_uri())
    outcome = opened.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => String(error))")
    opened.close()
    assert "Failed to fetch" in outcome


@pytest.mark.parametrize("across", [390, 1_600])
def test_it_fits_the_window_and_follows_it(browser: Browser, whole: str, tmp_path: Path, across: int) -> None:
    with shown(browser, whole, tmp_path) as opened:
        opened.set_viewport_size({"width": across, "height": 800})
        opened.wait_for_function("drawn => document.querySelector('.frame').offsetWidth !== drawn", arg=516)
        assert width(opened, "tools/call fetch") == pytest.approx(1000 / 1960, abs=0.001)
        assert opened.evaluate("document.documentElement.scrollWidth") <= across


def test_a_profile_of_nothing_has_a_page(browser: Browser, tmp_path: Path) -> None:
    for empty in (
        replace(made.profile(), samples=()),
        replace(made.profile(), samples=(), value_types=()),
        made.profile(Sample((), (0, 0))),
    ):
        with shown(browser, html.dumps(empty), tmp_path) as opened:
            expect(opened.locator("#status")).to_contain_text(": 0")


def many(count: int) -> Profile:
    """Return a profile of so many stacks, of which nearly none is like another."""
    draw = Random(1)
    frames = [Frame(f"f{number}", f"/srv/{number % 97}.py", number, "") for number in range(1_000)]
    return made.profile(
        *(
            Sample(
                tuple(frames[min(int(draw.expovariate(0.3)), 30) * 31 % 1_000] for _ in range(draw.randint(5, 25))),
                (draw.randint(1, 10**7), 0), Link("tools/call", f"tool {number % 12}"), "running", f"T{number % 5}",
            )
            for number in range(count)
        )
    )  # fmt: skip


def test_a_hundred_thousand_stacks_are_no_more_to_draw_than_the_window_has_room_for(
    browser: Browser, tmp_path: Path
) -> None:
    found = many(100_000)
    content = html.dumps(found)
    assert len(content) < 25_000_000
    with shown(browser, content, tmp_path) as opened:
        nodes: int = opened.evaluate("document.querySelector('[data-flame]').flame.tree.size")
        assert nodes > 500_000
        drawn = opened.locator(".frame, .rest")
        assert 100 < drawn.count() < 10_000
        # Nothing leaves its caller's place: what is too narrow is hatched, and not what its caller did itself.
        assert opened.evaluate(_UNCOVERED) < 2
        opened.select_option("#operation", label="tools/call tool 3")
        expect(opened.locator("#status")).to_have_text(re.compile(r"^wall: 4\d s$"))
        for _ in range(6):
            opened.keyboard.press("Escape")
            opened.locator(".frame").last.dispatch_event("click")
        assert drawn.count() < 10_000


_UNCOVERED = """() => {
    const { tree, drawing } = document.querySelector("[data-flame]").flame;
    // The widest part of a frame's place that no callee and no hatching covers, beyond what the frame did itself.
    let most = 0;
    const row = new Map();
    for (const piece of document.querySelectorAll(".frame, .rest")) {
        const top = piece.offsetTop;
        row.set(top, (row.get(top) ?? 0) + parseFloat(piece.style.width));
    }
    const scale = document.querySelector("#graph").clientWidth / tree.all[0];
    for (const [node, piece] of drawing.places) {
        const callees = [...drawing.places].filter(([one]) => tree.parent[one] === node).length;
        if (callees === 0) continue;
        const left = parseFloat(piece.style.left), right = left + parseFloat(piece.style.width);
        const covered = [...document.querySelectorAll(".frame, .rest")]
            .filter((one) => one.style.top === `${(tree.depth[node] + 1) * 20}px`)
            .map((one) => [parseFloat(one.style.left), parseFloat(one.style.width)])
            .filter(([x]) => x >= left - 0.01 && x < right - 0.01)
            .reduce((sum, [, wide]) => sum + wide, 0);
        most = Math.max(most, right - left - covered - tree.own[0][node] * scale);
    }
    return most;
}"""


def test_amounts_are_written_as_the_rest_of_groundhog_writes_them(browser: Browser, whole: str, tmp_path: Path) -> None:
    with shown(browser, whole, tmp_path) as opened:
        told = {
            "amount(1500, 'nanoseconds')": "1.5 µs",
            "amount(999_600, 'nanoseconds')": "1.0 ms",
            "amount(2.5e9, 'nanoseconds')": "2.5 s",
            "amount(88e6, 'bytes')": "88 MB",
            "amount(512, 'bytes')": "512 B",
            "amount(12000, 'count')": "12,000",
            "amount(-0.4, 'count')": "-0.40",
            "share(1, 250)": "0.4 %",
            "share(1, 0)": "0 %",
        }
        assert {one: opened.evaluate(one) for one in told} == told

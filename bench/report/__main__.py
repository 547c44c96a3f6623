"""The page of a report, by the number of its spans: to make, to send, to open and to use in Chromium.

``python -m bench.report [--rounds N] [--write]``. The recordings are those of the tests' generator: traces of two
to five spans with up to eight attributes each. Rounds take turns over the sizes; the table has medians.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from groundhog_otel.report.html import page
from tests.report import made
from tests.support.browser import FLAGS, find_chromium

__all__ = ("Measured", "measure")

RESULTS = Path(__file__).parent / "RESULTS.md"
SIZES = (1_000, 10_000, 100_000)
LOOKS = """async (act) => {
    // From the act to the end of the frame that shows what came of it.
    const begun = performance.now();
    act();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - begun;
}"""
SEARCH = """const input = document.getElementById('search');
    input.value = 'stock'; input.dispatchEvent(new Event('input'));"""
SORT = "document.querySelector('#call-rows button').click();"
SHOW = "document.getElementById('call-rows').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));"


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one size."""

    figures_ms: float
    """CPU time from a recording in memory to percentiles, distributions and trends."""
    page_ms: float
    """CPU time from those to the page."""
    size_bytes: int
    ready_ms: float
    """From the opening of the file to when every part of it answers."""
    inflating_ms: float
    """The same, in a browser that cannot inflate by itself."""
    search_ms: float
    """From a text in the search to the frame that shows what has it."""
    sort_ms: float
    trace_ms: float
    """From Enter on a call to the frame that shows its trace."""
    elements: int
    """That the page then consists of."""
    heap_bytes: int


def measure(spans: int, browser: Browser, folder: Path) -> Measured:
    """Make a page of so many spans, open it, and use it."""
    recording = made.recording(spans)
    begun = time.process_time()
    report = made.report_of(recording)
    figured = time.process_time()
    content = page(report, most_spans=len(recording.spans))
    ended = time.process_time()
    file = folder / f"{spans}.html"
    file.write_text(content, encoding="utf-8")
    with browser.new_context() as context:
        context.add_init_script("delete globalThis.DecompressionStream")
        inflating_ms = _opened(context.new_page(), file)
    opened = browser.new_page()
    ready_ms = _opened(opened, file)
    used = [float(opened.evaluate(f"({LOOKS})(() => {{ {act} }})")) for act in (SEARCH, SORT, SHOW)]
    elements, heap = opened.evaluate("[document.querySelectorAll('*').length, performance.memory.usedJSHeapSize]")
    opened.close()
    return Measured(
        figures_ms=(figured - begun) * 1000,
        page_ms=(ended - figured) * 1000,
        size_bytes=file.stat().st_size,
        ready_ms=ready_ms,
        inflating_ms=inflating_ms,
        search_ms=used[0],
        sort_ms=used[1],
        trace_ms=used[2],
        elements=elements,
        heap_bytes=heap,
    )


def _opened(opened: Page, file: Path) -> float:
    opened.goto(file.as_uri())
    opened.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)
    return float(opened.evaluate("Number(document.documentElement.dataset.ready)"))


def table(found: Mapping[int, Sequence[Measured]]) -> str:
    """Return the medians, a row for each size."""
    names = ("spans", "figures", "page", "file", "ready", "ready, inflated by the page", "search", "sort", "trace",
             "elements", "heap")  # fmt: skip
    rows = [f"| {' | '.join(names)} |", "|" + "---:|" * len(names)]
    for size, rounds in found.items():
        middle = {name: median(getattr(one, name) for one in rounds) for name in Measured.__dataclass_fields__}
        cells = [
            f"{value / 1e6:,.2f} MB"
            if name.endswith("bytes")
            else f"{value:,.0f}{' ms' if name.endswith('ms') else ''}"
            for name, value in middle.items()
        ]
        rows.append(f"| {size:,} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    found: dict[int, list[Measured]] = {size: [] for size in SIZES}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = find_chromium(Path(playwright.chromium.executable_path))
        if isinstance(chromium, str):
            raise SystemExit(f"bench.report: {chromium}")
        browser = playwright.chromium.launch(executable_path=chromium.program, args=list(FLAGS))
        version = browser.version
        for _ in range(arguments.rounds):
            for size, rounds in found.items():
                rounds.append(measure(size, browser, Path(folder)))
        browser.close()
    print(table(found))
    if arguments.write:
        RESULTS.write_text(_page(table(found), arguments.rounds, version), encoding="utf-8")


def _page(made_table: str, rounds: int, chromium: str) -> str:
    where = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, Chromium {chromium}"
    return f"""# What the page of a report costs to make and to open

Made on {date.today().isoformat()} by `python -m bench.report --rounds {rounds} --write`: {where}, on two cores that
others used, too. Medians of {rounds} rounds.

*Figures* is the CPU time from a recording in memory to percentiles, distributions and trends; *page* that from those to
the file, which has every span in it. *Ready* is from the opening of the file to when its tables answer; *search*,
*sort* and *trace* are from the key to the frame that shows what came of it, with every call in the table. *Elements* is
how many the page then consists of: rows exist only while they are in view.

{made_table}
"""


if __name__ == "__main__":
    main()

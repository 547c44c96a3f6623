"""Pages of one file, as a browser and as a parser see them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

__all__ = ("HOSTILE", "Elements", "ask", "shown")

IN_PAGE: Final = (Path(__file__).parent / "in_page.js").read_text(encoding="utf-8")
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "\"' onmouseover=alert(1) x='",
    "</title></style></script><img src=http://127.0.0.1:9/x onerror=alert(1)>",
    "<svg onload=alert(1)>&amp;&lt;",
    "javascript:alert(1)",
    "\x00\x1b[2J\u202eevil\u2066\ud800",
    "a" * 3_000,
)


class Elements(HTMLParser):
    """Collects what a parser sees as elements, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@contextmanager
def shown(browser: Browser, content: str, folder: Path, **options: Any) -> Iterator[Page]:
    """Open a page as a file, as one does who was sent it; nothing may go wrong, and nothing be asked for."""
    file = folder / "page.html"
    file.write_text(content, encoding="utf-8")
    context = browser.new_context(**{"viewport": {"width": 1180, "height": 900}, **options})
    try:
        opened = context.new_page()
        complaints: list[str] = []
        asked: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("dialog", lambda dialog: complaints.append(dialog.message))
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(file.as_uri())
        yield opened
        assert complaints == []
        assert asked == [file.as_uri()]
    finally:
        context.close()


def ask(opened: Page, question: str) -> Any:
    """Return what the page says to a question of ``in_page.js``."""
    return opened.evaluate(f"{IN_PAGE}.{question}()")

"""The fenced blocks of the pages: what a reader copies, so what a test runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_FENCE: Final = re.compile(r"^( *)```(\w*)(?: title=\"([^\"]+)\")?[^\n]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_PROMPT: Final = re.compile(r"\w?\$ (?!…)")
"""Of one machine, or of one of several; after it ``…`` says that it goes like the command before."""
_COMMENT: Final = re.compile(r"\s{2,}#\s.*$")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block."""

    page: str
    """Relative to the repository."""
    line: int
    """Of its fence, from 1."""
    language: str
    title: str | None
    """The file that it is the text of."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> list[str]:
        """Return what is typed at a prompt, without the comments behind it and without what is printed."""
        found: list[str] = []
        unfinished = False
        for line in self.text.splitlines():
            if unfinished:
                found[-1] += "\n" + line
                unfinished = line.endswith("\\")
            elif self.language == "sh" or _PROMPT.match(line):
                found.append(_COMMENT.sub("", _PROMPT.sub("", line)))
                unfinished = line.endswith("\\")
        return found


def pages() -> list[str]:
    """Return every page that people read, relative to the repository."""
    return [
        "README.md",
        "CONTRIBUTING.md",
        *sorted(str(one.relative_to(ROOT)) for one in (ROOT / "docs").rglob("*.md")),
    ]


def snippets(page: str) -> Iterator[Snippet]:
    """Return the fenced blocks of a page."""
    text = (ROOT / page).read_text("utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        body = "\n".join(part.removeprefix(match[1]) for part in match[4].splitlines())
        yield Snippet(page, line, match[2], match[3], body)

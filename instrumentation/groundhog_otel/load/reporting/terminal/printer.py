"""Text and tables on a console that may have few columns, no colours and no letters but those of ASCII."""

from __future__ import annotations

from collections.abc import Container
from textwrap import wrap
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ("Printer", "columns", "plain")

_WIDEST: Final = 100


class Printer:
    """Prints one thing below the other. All text is taken as it is: nothing in it is markup."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _WIDEST)
        self._utf = console.encoding.startswith("utf")

    def plain(self, text: str) -> str:
        """Return text that came from elsewhere as it can be printed here."""
        return plain(text, self._console.encoding)

    def text(self, text: str, style: str = "") -> Text:
        """Return such text for a cell."""
        return Text(self.plain(text), style)

    def bar(self, length: int) -> Text:
        """Return a bar of so many letters."""
        return Text(("█" if self._utf else "#") * length, "cyan")

    def line(self, text: str | Text = "", style: str = "") -> None:
        """Print a paragraph."""
        self._console.print(self.text(text, style) if isinstance(text, str) else text, width=self._width)

    def hanging(self, text: str, indent: int) -> None:
        """Print a paragraph whose further lines begin below the ``indent``-th letter of its first."""
        lines = wrap(self.plain(text), self._width, subsequent_indent=" " * indent, break_on_hyphens=False)
        self._console.print(Text("\n".join(lines)), width=self._width)

    def unbroken(self, text: str, style: str = "") -> None:
        """Print what could not be followed or copied if it were broken into lines."""
        self._console.print(self.text(text, style), soft_wrap=True)

    def title(self, text: str) -> None:
        """Print a heading."""
        self.line()
        self.line(text, "bold")

    def table(self, table: Table) -> None:
        """Print a table."""
        self._console.print(table, width=self._width)


def columns(*names: str, right: Container[int]) -> Table:
    """Return an empty table; columns ``right`` are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", expand=False)
    for index, name in enumerate(names):
        number = index in right
        table.add_column(name, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def plain(text: str, encoding: str) -> str:
    """Return text that came from elsewhere, without what would move the cursor or has no letter in an encoding."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    if not encoding.startswith("utf"):
        shown = shown.replace("\N{EN DASH}", "-").replace("…", "...")
    return shown.encode(encoding, "replace").decode(encoding)

"""Prints on a terminal, or into a file that it is redirected to: 80 columns are enough, colours are not needed."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ("Printer", "columns")

_WIDEST: Final = 120


class Printer:
    """Prints texts and tables one below the other, whatever they hold."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self.width = min(self._console.width, _WIDEST)
        self.bar = "█" if self._console.encoding.startswith("utf") else "#"

    def plain(self, text: str) -> str:
        """Return text that came from elsewhere, without what would move the cursor or cannot be printed here."""
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        return shown.encode(self._console.encoding, "replace").decode(self._console.encoding)

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line, wrapped where it is too long."""
        self._console.print(Text(self.plain(text), style=style), width=self.width)

    def title(self, text: str) -> None:
        """Print what comes next, below an empty line."""
        self.line()
        self.line(text, "bold")

    def table(self, table: Table) -> None:
        """Print a table."""
        self._console.print(table, width=self.width)


def columns(*names: str, right: int) -> Table:
    """Return a table without lines: a column of text that may wrap, then ``right`` columns of numbers, then text."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", expand=False)
    for index, name in enumerate(names):
        number = 0 < index <= right
        table.add_column(name, justify="right" if number else "left", no_wrap=index > 0, overflow="fold")
    return table

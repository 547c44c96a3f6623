"""Sections with their titles, and tables."""

from __future__ import annotations

from collections.abc import Container, Iterable

from groundhog_otel.html.markup import Html, tag

__all__ = ("row", "section", "table")


def section(title: str, *children: str | Iterable[str]) -> Html:
    """Return a part of the page."""
    return tag("section", tag("h2", title), *children)


def table(
    names: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, right: Iterable[int] = (), head: bool = True
) -> Html:
    """Return a table, which scrolls by itself where it is too wide; columns ``right`` are numbers."""
    numbers = frozenset(right)
    first = tag("thead", row("th", names, numbers)) if head else ""
    return tag("div", tag("table", first, tag("tbody", [row("td", cells, numbers) for cells in rows])), class_="scroll")


def row(kind: str, cells: tuple[str, ...], right: Container[int]) -> Html:
    """Return a row of cells, each a ``th`` or a ``td``."""
    return tag("tr", [tag(kind, value, class_="n" if index in right else "text") for index, value in enumerate(cells)])

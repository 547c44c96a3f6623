"""The page: what is said of a profile, what it can be narrowed by, the graph, and the hottest lines as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from groundhog_otel.html.document import document
from groundhog_otel.html.markup import Html, data, joined, tag

__all__ = ("folded", "page", "script", "style")

_SCRIPTS = ("values.js", "tree.js", "drawing.js", "page.js")
_KEYS = (
    ("arrows", "to the neighbour, the caller, the callee"), ("Enter, click", "show this alone, in full width"),
    ("Esc", "back to everything"), ("/", "search"),
)  # fmt: skip


def page(
    title: str,
    facts: Mapping[str, str],
    graph: Mapping[str, Any],
    *,
    remarks: Sequence[str] = (),
    more: Mapping[str, str] | None = None,
) -> str:
    """Return a flame graph as one HTML file, which loads nothing and sends nothing.

    ``facts`` stand above it, ``more`` of them below. ``graph`` is what :func:`columns_of` returns; with ``compared`` in
    it, its first column is before and its second after, and colours say what grew and what shrank.
    """
    body = tag(
        "main",
        tag("h1", title),
        _facts(facts, remarks),
        _panel(graph, more=more),
        data_flame="",
    )
    return document(title, body, data("profile", graph), style=style(), script=script())


def folded(
    title: str,
    facts: Mapping[str, str],
    graph: Mapping[str, Any],
    *,
    prefix: str,
    opened: bool,
    remarks: Sequence[str] = (),
) -> Html:
    """Return a flame graph to be a part of another page, which has :func:`style` and :func:`script`, once each.

    ``prefix`` is what its ids begin with: another one for each graph.
    """
    return tag(
        "details",
        tag("summary", title),
        _facts(facts, remarks),
        _panel(graph, prefix=prefix),
        data(f"{prefix}profile", graph),
        data_flame=prefix, open=opened, class_="flame",
    )  # fmt: skip


def style() -> str:
    """Return the style of flame graphs."""
    return files(__package__).joinpath("style.css").read_text("utf-8")


def script() -> str:
    """Return the script that draws every flame graph of a page."""
    return "\n".join(files(__package__).joinpath(name).read_text("utf-8") for name in _SCRIPTS)


def _panel(graph: Mapping[str, Any], *, prefix: str = "", more: Mapping[str, str] | None = None) -> Html:
    """Return the graph with what it can be narrowed by, its legend and its table, empty until the script fills them."""
    compared = "compared" in graph
    return joined(
        _controls(graph, prefix),
        tag("noscript", tag("p", "The graph is drawn by a script in this page: allow it to run.")),
        tag("output", id=f"{prefix}status", class_="status", aria_live="polite"),
        tag("div", id=f"{prefix}graph", class_="graph", role="tree", aria_label="Flame graph"),
        tag("output", id=f"{prefix}reading", class_="reading", aria_live="polite"),
        _legend(compared=compared),
        tag("h3" if prefix else "h2", "What changed most" if compared else "Hottest lines"),
        tag("div", tag("table", id=f"{prefix}hottest", class_="hottest"), class_="scroll"),
        _more(more or {}),
    )


def _facts(facts: Mapping[str, str], remarks: Sequence[str]) -> Html:
    return joined(
        [tag("p", remark, class_="remark") for remark in remarks],
        tag("dl", [tag("div", tag("dt", name), tag("dd", fact)) for name, fact in facts.items()], class_="facts"),
    )


def _more(facts: Mapping[str, str]) -> Html:
    rows = [tag("tr", tag("td", name), tag("td", fact)) for name, fact in facts.items()]
    return tag("details", tag("summary", "More of how this was made"), tag("table", rows)) if rows else joined()


def _controls(graph: Mapping[str, Any], prefix: str) -> Html:
    choices = graph["choices"]
    selects = (
        [_select(f"{prefix}column", "Show", [one["name"] for one in graph["columns"]])]
        if len(graph["columns"]) > 1
        else []
    )
    selects += [
        _select(
            f"{prefix}{name}",
            name.capitalize(),
            [f"every {name}", *(one or "unknown" for one in choices[name])],
            first=-1,
        )
        for name in ("operation", "state", "thread")
        if len(choices[name]) > 1
    ]
    return tag(
        "form",
        selects,
        tag(
            "label", "Search", tag("input", id=f"{prefix}search", type="search", autocomplete="off", spellcheck="false")
        ),
        tag("button", "Show everything", id=f"{prefix}reset", type="button"),
        class_="controls",
    )


def _select(name: str, label: str, texts: Sequence[str], *, first: int = 0) -> Html:
    options = [tag("option", text, value=str(number)) for number, text in enumerate(texts, first)]
    return tag("label", label, tag("select", *options, id=name))


def _legend(*, compared: bool) -> Html:
    if compared:
        kinds = [("grew", "grew"), ("shrank", "shrank"), ("same", "about as before")]
    else:
        kinds = [("running", "running: a colour for each file"), ("waiting", "waiting: its thread was blocked"),
                 ("awaiting", "awaiting: suspended, the event loop was free")]  # fmt: skip
    swatches = [tag("span", tag("i", class_=f"swatch {kind}"), text) for kind, text in kinds]
    keys = [tag("span", tag("kbd", key), f" {text}") for key, text in _KEYS]
    return joined(tag("p", swatches, class_="legend"), tag("p", keys, class_="legend"))

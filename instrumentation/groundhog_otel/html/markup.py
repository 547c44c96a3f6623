"""HTML and SVG, built so that what came from elsewhere can only ever be text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any, Final

__all__ = ("Html", "data", "joined", "link", "number", "plain", "raw", "tag")

_VOID: Final = frozenset({"br", "input", "meta"})
_LINKED: Final = ("http://", "https://", "file://", "./", "../")


class Html(str):
    """Markup. Any other string is text, and is escaped."""

    __slots__ = ()


def tag(name: str, /, *children: str | Iterable[str], **attributes: str | float | bool | None) -> Html:
    """Return an element.

    Attributes are named as in Python: ``class_``, ``aria_label``. None and False leave one out, True writes its name.
    """
    written = "".join(
        f" {key}" if value is True else f' {key}="{escape(plain(value if isinstance(value, str) else number(value)))}"'
        for key, value in ((_attribute(key), value) for key, value in attributes.items())
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str | Iterable[str]) -> Html:
    """Return children one after the other."""
    return Html(
        "".join(
            child if isinstance(child, Html) else escape(plain(child)) if isinstance(child, str) else joined(*child)
            for child in children
        )
    )


def raw(name: str, text: str) -> Html:
    """Return a ``script`` or a ``style`` with a text of ours, whose content no HTML escape may touch.

    Raises:
        ValueError: the text would end the element.
    """
    if "</" in text or "<!--" in text:
        raise ValueError(f"a {name} cannot hold </ or <!--")
    return Html(f"<{name}>{text}</{name}>")


def data(name: str, value: Any) -> Html:
    """Return a value of JSON, for a script to read by the id ``name``. Its texts are shown as :func:`plain` ones only.

    It is data to the browser, never run.
    """
    text = json.dumps(value, separators=(",", ":"))
    # Nothing in it can end the element, or begin a comment that hides its end.
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Html(f'<script type="application/json" id="{escape(name)}">{text}</script>')


def link(target: str, text: str) -> Html:
    """Return a link; only the text where the target is neither a web address nor a file beside the report.

    What a ``javascript:`` address does is decided by whoever wrote it.
    """
    if not target.lower().startswith(_LINKED):
        return joined(text)
    return tag("a", text, href=target, rel="noopener noreferrer", target="_blank")


def plain(text: str) -> str:
    """Return text without what is not seen: controls, and marks that turn the reading direction around."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def number(value: float) -> str:
    """Return a coordinate: a tenth of a pixel is enough, and short."""
    return f"{value:.1f}".removesuffix(".0")


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-").replace("viewbox", "viewBox")

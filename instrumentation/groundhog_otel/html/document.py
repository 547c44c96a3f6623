"""A page as a whole: one file, which loads nothing and sends nothing, for its policy forbids the browser to."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from groundhog_otel.html.markup import Html, joined, raw, tag

__all__ = ("document", "shared")

_DOCTYPE = Html("<!DOCTYPE html>")


def document(title: str, *body: Html, style: str, script: str) -> str:
    """Return a page. ``style`` comes after what all pages have in common, ``script`` after the body.

    Raises:
        ValueError: the style or the script would end their element.
    """
    whole_style = shared("base.css") + style
    policy = "; ".join(
        ("default-src 'none'", f"style-src {_digest(whole_style)}", f"script-src {_digest(script)}",
         "base-uri 'none'", "form-action 'none'")
    )  # fmt: skip
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        raw("style", whole_style),
    )
    return joined(_DOCTYPE, tag("html", head, tag("body", *body, raw("script", script)), lang="en")) + "\n"


def shared(name: str) -> str:
    """Return a style or a script that several kinds of pages have in common, by its name in this folder."""
    return files(__package__).joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""The page as a whole: what is around its parts."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from groundhog_otel.load.reporting.figures import figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html.markup import Html, joined, raw, tag
from groundhog_otel.load.reporting.html.sections import sections

__all__ = ("page",)

_DOCTYPE = Html("<!DOCTYPE html>")


def page(report: Report) -> str:
    """Return the report as one HTML file, which loads nothing and sends nothing: its policy forbids the browser to."""
    style, script = (files(__package__).joinpath(name).read_text("utf-8") for name in ("style.css", "hover.js"))
    policy = "; ".join(
        ("default-src 'none'", f"style-src {_digest(style)}", f"script-src {_digest(script)}", "base-uri 'none'",
         "form-action 'none'")
    )  # fmt: skip
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"Load test {report.result.run_id}: {report.result.target}"),
        raw("style", style),
    )
    body = tag("body", tag("main", sections(report, figures(report))), raw("script", script))
    return joined(_DOCTYPE, tag("html", head, body, lang="en")) + "\n"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""The page as a whole: what is around its parts."""

from __future__ import annotations

from importlib.resources import files

from groundhog_otel.html.document import document
from groundhog_otel.html.markup import tag
from groundhog_otel.load.reporting.figures import figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html.sections import sections

__all__ = ("page",)


def page(report: Report) -> str:
    """Return the report as one HTML file, which loads nothing and sends nothing."""
    style, script = (files(__package__).joinpath(name).read_text("utf-8") for name in ("style.css", "hover.js"))
    title = f"Load test {report.result.run_id}: {report.result.target}"
    return document(title, tag("main", sections(report, figures(report))), style=style, script=script)

"""The page as a whole: what is around its parts."""

from __future__ import annotations

from importlib.resources import files

from groundhog_otel.html.document import document, shared
from groundhog_otel.html.markup import tag
from groundhog_otel.load.reporting.figures import figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html.sections import sections

__all__ = ("page",)


def page(report: Report) -> str:
    """Return the report as one HTML file, which loads nothing and sends nothing."""
    style = shared("chart.css") + files(__package__).joinpath("style.css").read_text("utf-8")
    title = f"Load test {report.result.run_id}: {report.result.target}"
    return document(title, tag("main", sections(report, figures(report))), style=style, script=shared("hover.js"))

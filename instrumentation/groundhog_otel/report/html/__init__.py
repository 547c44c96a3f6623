"""The report as one HTML file: no network, no framework; charts are SVG, rows are made when they are looked at."""

from __future__ import annotations

from groundhog_otel.report.html.page import Part, page

__all__ = ("Part", "page")

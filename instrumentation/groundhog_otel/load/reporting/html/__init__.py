"""The report as one HTML file: no network, no framework; charts are SVG."""

from __future__ import annotations

from groundhog_otel.load.reporting.html.page import page

__all__ = ("page",)

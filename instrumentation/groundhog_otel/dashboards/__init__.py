"""Grafana dashboards as code: built here, committed under ``deploy/grafana``, never edited there."""

from __future__ import annotations

from groundhog_otel.dashboards.files import DASHBOARDS, generated

__all__ = ("DASHBOARDS", "generated")

"""A dashboard: rows of panels put in their places, and the variables on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from groundhog_otel.dashboards.panels import DATASOURCE, Json, Panel

__all__ = ("Dashboard", "Row", "choice", "label_variable")

_COLUMNS: Final = 24
_SCHEMA_VERSION: Final = 42
_TAG: Final = "groundhog-otel"


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row, whose panels flow from left to right and on to the next line."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What one file of ``deploy/grafana/dashboards`` is made of."""

    name: str
    """The file's name without its suffix, and the end of the dashboard's address in Grafana."""
    title: str
    description: str
    variables: Sequence[Json]
    rows: Sequence[Row]

    def json(self) -> Json:
        """Return what Grafana reads."""
        return {
            "uid": f"groundhog-{self.name}",
            "title": self.title,
            "description": self.description,
            "tags": [_TAG],
            "schemaVersion": _SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "10s",
            "time": {"from": "now-30m", "to": "now"},
            "timezone": "browser",
            "annotations": {"list": []},
            "links": [
                {
                    "type": "dashboards",
                    "title": "groundhog-otel",
                    "tags": [_TAG],
                    "icon": "external link",
                    "tooltip": "",
                    "asDropdown": False,
                    "targetBlank": False,
                    "includeVars": True,
                    "keepTime": True,
                }
            ],
            "templating": {"list": [_DATASOURCE_VARIABLE, *self.variables]},
            "panels": _placed(self.rows),
        }


_DATASOURCE_VARIABLE: Final[Json] = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "query": "prometheus",
    "refresh": 1,
    "hide": 0,
    "multi": False,
    "includeAll": False,
}


def label_variable(name: str, metric: str, label: str, *, everything: str = ".+") -> Json:
    """Return a variable over a label's values, several at once.

    ``everything`` is the pattern that All stands for; ``.*`` also matches series without the label.
    """
    query = f"label_values({metric}, {label})"
    return {
        "type": "query",
        "name": name,
        "label": name.capitalize(),
        "datasource": DATASOURCE,
        "query": query,
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": everything,
        "current": {"text": ["All"], "value": ["$__all"], "selected": True},
    }


def choice(name: str, options: Sequence[tuple[str, str]]) -> Json:
    """Return a variable with one of some texts and values; the first is chosen at first."""
    found = [{"text": text, "value": value, "selected": not at} for at, (text, value) in enumerate(options)]
    return {
        "type": "custom",
        "name": name,
        "label": name.capitalize(),
        "query": ",".join(f"{text} : {value}" for text, value in options),
        "options": found,
        "current": found[0],
        "hide": 0,
        "multi": False,
        "includeAll": False,
    }


def _placed(rows: Sequence[Row]) -> list[Json]:
    """Return rows and panels with an id each and a place that no other has."""
    found: list[Json] = []
    y = 0
    for row in rows:
        found.append(
            {
                "id": len(found) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
            }
        )
        y += 1
        x = height = 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            found.append(
                {
                    "id": len(found) + 1,
                    "title": panel.title,
                    "datasource": DATASOURCE,
                    "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
                    **panel.body,
                }
            )
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return found

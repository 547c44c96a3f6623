"""Grafana's panels, as the JSON that Grafana reads: no more of it than our dashboards use.

The fields and their values are those of schema version 42 (Grafana 12 and 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ("DATASOURCE", "Json", "Panel", "Query", "heatmap", "stat", "table", "timeseries")

Json = dict[str, Any]

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
"""Whichever Prometheus the dashboard's variable of that name points to."""

_GREEN: Final = "green"
_RED: Final = "red"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are called: ``{{label}}`` stands for a label's value."""

    expr: str
    legend: str = ""
    exemplars: bool = False
    """Also ask for the exemplars of the metrics in the expression: dots that lead to a trace."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel before it has its place; the width is in Grafana's 24 columns, the height in its rows of 30 pixels."""

    title: str
    body: Json
    width: int = 8
    height: int = 8


def timeseries(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    limit: float | None = None,
    stacked: bool = False,
    width: int = 8,
) -> Panel:
    """Return lines over time; ``limit`` is drawn as a dashed line above which it is red."""
    return Panel(
        title,
        {
            "type": "timeseries",
            "description": description,
            "targets": _targets(queries),
            "fieldConfig": _fields(
                unit,
                limit,
                {
                    "lineWidth": 1,
                    "fillOpacity": 25 if stacked else 8,
                    "showPoints": "never",
                    "stacking": {"mode": "normal" if stacked else "none"},
                    "thresholdsStyle": {"mode": "off" if limit is None else "dashed"},
                },
                minimum=0,
            ),
            "options": {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            },
        },
        width=width,
    )


def heatmap(title: str, description: str, buckets: Query, exemplars: Query, *, width: int = 12) -> Panel:
    """Return a histogram over time, from the rates of its buckets by ``le``; ``exemplars`` gives the dots on it."""
    cells, dots = _targets((buckets, exemplars))
    return Panel(
        title,
        {
            "type": "heatmap",
            "description": description,
            "targets": [{**cells, "format": "heatmap"}, {**dots, "format": "heatmap"}],
            "fieldConfig": {"defaults": {}, "overrides": []},
            "options": {
                "calculate": False,
                "color": {
                    "mode": "scheme",
                    "scheme": "Oranges",
                    "fill": "dark-orange",
                    "exponent": 0.5,
                    "steps": 64,
                    "reverse": False,
                },
                "showValue": "never",
                "yAxis": {"unit": "s", "axisPlacement": "left"},
                "cellValues": {"unit": "reqps"},
                "rowsFrame": {"layout": "auto"},
                "legend": {"show": True},
                "tooltip": {"mode": "single", "yHistogram": True},
                "exemplars": {"color": "rgba(255,0,255,0.7)"},
            },
        },
        width=width,
    )


def stat(
    title: str, description: str, unit: str, query: Query, *, red_below: float | None = None, width: int = 4
) -> Panel:
    """Return the value at the end of the time range as a figure; red below a value, where one is given."""
    steps: list[Json] = [{"value": None, "color": _GREEN if red_below is None else _RED}]
    if red_below is not None:
        steps.append({"value": red_below, "color": _GREEN})
    return Panel(
        title,
        {
            "type": "stat",
            "description": description,
            "targets": _targets((query,), instant=True),
            "fieldConfig": {
                "defaults": {"unit": unit, "decimals": 1, "thresholds": {"mode": "absolute", "steps": steps}},
                "overrides": [],
            },
            "options": {
                "graphMode": "none",
                "colorMode": "value",
                "justifyMode": "auto",
                "textMode": "auto",
                "wideLayout": True,
                "showPercentChange": False,
                "percentChangeColorMode": "standard",
                "orientation": "auto",
                "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
            },
        },
        width=width,
    )


def table(title: str, description: str, columns: Sequence[tuple[str, str, Query]], *, width: int = 24) -> Panel:
    """Return one row per set of labels; a column is its title, its unit and the query that fills it."""
    targets = _targets([query for _, _, query in columns], instant=True)
    return Panel(
        title,
        {
            "type": "table",
            "description": description,
            "targets": [{**target, "format": "table"} for target in targets],
            "fieldConfig": {
                "defaults": {},
                "overrides": [
                    {
                        "matcher": {"id": "byName", "options": f"Value #{target['refId']}"},
                        "properties": [{"id": "displayName", "value": name}, {"id": "unit", "value": unit}],
                    }
                    for target, (name, unit, _) in zip(targets, columns, strict=True)
                ],
            },
            "options": {
                "frameIndex": 0,
                "showHeader": True,
                "sortBy": [{"displayName": columns[-1][0], "desc": True}],
            },
            "transformations": [
                {"id": "merge", "options": {}},
                {"id": "organize", "options": {"excludeByName": {"Time": True}}},
            ],
        },
        width=width,
    )


def _targets(queries: Sequence[Query], *, instant: bool = False) -> list[Json]:
    return [
        {
            "refId": chr(ord("A") + number),
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": instant,
            "range": not instant,
            "exemplar": query.exemplars,
        }
        for number, query in enumerate(queries)
    ]


def _fields(unit: str, limit: float | None, custom: Json, *, minimum: float | None = None) -> Json:
    steps: list[Json] = [{"value": None, "color": _GREEN}]
    if limit is not None:
        steps.append({"value": limit, "color": _RED})
    defaults: Json = {"unit": unit, "custom": custom, "thresholds": {"mode": "absolute", "steps": steps}}
    if minimum is not None:
        defaults["min"] = minimum
    return {"defaults": defaults, "overrides": []}

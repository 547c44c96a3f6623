"""The files that are generated: dashboards for Grafana, and the rules behind Jaeger's Monitor tab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from groundhog_otel.dashboards.burn import BURN
from groundhog_otel.dashboards.collector import COLLECTOR
from groundhog_otel.dashboards.mcp import MCP
from groundhog_otel.dashboards.monitor import jaeger_monitor_rules
from groundhog_otel.dashboards.saturation import SATURATION

__all__ = ("DASHBOARDS", "generated")

DASHBOARDS: Final = (MCP, SATURATION, BURN, COLLECTOR)


def generated(project: Path) -> dict[Path, str]:
    """Return every generated file of a clone and what belongs in it.

    Raises:
        OSError: ``otel-config.yaml`` cannot be read.
        ValueError: its buckets cannot be understood.
    """
    rules = jaeger_monitor_rules((project / "otel-config.yaml").read_text("utf-8"))
    found = {project / "deploy" / "prometheus" / "rules" / "jaeger-monitor.yml": rules}
    for dashboard in DASHBOARDS:
        file = project / "deploy" / "grafana" / "dashboards" / f"{dashboard.name}.json"
        found[file] = json.dumps(dashboard.json(), indent=2) + "\n"
    return found

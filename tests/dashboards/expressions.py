"""What the tests ask of every dashboard: its panels, its expressions, and the metrics in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NOT_A_METRIC = re.compile(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()")
_OPERATORS = {"and", "or", "unless", "bool", "by", "without"}


class Expression(NamedTuple):
    """A query as Grafana finds it in a dashboard's file."""

    dashboard: str
    panel: str
    ref: str
    promql: str
    exemplars: bool

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel} ({self.ref})"

    def filled(self, values: Mapping[str, str]) -> str:
        """Return it with Grafana's variables replaced, as Grafana does before it asks Prometheus."""
        found = re.sub(r"\$(\w+)", lambda match: values[match[1]], self.promql)
        assert "$" not in found
        return found


def load(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text("utf-8")))


def expressions(file: Path) -> Iterator[Expression]:
    for panel in load(file)["panels"]:
        for target in panel.get("targets", ()):
            yield Expression(file.stem, panel["title"], target["refId"], target["expr"], target["exemplar"])


def metrics_in(promql: str) -> set[str]:
    """Return the names of the metrics in an expression of the kind that we write."""
    rest = _NOT_A_METRIC.sub(" ", _STRING.sub('""', promql))
    return {name for name in _NAME.findall(rest) if name not in _OPERATORS}

"""``mcp.json``, read once. It says where its rules come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any, Final, Literal

from groundhog_otel.testing.conventions.clauses import Clause, Facts, holds

__all__ = ("MCP", "Instrument", "Row", "Table")

Level = Literal["required", "conditionally_required", "recommended", "opt_in"]


@dataclass(frozen=True, slots=True)
class Row:
    """What the conventions say of one attribute on some signals."""

    name: str
    type: Literal["string", "int", "any"]
    level: Level
    on: tuple[str, ...]
    """``span.client``, ``span.server``, or the names of metrics."""
    rule: str
    required_when: Clause | None = None
    """None where only whoever made the telemetry can know whether the attribute applies."""
    only_when: Clause | None = None
    values: tuple[str, ...] = ()
    """Every allowed value; empty for any."""
    forbidden: tuple[str, ...] = ()
    pattern: str | None = None

    def is_required(self, facts: Facts) -> bool:
        """Tell whether the attribute must be there."""
        return self.required_when is not None and holds(self.required_when, facts)

    def is_allowed(self, facts: Facts) -> bool:
        """Tell whether the attribute may be there."""
        return self.only_when is None or holds(self.only_when, facts)


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the conventions say of one metric."""

    instrument: str
    unit: str
    boundaries: tuple[float, ...]
    """In the metric's unit."""
    side: Literal["client", "server"]


@dataclass(frozen=True, slots=True)
class Table:
    """The conventions of one domain."""

    source: str
    methods: frozenset[str]
    targets: Mapping[str, str]
    """By method: the attribute whose value follows the method in the span's name."""
    spans: Mapping[str, str]
    """By side: the span's kind."""
    metrics: Mapping[str, Instrument]
    not_errors: Mapping[str, frozenset[str]]
    """By side: the JSON-RPC error codes that are not the fault of this side."""
    tool_error: str
    """``error.type`` of a tool's result with ``isError``."""
    never_on_metrics: frozenset[str]
    other_attributes: tuple[str, ...]
    """Patterns of attributes that may be there although no row names them."""
    rows: tuple[Row, ...]

    def rows_on(self, signal: str) -> dict[str, Row]:
        """Return the rows of a span (``span.client``, ``span.server``) or a metric, by attribute."""
        return {row.name: row for row in self.rows if signal in row.on}

    def facts(self, side: Literal["client", "server"], attributes: Mapping[str, Any], *, failed: bool) -> Facts:
        """Return what clauses ask about an observation."""
        method = attributes.get("mcp.method.name")
        method = method if isinstance(method, str) else ""
        return Facts(side, attributes, failed, method, method in self.methods)

    def is_other(self, name: str) -> bool:
        """Tell whether an attribute may be there although no row names it."""
        return any(fnmatchcase(name, pattern) for pattern in self.other_attributes)


def _row(raw: dict[str, Any]) -> Row:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return Row(**fields)


def _load() -> Table:
    raw = json.loads(resources.files(__package__).joinpath("mcp.json").read_text(encoding="utf-8"))
    return Table(
        source=raw["source"],
        methods=frozenset(raw["methods"]),
        targets=raw["targets"],
        spans={side: span["kind"] for side, span in raw["spans"].items()},
        metrics={
            name: Instrument(one["instrument"], one["unit"], tuple(one["boundaries"]), one["side"])
            for name, one in raw["metrics"].items()
        },
        not_errors={side: frozenset(codes) for side, codes in raw["errors"]["not_errors"].items()},
        tool_error=raw["errors"]["tool_error"],
        never_on_metrics=frozenset(raw["never_on_metrics"]),
        other_attributes=tuple(raw["other_attributes"]),
        rows=tuple(_row(row) for row in raw["attributes"]),
    )


MCP: Final = _load()

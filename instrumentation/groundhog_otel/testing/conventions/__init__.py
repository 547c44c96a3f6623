"""The MCP semantic conventions as a table, ``mcp.json``, and what its rows say of an observation."""

from __future__ import annotations

from groundhog_otel.testing.conventions.clauses import Clause, Facts, holds
from groundhog_otel.testing.conventions.table import MCP, Instrument, Row, Table

__all__ = ("MCP", "Clause", "Facts", "Instrument", "Row", "Table", "holds")

"""OTLP JSON lines made a table of spans, by DuckDB.

A line is taken as it stands when each of its spans is written as exporters write them: that is what the patterns below
say, and they are strict. Of any other line the table gets one row or more that is not ``plain``, and
:mod:`groundhog_otel.store.otlp` has the last word on it. So both ways of reading a file say the same, and one of them
is quick.

Three things make it so: a line is parsed once, into a list of texts of spans; each such text is parsed once; and what a
resource or a scope says is worked out below the join with its spans, not once for each of them.
"""

# ruff: noqa: S608 - nothing of a user's is part of a statement

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from groundhog_otel.semconv import ERROR_TYPE, GEN_AI_TOOL_NAME, MCP_METHOD_NAME
from groundhog_otel.store.otlp import KINDS, STATUSES

__all__ = ("COLUMNS", "INSERT_DECODED", "INSERT_LINES", "NUMBERED_LINES", "TABLE")

COLUMNS: Final = {
    "trace_id": "VARCHAR",
    "span_id": "VARCHAR",
    "parent_id": "VARCHAR",
    "name": "VARCHAR",
    "kind": "VARCHAR",
    "service": "VARCHAR",
    "pid": "BIGINT",
    "scope": "VARCHAR",
    "start_ns": "UBIGINT",
    "end_ns": "UBIGINT",
    "status": "VARCHAR",
    "method": "VARCHAR",
    "tool": "VARCHAR",
    "error_type": "VARCHAR",
    "attributes": "VARCHAR",
    "events": "VARCHAR",
}
"""Of the table ``spans``, beside the file and a hash of the line that a span is from, and whether that is plain.

``attributes`` and ``events`` are OTLP JSON; ``method``, ``tool`` and ``error_type`` are attributes of MCP messages."""

TABLE: Final = (
    "CREATE TABLE spans (file INTEGER, line UBIGINT, plain BOOLEAN, "
    + ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    + ")"
)

# JSON as DuckDB writes it again: without spaces.
_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
_SCALAR: Final = (
    rf'\{{(?:"stringValue":{_TEXT}|"intValue":"?-?[0-9]{{1,18}}"?'
    r'|"boolValue":(?:true|false)|"doubleValue":-?[0-9][0-9.eE+-]*)\}'
)
_LIST: Final = rf'\{{"arrayValue":\{{"values":\[(?:{_SCALAR},?)*\]\}}\}}'
_ATTRIBUTES: Final = rf'\[(?:\{{"key":{_TEXT},"value":(?:{_SCALAR}|{_LIST})\}},?)*\]'
_TIME: Final = r'"?[0-9]{1,19}"?'
_OF_EVENT: Final = rf'(?:"name":{_TEXT}|"attributes":{_ATTRIBUTES}|"droppedAttributesCount":[0-9]+)'
_EVENTS: Final = rf'\[(?:\{{(?:{_OF_EVENT},)*"timeUnixNano":{_TIME}(?:,{_OF_EVENT})*\}},?)*\]'
_PARENT: Final = r'"(?:[0-9a-f]{16})?"'

_LINES: Final = (
    "read_json_objects($path, format = 'newline_delimited', ignore_errors = true, maximum_object_size = $longest)"
)
_GROUPS: Final = '{"resourceSpans":[{"resource":"JSON","scopeSpans":[{"scope":"JSON","spans":["JSON"]}]}]}'
_SPAN: Final = (
    '{"traceId":"JSON","spanId":"JSON","parentSpanId":"JSON","name":"JSON","kind":"JSON","startTimeUnixNano":"JSON",'
    '"endTimeUnixNano":"JSON","status":"JSON","attributes":"JSON","events":"JSON"}'
)
_PAIRS: Final = '[{"key":"VARCHAR","value":{"stringValue":"VARCHAR","intValue":"BIGINT"}}]'


def _matches(column: str, pattern: str) -> str:
    return f"regexp_full_match(CAST({column} AS VARCHAR), '{pattern}')"


def _value(pairs: str, key: str) -> str:
    """Return what an attribute has; of two by the same name the last."""
    return f"list_filter({pairs}, lambda one: one.key = '{key}')[-1].value"


def _named(names: Iterable[str], number: str) -> str:
    return f"[{', '.join(repr(name) for name in names)}][{number} + 1]"


def _text_or_none(pairs: str, *keys: str) -> str:
    return " AND ".join(
        f"({_value(pairs, key)} IS NULL OR {_value(pairs, key)}.stringValue IS NOT NULL)" for key in keys
    )


INSERT_LINES: Final = f"""
INSERT INTO spans
WITH read AS (
  SELECT hash(json) AS line, from_json(json, '{_GROUPS}').resourceSpans AS groups FROM {_LINES}
), whole AS (
  SELECT line, CASE
    WHEN groups IS NULL OR len(groups) = 0 OR len(list_filter(groups, lambda g: g.scopeSpans IS NULL
      OR len(g.scopeSpans) = 0
      OR len(list_filter(g.scopeSpans, lambda s: s.spans IS NULL OR len(s.spans) = 0)) > 0)) > 0
    THEN [struct_pack(resource := NULL::JSON, scopeSpans := [struct_pack(scope := NULL::JSON, spans := [NULL::JSON])])]
    ELSE groups END AS groups
  FROM read
), by_resource AS (
  SELECT line, g.resource AS resource, from_json(g.resource->'$.attributes', '{_PAIRS}') AS pairs,
    g.scopeSpans AS scopes
  FROM whole, unnest(groups) AS t(g)
), by_process AS (
  SELECT line,
    json_type(resource) = 'OBJECT' AND {_matches("(resource->'$.attributes')", _ATTRIBUTES)}
      AND {_text_or_none("pairs", "service.name")}
      AND ({_value("pairs", "process.pid")} IS NULL OR {_value("pairs", "process.pid")}.intValue IS NOT NULL) AS plain,
    coalesce(nullif({_value("pairs", "service.name")}.stringValue, ''), 'unknown_service') AS service,
    coalesce({_value("pairs", "process.pid")}.intValue, $pid) AS pid, scopes
  FROM by_resource
), by_scope AS (
  SELECT line, plain AND json_type(s.scope) = 'OBJECT'
      AND {_matches("(s.scope->'$.name')", _TEXT)} AS plain,
    service, pid, s.scope->>'$.name' AS scope, s.spans AS spans
  FROM by_process, unnest(scopes) AS t(s)
), raw AS (
  SELECT line, plain, service, pid, scope, from_json(raw, '{_SPAN}') AS raw FROM by_scope, unnest(spans) AS t(raw)
), parsed AS (
  SELECT *, from_json(raw.attributes, '{_PAIRS}') AS pairs, CAST(raw.status->'$.code' AS VARCHAR) AS status FROM raw
)
SELECT $file, line,
  coalesce(
    plain
    AND {_matches("raw.traceId", '"[0-9a-f]{32}"')} AND {_matches("raw.spanId", '"[0-9a-f]{16}"')}
    AND (raw.parentSpanId IS NULL OR {_matches("raw.parentSpanId", _PARENT)})
    AND {_matches("raw.name", _TEXT)}
    AND {_matches("raw.kind", f"[0-{len(KINDS) - 1}]")}
    AND {_matches("raw.startTimeUnixNano", _TIME)} AND {_matches("raw.endTimeUnixNano", _TIME)}
    AND (raw.status IS NULL OR json_type(raw.status) = 'OBJECT')
    AND (status IS NULL OR regexp_full_match(status, '[0-{len(STATUSES) - 1}]'))
    AND (raw.attributes IS NULL OR {_matches("raw.attributes", _ATTRIBUTES)})
    AND {_text_or_none("pairs", MCP_METHOD_NAME, GEN_AI_TOOL_NAME, ERROR_TYPE)}
    AND (raw.events IS NULL OR {_matches("raw.events", _EVENTS)}),
    false
  ),
  raw.traceId->>'$', raw.spanId->>'$', nullif(nullif(raw.parentSpanId->>'$', ''), '{"0" * 16}'), raw.name->>'$',
  {_named(KINDS, "TRY_CAST(CAST(raw.kind AS VARCHAR) AS UTINYINT)")}, service, pid, scope,
  TRY_CAST(trim(CAST(raw.startTimeUnixNano AS VARCHAR), '"') AS UBIGINT),
  TRY_CAST(trim(CAST(raw.endTimeUnixNano AS VARCHAR), '"') AS UBIGINT),
  {_named(STATUSES, "coalesce(TRY_CAST(status AS UTINYINT), 0)")},
  {_value("pairs", MCP_METHOD_NAME)}.stringValue, {_value("pairs", GEN_AI_TOOL_NAME)}.stringValue,
  {_value("pairs", ERROR_TYPE)}.stringValue, CAST(raw.attributes AS VARCHAR), nullif(CAST(raw.events AS VARCHAR), '[]')
FROM parsed
"""
"""Takes ``$path`` (a pattern), ``$longest`` (the bytes of its longest line), ``$file`` (a number for it) and ``$pid``
(its writer)."""

NUMBERED_LINES: Final = f"SELECT row_number() OVER () AS number, hash(json) AS line FROM {_LINES}"
"""The lines of ``$path`` (and ``$longest``) that are not blank, from 1; ``line`` as in the table."""

INSERT_DECODED: Final = (
    "INSERT INTO spans SELECT $file, 0, true, * FROM "
    f"read_json($path, format = 'newline_delimited', maximum_object_size = $longest, columns = {COLUMNS!r})"
)
"""Takes ``$path``, of lines that are objects with ``COLUMNS``, ``$longest`` and ``$file``."""

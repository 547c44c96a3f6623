"""A trace as text that stays the same from run to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

__all__ = ("DEFAULT_ATTRIBUTES", "tree")

DEFAULT_ATTRIBUTES: Final = ("error.type", "rpc.response.status_code")
"""What :func:`tree` shows of a span's attributes unless told otherwise."""
_INDENT: Final = "  "


def tree(spans: Iterable[ReadableSpan], *, attributes: Sequence[str] = DEFAULT_ATTRIBUTES) -> str:
    """Return spans as text, one a line: kind, name, status, attributes, links; indented below their parents.

    Siblings come in the order in which they started. Ids and times are never shown, so that the text can be compared
    with one written down before. ``attributes`` are names, in which ``*`` stands for anything (``"mcp.*"``); they are
    shown in the order of their names. A span whose parent is not among ``spans`` stands at the left, marked so.
    """
    by_id = {span.context.span_id: span for span in spans if span.context is not None}
    children: dict[int | None, list[ReadableSpan]] = {}
    for span in by_id.values():
        parent = span.parent.span_id if span.parent is not None and span.parent.span_id in by_id else None
        children.setdefault(parent, []).append(span)
    lines: list[str] = []
    waiting = [(span, 0) for span in _last_first(children.get(None, ()))]
    while waiting:
        span, depth = waiting.pop()
        lines.append(_INDENT * depth + _line(span, by_id, attributes))
        waiting.extend((child, depth + 1) for child in _last_first(children.get(span.context.span_id, ())))
    return "\n".join(lines)


def _last_first(spans: Iterable[ReadableSpan]) -> list[ReadableSpan]:
    return sorted(spans, key=lambda span: (span.start_time or 0, span.name), reverse=True)


def _line(span: ReadableSpan, by_id: dict[int, ReadableSpan], patterns: Sequence[str]) -> str:
    words = [_title(span)]
    if span.status.status_code is not StatusCode.UNSET:
        words.append(span.status.status_code.name)
    if span.status.description:
        words.append(repr(span.status.description))
    words.extend(
        f"{key}={value!s}"
        for key, value in sorted((span.attributes or {}).items())
        if any(fnmatchcase(key, pattern) for pattern in patterns)
    )
    if span.parent is not None and span.parent.span_id not in by_id:
        words.append("(parent not captured)")
    for link in span.links:
        target = by_id.get(link.context.span_id)
        words.append(f"-> {_title(target) if target is not None else '(not captured)'}")
    return "  ".join(words)


def _title(span: ReadableSpan) -> str:
    return f"{span.kind.name} {span.name}"

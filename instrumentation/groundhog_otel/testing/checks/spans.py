"""Is a span one of an MCP message, with the name, kind, status, parent and links that the conventions ask for?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from groundhog_otel.testing.checks.attributes import check_attributes
from groundhog_otel.testing.checks.errors import check_errors
from groundhog_otel.testing.conventions import MCP
from groundhog_otel.testing.violation import Violation

__all__ = ("check_spans", "is_mcp")


def is_mcp(span: ReadableSpan) -> bool:
    """Tell whether a span is one of an MCP message: by its attributes, its name or who made it."""
    return (
        any(name.startswith("mcp.") for name in span.attributes or ())
        or span.name.split(" ")[0] in MCP.methods
        or (span.instrumentation_scope is not None and span.instrumentation_scope.name == "groundhog_otel.mcp")
    )


def check_spans(spans: Sequence[ReadableSpan], *, opt_in: Collection[str]) -> Iterator[Violation]:
    """Yield what is wrong with the spans of MCP messages among ``spans``."""
    ours = [span for span in spans if is_mcp(span)]
    senders = {_message(span): span for span in ours if span.kind is SpanKind.CLIENT and _message(span) is not None}
    for span in ours:
        yield from _check_span(span, opt_in)
        if span.kind is SpanKind.SERVER:
            yield from _check_parent(span, senders)


def _check_span(span: ReadableSpan, opt_in: Collection[str]) -> Iterator[Violation]:
    where = f"{span.kind.name} span {span.name!r}"
    attributes: Mapping[str, Any] = span.attributes or {}
    if span.kind is SpanKind.INTERNAL and span.name.startswith("execute_tool"):
        return  # a GenAI instrumentation's span of the same call, which MCP attributes may be added to
    side: Literal["client", "server"] = "client" if span.kind is SpanKind.CLIENT else "server"
    if span.kind.name.lower() not in MCP.spans.values():
        yield Violation(
            where,
            "kind",
            f"is {span.kind.name}",
            "CLIENT for whoever sends the message, SERVER for whoever receives it.",
            "start the span with SpanKind.CLIENT or SpanKind.SERVER",
        )
    failed = span.status.status_code is StatusCode.ERROR
    if span.status.status_code is StatusCode.OK:
        yield Violation(
            where,
            "status",
            "is OK",
            "Instrumentations leave the status unset on success; OK is for applications.",
            "do not set the status",
        )
    facts = MCP.facts(side, attributes, failed=failed)
    yield from _check_name(span, where, opt_in)
    yield from check_attributes(f"span.{side}", where, facts, opt_in=opt_in)
    yield from check_errors(where, facts)


def _check_name(span: ReadableSpan, where: str, opt_in: Collection[str]) -> Iterator[Violation]:
    attributes = span.attributes or {}
    method = attributes.get("mcp.method.name")
    if not isinstance(method, str):
        return
    target = attributes.get(MCP.targets.get(method, ""))
    names = [method if target is None else f"{method} {target!s}"]
    if "mcp.resource.uri" in opt_in and "mcp.resource.uri" in attributes:
        names.append(f"{method} {attributes['mcp.resource.uri']!s}")
    if span.name not in names:
        yield Violation(
            where,
            "name",
            f"is not {names[0]!r}",
            "{mcp.method.name} {target}, where the target is the tool's or the prompt's name; else the method alone.",
            f"name the span {names[0]!r}",
        )


@dataclass(frozen=True, slots=True)
class _Message:
    """What tells one request from another, at both of its ends."""

    trace_id: int
    method: str
    request_id: str
    session_id: str | None


def _message(span: ReadableSpan) -> _Message | None:
    attributes = span.attributes or {}
    method, request_id = attributes.get("mcp.method.name"), attributes.get("jsonrpc.request.id")
    if span.context is None or not isinstance(method, str) or not isinstance(request_id, str):
        return None
    session = attributes.get("mcp.session.id")
    return _Message(span.context.trace_id, method, request_id, session if isinstance(session, str) else None)


def _check_parent(span: ReadableSpan, senders: Mapping[_Message | None, ReadableSpan]) -> Iterator[Violation]:
    where = f"{span.kind.name} span {span.name!r}"
    sender = senders.get(_message(span))
    if sender is not None and not _is_remote_child(span, sender):
        yield Violation(
            where,
            "parent",
            "is not the span of whoever sent the message, from another process as far as this one knows",
            "The context in params._meta is the remote parent of the receiver's span.",
            "extract the context from params._meta, make it the parent, and link the span it arrived within",
        )
    if any(_same(link.context, span.parent) for link in span.links):
        yield Violation(
            where,
            "link",
            "goes to the span's own parent",
            "A link is for the span that the message arrived within, when params._meta gives another parent.",
            "do not link the parent",
        )


def _is_remote_child(span: ReadableSpan, sender: ReadableSpan) -> bool:
    return span.parent is not None and span.parent.is_remote and _same(span.parent, sender.context)


def _same(one: SpanContext | None, other: SpanContext | None) -> bool:
    return one is not None and other is not None and (one.trace_id, one.span_id) == (other.trace_id, other.span_id)

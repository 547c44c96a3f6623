"""Spans that have the same parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from groundhog_otel.store.model import Span

__all__ = ("Siblings", "siblings")


@dataclass(frozen=True, slots=True)
class Siblings:
    """Some of the children of one span."""

    parent: Span
    children: tuple[Span, ...]
    """By start."""


def siblings(spans: Iterable[Span], wanted: Callable[[Span], bool], *, least: int = 2) -> list[Siblings]:
    """Return the spans that are ``wanted`` by their parents, where these are recorded and have at least ``least``.

    Twice through the spans: the parents are looked for only where there is something to be said of them.
    """
    groups: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        if span.parent_id is not None and wanted(span):
            groups.setdefault((span.trace_id, span.parent_id), []).append(span)
    groups = {key: group for key, group in groups.items() if len(group) >= least}
    parents: dict[tuple[str, str], Span] = {}
    for span in spans if groups else ():
        key = (span.trace_id, span.span_id)
        if key in groups:
            parents[key] = span
    return [
        Siblings(parents[key], tuple(sorted(group, key=lambda span: (span.start_ns, span.end_ns))))
        for key, group in groups.items()
        if key in parents
    ]

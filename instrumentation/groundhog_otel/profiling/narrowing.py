"""The part of a profile that belongs to one span, trace, tool or operation."""

from __future__ import annotations

from dataclasses import replace

from groundhog_otel.profiling.model import Link, Profile

__all__ = ("narrowed",)


def narrowed(
    profile: Profile,
    *,
    span_id: str | None = None,
    trace_id: str | None = None,
    method: str | None = None,
    target: str | None = None,
) -> Profile:
    """Return a profile with those samples only whose operation matches all that is given; all of it when nothing is.

    ``target`` is the tool's, the prompt's or the resource template's name.
    """
    wanted = {"span_id": span_id and span_id.lower(), "trace_id": trace_id and trace_id.lower(), "method": method,
              "target": target}  # fmt: skip
    wanted = {name: value for name, value in wanted.items() if value is not None}

    def matches(link: Link | None) -> bool:
        return all(getattr(link, name, None) == value for name, value in wanted.items())

    return replace(profile, samples=tuple(one for one in profile.samples if matches(one.link)))

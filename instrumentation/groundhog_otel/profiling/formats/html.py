"""A flame graph in one HTML file, for any browser, with no network; and as a part of the report of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from groundhog_otel.html.markup import joined
from groundhog_otel.profiling.formats.flame.page import folded, page, script, style
from groundhog_otel.profiling.formats.flame.tree import Column, columns_of
from groundhog_otel.profiling.formats.naming import value_index
from groundhog_otel.profiling.model import Profile
from groundhog_otel.report.html import Part
from groundhog_otel.report.units import duration

__all__ = ("dumps", "part")

_TITLES = {"cpu": "CPU", "memory": "Memory"}
INCOMPLETE = "The process ended before it could close this profile: this is what it had written until then."


def dumps(profile: Profile, *, value: str | None = None) -> str:
    """Return a page with all values, of which ``value`` is shown first; operations are the outermost frames.

    Raises:
        ProfileError: the profile has no such value.
    """
    graph = _graph(profile, value)
    more = {name: f"{fact:,}" if isinstance(fact, int) else str(fact) for name, fact in profile.facts.items()}
    return page(_title(profile), dict(_facts(profile)), graph, remarks=_remarks(profile), more=more)


def part(profiles: Iterable[Profile]) -> Part:
    """Return a section for the report of a run, with the flame graphs of its profiles; the first one is open.

    They show what went on within calls, which is what the report is about; all of it where no call was seen. The one
    that did most comes first: a client mostly waits.
    """
    chosen = sorted(map(_within_calls, profiles), key=lambda one: _at_work(one[1]), reverse=True)
    graphs = [
        folded(
            f"{_title(one)}{', within calls' if narrowed else ''}", dict(_facts(one)), _graph(one, None),
            remarks=_remarks(one), prefix=f"flame-{number}-", opened=number == 0,
        )
        for number, (narrowed, one) in enumerate(chosen)
    ]  # fmt: skip
    return Part("profiles", "Profiles", joined(graphs), style=style(), script=script())


def _within_calls(profile: Profile) -> tuple[bool, Profile]:
    within = tuple(one for one in profile.samples if one.link is not None)
    return bool(within), replace(profile, samples=within or profile.samples)


def _at_work(profile: Profile) -> int:
    return sum(one.state not in ("awaiting", "waiting") for one in profile.samples)


def _graph(profile: Profile, value: str | None) -> dict[str, Any]:
    columns = [Column(one.name, one.unit) for one in profile.value_types] or [Column("nothing", "count")]
    rows = ((one, one.values) for one in profile.samples if one.values)
    shown = value_index(profile, value)
    return {**columns_of(rows, columns, largest_by=(shown,)), "shown": shown}


def _title(profile: Profile) -> str:
    process = f" ({profile.pid})" if profile.pid is not None else ""
    return f"{_TITLES[profile.kind]} profile of {profile.service or 'a process'}{process}"


def _remarks(profile: Profile) -> tuple[str, ...]:
    return () if profile.complete else (INCOMPLETE,)


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    begun = datetime.fromtimestamp(profile.start_ns / 1e9, timezone.utc)
    yield "begun (UTC)", f"{begun:%Y-%m-%d %H:%M:%S}"
    yield "covered", duration(max(profile.end_ns - profile.start_ns, 0) / 1e9)
    if profile.interval_ns:
        yield "between looks", duration(profile.interval_ns / 1e9)
    if profile.engine:
        yield "taken by", profile.engine
    yield "profile", profile.profile_id

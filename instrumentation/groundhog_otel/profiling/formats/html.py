"""A flame graph in one HTML file, for any browser, with no network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from groundhog_otel.profiling.formats.flame.page import page
from groundhog_otel.profiling.formats.flame.tree import Column, columns_of
from groundhog_otel.profiling.formats.naming import value_index
from groundhog_otel.profiling.model import Profile
from groundhog_otel.report.units import duration

__all__ = ("dumps",)

_TITLES = {"cpu": "CPU", "memory": "Memory"}
INCOMPLETE = "The process ended before it could close this profile: this is what it had written until then."


def dumps(profile: Profile, *, value: str | None = None) -> str:
    """Return a page with all values, of which ``value`` is shown first; operations are the outermost frames.

    Raises:
        ProfileError: the profile has no such value.
    """
    columns = [Column(one.name, one.unit) for one in profile.value_types] or [Column("nothing", "count")]
    rows = ((one, one.values) for one in profile.samples if one.values)
    shown = value_index(profile, value)
    graph = {**columns_of(rows, columns, largest_by=(shown,)), "shown": shown}
    process = f" ({profile.pid})" if profile.pid is not None else ""
    title = f"{_TITLES[profile.kind]} profile of {profile.service or 'a process'}{process}"
    more = {name: f"{fact:,}" if isinstance(fact, int) else str(fact) for name, fact in profile.facts.items()}
    remarks = () if profile.complete else (INCOMPLETE,)
    return page(title, dict(_facts(profile)), graph, remarks=remarks, more=more)


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    begun = datetime.fromtimestamp(profile.start_ns / 1e9, timezone.utc)
    yield "begun (UTC)", f"{begun:%Y-%m-%d %H:%M:%S}"
    yield "covered", duration(max(profile.end_ns - profile.start_ns, 0) / 1e9)
    if profile.interval_ns:
        yield "between looks", duration(profile.interval_ns / 1e9)
    if profile.engine:
        yield "taken by", profile.engine
    yield "profile", profile.profile_id

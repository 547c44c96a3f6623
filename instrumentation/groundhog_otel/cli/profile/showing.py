"""``groundhog profile show`` and ``diff``: a profile as tables, or as a file that others open."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from groundhog_otel.cli.profile.saying import say_reading
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.live.stored import stored
from groundhog_otel.profiling.model import Profile
from groundhog_otel.profiling.narrowing import narrowed
from groundhog_otel.settings import store_directory

__all__ = ("diff", "show")

_Dir = Annotated[Path | None, Parameter(name="--dir")]
_STANDARD = Path("-")


def show(
    profile: str | None = None,
    /,
    *,
    span: str | None = None,
    trace: str | None = None,
    tool: str | None = None,
    format: str | None = None,  # noqa: A002 - the option's name
    output: Path | None = None,
    value: str | None = None,
    top: int = 15,
    experimental: Annotated[bool, Parameter(negative=())] = False,
    dir: _Dir = None,  # noqa: A002 - the option's name
) -> None:
    """Print a profile, or write it in a format that others open.

    Parameters
    ----------
    profile
        Its file, or its id, as spans carry it (groundhog.profile.id); by default the newest.
    span
        Only the call of this span, by its id; from whichever profile has seen it.
    trace
        Only the calls of this trace.
    tool
        Only calls of this tool, prompt or resource template.
    format
        html, speedscope, pprof, collapsed or otlp; by default what the output's name ends with.
    output
        File to write; with - standard output.
    value
        Which of its values: wall, cpu; alloc_space, inuse_space, alloc_objects, inuse_objects.
    top
        How many functions the table has.
    experimental
        Allow formats that may change.
    dir
        The folder of recordings; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    """
    found = stored(profile, dir or Path(store_directory()), span_id=span, trace_id=trace, on_read=say_reading)
    part = narrowed(found, span_id=span, trace_id=trace, target=tool)
    if not part.samples and found.samples:
        raise ProfileError(_unseen(found, span, trace, tool))
    if format is None and output is None:
        from groundhog_otel.cli.profile.tables import print_profile  # noqa: PLC0415 - one of the two is needed

        print_profile(part, top=top, value=value)
        return
    from groundhog_otel.profiling.formats import encoded, format_of  # noqa: PLC0415 - as above

    output = output or _STANDARD
    name = format or format_of(output)
    _write(output, encoded(part, name, value=value, experimental=experimental))


def diff(
    before: str,
    after: str,
    /,
    *,
    per: Literal["operation", "second", "profile"] = "operation",
    value: str | None = None,
    top: int = 15,
    tool: str | None = None,
    output: Path | None = None,
    dir: _Dir = None,  # noqa: A002 - the option's name
) -> None:
    """Print what changed between two profiles.

    Parameters
    ----------
    before
        File or id of the first.
    after
        File or id of the second.
    per
        What amounts are divided by: calls of each operation, seconds, or nothing (profile).
    value
        Which value: wall, cpu; alloc_space, inuse_space, alloc_objects, inuse_objects.
    top
        How many functions the table has.
    tool
        Only calls of this tool, prompt or resource template.
    output
        An HTML file to write in place of the table: a flame graph in red and blue.
    dir
        The folder of recordings, for ids; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    """
    from groundhog_otel.profiling.formats import difference  # noqa: PLC0415 - only here

    store = dir or Path(store_directory())
    first, second = (_of_tool(stored(one, store, on_read=say_reading), tool) for one in (before, after))
    if output is not None:
        _write(output, difference.dumps(first, second, per=per, value=value).encode(errors="replace"))
        return
    from groundhog_otel.cli.profile.tables import print_difference  # noqa: PLC0415 - as above

    print_difference(difference.difference(first, second, per=per, value=value), top=top)


def _of_tool(profile: Profile, tool: str | None) -> Profile:
    part = narrowed(profile, target=tool)
    if not part.samples and profile.samples:
        raise ProfileError(_unseen(profile, None, None, tool))
    return part


def _unseen(profile: Profile, span: str | None, trace: str | None, tool: str | None) -> str:
    """Say that there is nothing of what was asked for, and what there is."""
    if tool is not None and span is None and trace is None:
        names = sorted({one.link.target for one in profile.samples if one.link is not None and one.link.target})
        there = f"those it has seen: {', '.join(names)}" if names else "it has seen calls of none"
        return f"this profile has no sample of {tool}: {there}"
    if span is not None and tool is None:
        return (
            f"no look, and no allocation, of profile {profile.profile_id} was in the call of {span}: it was too short. "
            "Add the calls of its tool up with --tool in place of --span, or look more often with --interval 1ms"
        )
    asked = " ".join(one for one in (span, trace, tool) if one is not None)
    return f"this profile has no sample of {asked}: name another, or leave it away to search all of them"


def _write(output: Path, content: bytes) -> None:
    if output == _STANDARD:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise ProfileError(f"cannot write {output} ({error.strerror})") from None

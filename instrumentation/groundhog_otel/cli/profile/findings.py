"""What a search for leaks, or a look at the heap, has found, for a person: on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from groundhog_otel.cli.profile.saying import say, shown
from groundhog_otel.report.units import size
from groundhog_otel.store.layout import finding_files

__all__ = ("say_found",)


def say_found(run: Path) -> None:
    """Say what was found in a run, and where it is kept."""
    files = finding_files(run)
    for file in files:
        told = json.loads(file.read_bytes())
        say(f"{_head(told)}. Kept in {shown(file)}")
        for line in _leaks(told) if told["kind"] == "leaks" else _heap(told):
            print(f"  {line}", file=sys.stderr, flush=True)
    if not files:
        say(
            f"nothing was found out in {run}. The command must start a Python that has groundhog-otel[profile], answer "
            "a call, and end by itself or by Ctrl-C"
        )


def _head(told: Mapping[str, Any]) -> str:
    if told["kind"] == "leaks":
        return f"leaks: {told['verdict']}. {str(told['reason']).rstrip('.')}"
    has = size(told["resident_bytes"])
    return f"heap: {told['objects']:,} objects of {size(told['size_bytes'])}; the process has {has}"


def _leaks(told: Mapping[str, Any]) -> Iterator[str]:
    if told["bytes_per_call"]:
        hours = told["hours_to_limit"]
        yield f"{size(told['bytes_per_call'])} for each call"
        if hours is not None:
            yield f"at this rate of calls {size(told['limit_bytes'])} are full in {hours:,.1f} h"
    for one in told["lines"]:
        tool = f", {one['tool']}" if one["tool"] else ""
        held = f", held by {one['held_by']}" if one["held_by"] else ""
        where = f"{one['function']} ({one['file']}:{one['line']}){tool}"
        yield f"{size(one['bytes_per_call'])} for each call by {where}{held}"
    for one in told["types"]:
        yield f"{size(one['bytes_per_call'])} for each call in {one['type']}"


def _heap(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["holders"]:
        entries = "" if one["entries"] is None else f", {one['entries']:,} entries"
        bound = "" if one["bound"] is None else f" of {one['bound']:,} at most"
        half = "" if one["frees_half_bytes"] is None else f", with half of them {size(one['frees_half_bytes'])}"
        yield f"without {one['name']} ({one['type']}{entries}{bound}): {size(one['frees_bytes'])} less{half}"
    for one in told["types"]:
        yield f"{one['objects']:,} {one['type']}: {size(one['size_bytes'])}"
    if told["left_out"]:
        yield f"{told['left_out']:,} variables were left out: there was no time to follow them"

"""What ``conformance.yaml`` expects of spans and metrics, by the rules of the runner's README."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from groundhog_otel.store.model import Span

Entry = Mapping[str, Any]
DIRECTORY = Path(__file__).resolve().parent


def load() -> dict[str, Any]:
    """Return the file's content."""
    document: dict[str, Any] = yaml.safe_load((DIRECTORY / "conformance.yaml").read_text(encoding="utf-8"))
    return document


def failures(scenario: Entry, spans: Sequence[Span], metrics: set[str]) -> Iterator[str]:
    """Yield every way in which a run fell short of a scenario: nothing may be missing, and nothing may be extra."""
    selected: set[int] = set()
    for entry in scenario["spans"]:
        chosen = [index for index, span in enumerate(spans) if _selects(entry["match"], span)]
        selected.update(chosen)
        yield from _unmet(entry, [spans[index] for index in chosen])
    for index, span in enumerate(spans):
        if index not in selected:
            yield f"undeclared {span.kind} span {span.name!r}"
    if metrics != set(scenario["metrics"]):
        yield f"metrics are {sorted(metrics)}"


def _selects(match: Entry, span: Span) -> bool:
    wanted: Entry = match.get("attributes", {})
    return match.get("kind", span.kind) == span.kind and all(
        span.attributes.get(name) == value for name, value in wanted.items()
    )


def _unmet(entry: Entry, spans: Sequence[Span]) -> Iterator[str]:
    if "expect" not in entry:
        return
    expect = entry["expect"]
    if len(spans) != expect["count"]:
        yield f"{len(spans)} spans match {entry['match']}"
    for name, wanted in expect.get("attributes", {}).items():
        values = [span.attributes.get(name) for span in spans]
        present = [value is not None for value in values]
        if not isinstance(wanted, dict):
            met = all(value == wanted for value in values)
        elif "present" in wanted:
            met = all(one is wanted["present"] for one in present)
        else:
            met = len(set(filter(None, values))) == wanted["distinct"]
        if not met:
            yield f"{entry['match']}: {name} is {values}, not {wanted}"

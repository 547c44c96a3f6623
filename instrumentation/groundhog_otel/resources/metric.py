"""What a row of the table is, and what its rows share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from groundhog_otel.resources.snapshot import Snapshot

__all__ = ("Metric", "Reading", "one", "since")

Reading = tuple[float, dict[str, str]]
Kind = Literal["counter", "up_down_counter", "gauge"]


class Metric(NamedTuple):
    """One metric and how its readings are taken from a snapshot. A fact the snapshot lacks raises ``KeyError``."""

    name: str
    kind: Kind
    unit: str
    attributes: tuple[str, ...]
    description: str
    read: Callable[[Snapshot], Iterable[Reading]]

    @property
    def of_host(self) -> bool:
        """Whether this is about the host and not about the process."""
        return self.name.startswith("system.")


def one(value: float) -> list[Reading]:
    """Return a single reading without attributes."""
    return [(value, {})]


def since(now: list[Reading], before: list[Reading]) -> list[Reading]:
    """Return by how much each reading has grown; a counter that fell has not."""
    return [(max(0.0, value - old), attributes) for (value, attributes), (old, _) in zip(now, before, strict=True)]

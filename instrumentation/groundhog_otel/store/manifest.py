"""``run.json``: what a run started, when, and how it ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from groundhog_otel.store.layout import MANIFEST

__all__ = ("Manifest",)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One ``groundhog run``."""

    command: tuple[str, ...]
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float | None = None
    """Seconds; None while the run goes on, and for ever if it was killed."""
    exit_code: int | None = None
    """As a shell would give it: 128 + n after signal n."""
    pid: int | None = None
    """Of ``groundhog run`` itself."""

    def ended(self, *, exit_code: int, duration_s: float) -> Manifest:
        """Return this run, over."""
        return replace(self, exit_code=exit_code, duration_s=round(duration_s, 3))

    def write(self, run: Path) -> None:
        """Write to the run's folder, whole or not at all.

        Raises:
            OSError: the folder cannot be written to.
        """
        draft = run / f"{MANIFEST}.tmp"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        draft.replace(run / MANIFEST)

    @classmethod
    def read(cls, run: Path) -> Manifest | None:
        """Read from the run's folder; None when there is none, or none that can be understood."""
        try:
            raw: Any = json.loads((run / MANIFEST).read_bytes())
            return cls(
                command=tuple(str(word) for word in raw["command"]),
                started_at=datetime.fromisoformat(raw["started_at"]).isoformat(),
                duration_s=None if raw["duration_s"] is None else float(raw["duration_s"]),
                exit_code=None if raw["exit_code"] is None else int(raw["exit_code"]),
                pid=None if raw.get("pid") is None else int(raw["pid"]),
            )
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

"""Pure functions over recorded telemetry: what happened, how long it took, and whether the budgets were met."""

from __future__ import annotations

__all__ = ()

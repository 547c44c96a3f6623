"""Alerts from one model: Prometheus' rules, Alertmanager's routes, the Collector's sampling, and proofs of all three."""

from __future__ import annotations

__all__ = ("AlertError",)


class AlertError(Exception):
    """Something about an alert cannot be. The message is one line: what, and what to write instead."""

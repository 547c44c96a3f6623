"""Alerts from one model: Prometheus' rules, Alertmanager's routes, what the Collector keeps, and proofs of them."""

from __future__ import annotations

__all__ = ("AlertError",)


class AlertError(Exception):
    """Something about an alert cannot be. The message is one line: what, and what to write instead."""

"""``groundhog load``: a server under load."""

from __future__ import annotations

from groundhog_otel.cli.load.command import app

__all__ = ("app",)

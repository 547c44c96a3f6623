"""Telemetry on disk: the embedded mode's files, and the small model they are read back into."""

from __future__ import annotations

__all__ = ("StoreError",)


class StoreError(Exception):
    """There is nothing to read, or nowhere to write. The message is one line: what, and what to do about it."""

"""What a person or a program gets of a load test: on the terminal, live and after, as HTML, JUnit, HDR log and JSON."""

from __future__ import annotations

__all__ = ()

"""The result on a terminal, or in a file that it is redirected to: 80 columns are enough, colours are not needed."""

from __future__ import annotations

from groundhog_otel.load.reporting.terminal.result import print_result

__all__ = ("print_result",)

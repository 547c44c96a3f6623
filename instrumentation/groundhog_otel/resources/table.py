"""The metrics, by the semantic conventions for process and system metrics (v1.44.0)."""

from __future__ import annotations

from typing import Final

from groundhog_otel.resources.host import HOST
from groundhog_otel.resources.metric import Metric, Reading
from groundhog_otel.resources.process import PROCESS

__all__ = ("TABLE", "Metric", "Reading")

TABLE: Final = (*PROCESS, *HOST)

"""Scenario files, and what their parts mean: paths into results, templates, expectations, rows of data."""

from __future__ import annotations

__all__ = ()

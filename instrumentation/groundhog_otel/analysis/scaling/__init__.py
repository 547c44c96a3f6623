"""How throughput depends on concurrency: the Universal Scalability Law, and its fit."""

from __future__ import annotations

__all__ = ()

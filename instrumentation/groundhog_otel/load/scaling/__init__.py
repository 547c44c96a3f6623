"""How a server scales: a sweep over concurrency, what it used meanwhile, and the law that its throughput follows."""

from __future__ import annotations

__all__ = ()

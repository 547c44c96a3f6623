"""What the libraries of clients log during a load test: thousands of lines a second, of what is counted as errors."""

from __future__ import annotations

import logging

__all__ = ("quiet",)


def quiet() -> None:
    """Keep it off standard error. For processes that do nothing else."""
    for name in ("mcp", "client", "httpx", "httpx2", "httpcore", "httpcore2", "anyio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)

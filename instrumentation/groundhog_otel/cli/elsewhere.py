"""The Python environment that a command runs in, and what is found there: without starting the command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from groundhog_otel.diagnosis import Finding, known_variables
from groundhog_otel.recording.launcher import interpreter_of, unrecorded

__all__ = ("examine_in", "interpreter_for", "unwrapped")

_TIMEOUT_S: Final = 120.0
_ABSENT: Final = re.compile(r"No module named '?groundhog_otel\b")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")


def unwrapped(words: list[str], environ: dict[str, str]) -> tuple[list[str], dict[str, str], bool]:
    """Return a command without ``env NAME=value`` and ``opentelemetry-instrument --option value`` before it.

    The second item is the environment with what these set; the third tells whether the command is instrumented.
    """
    environ, launched = dict(environ), False
    hook = os.path.join("opentelemetry", "instrumentation", "auto_instrumentation")  # noqa: PTH118 - a tail
    launched = any(part.endswith(hook) for part in environ.get("PYTHONPATH", "").split(os.pathsep))
    options = {re.sub("OTEL_(PYTHON_)?", "", name, count=1).lower(): name for name in sorted(known_variables())}
    while words:
        program, rest = Path(words[0]).name, words[1:]
        if program == "env":
            while rest and _ASSIGNMENT.match(rest[0]):
                name, _, value = rest.pop(0).partition("=")
                environ[name] = value
        elif program == "opentelemetry-instrument":
            launched = True
            while rest and rest[0].startswith("--"):
                option, given, value = rest.pop(0)[2:].partition("=")
                if not given:
                    value = rest.pop(0) if rest else ""
                if option in options:
                    environ[options[option]] = value
        else:
            break
        words = rest
    return words, environ, launched


def interpreter_for(words: list[str], environ: Mapping[str, str]) -> tuple[Path | None, Finding | None]:
    """Return the Python that a command runs in, or None and why that cannot be told."""
    if not words:
        return None, Finding("fix", "command", "there is no command", "Write: groundhog doctor -- python my_server.py")
    found = shutil.which(words[0], path=environ.get("PATH"))
    if found is None:
        says = f"{words[0]} is not a command"
        return None, Finding("fix", "command", f"{says}; what follows is about this environment", "Check PATH.")
    interpreter = interpreter_of(Path(found).absolute(), environ)
    if interpreter is None:
        says = f"{words[0]} is not a Python program, so where it runs Python is not known"
        do = "To look there, install groundhog-otel[tools] in that environment and run its groundhog doctor."
        return None, Finding("note", "command", f"{says}; what follows is about this environment", do)
    return interpreter, None


def examine_in(interpreter: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Examine another Python environment with its own interpreter."""
    missing = Finding(
        "fix",
        "groundhog",
        f"{interpreter} has no groundhog-otel, or one without a doctor",
        f"{interpreter} -m pip install -U groundhog-otel",
    )
    try:
        done = subprocess.run(
            [interpreter, "-m", "groundhog_otel.diagnosis"],
            env=unrecorded(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return [Finding(**one) for one in json.loads(done.stdout)]
    except json.JSONDecodeError:
        if _ABSENT.search(done.stderr):
            return [missing]
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        do = f"See all that it says: {interpreter} -m groundhog_otel.diagnosis"
        return [Finding("fix", "groundhog", f"{interpreter} cannot be examined: {last}", do)]
    except (OSError, subprocess.TimeoutExpired) as error:
        return [Finding("fix", "groundhog", f"{interpreter} cannot be examined: {error}", "Check that it starts.")]

"""``groundhog doctor``: what is instrumented, where telemetry goes, and what keeps it from arriving."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from groundhog_otel.cli.elsewhere import examine_in, interpreter_for, unwrapped
from groundhog_otel.cli.script import about_script
from groundhog_otel.diagnosis import Finding, examine
from groundhog_otel.settings import inherited

__all__ = ("doctor",)


def doctor(
    *command: str,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Say what is instrumented, where telemetry goes, and what keeps it from arriving.

    It reads only: a command is not started. The exit code is 1 when something needs fixing.

    Parameters
    ----------
    command
        What you start your server with, after "--", to look at the Python environment that it runs in.
    as_json
        Print JSON, for programs.
    """
    words, environ, launched = unwrapped(list(command), inherited())
    found = []
    interpreter = Path(sys.executable)
    if command:
        other, problem = interpreter_for(words, environ)
        if problem is not None:
            found.append(problem)
        interpreter = other or interpreter
        found += about_script(words)
        if not launched:
            says = "the command is not started by opentelemetry-instrument, so nothing in it is instrumented"
            do = "Put opentelemetry-instrument before it, or record it with: groundhog run -- COMMAND"
            found.append(Finding("note", "command", says, do))
    if interpreter == Path(sys.executable) and environ == inherited():
        found += examine(environ)
    else:
        found += examine_in(interpreter, environ)
    to_fix = sum(finding.level == "fix" for finding in found)
    if as_json:
        findings = [asdict(finding) for finding in found]
        json.dump({"python": str(interpreter), "to_fix": to_fix, "findings": findings}, sys.stdout, indent=2)
        print()
    else:
        own = f" ({platform.python_version()})" if interpreter == Path(sys.executable) else ""
        _print(f"{interpreter}{own}", found)
        print(f"\n{to_fix} to fix" if to_fix else "\nNothing to fix")
    return 1 if to_fix else 0


def _print(python: str, found: list[Finding]) -> None:
    print(f"Python: {python}\n")
    about = max((len(finding.about) for finding in found), default=0)
    for finding in found:
        print(f"{finding.level:<4}  {finding.about:<{about}}  {finding.says}")
        if finding.fix is not None:
            print(f"{'':<4}  {'':<{about}}  -> {finding.fix}")

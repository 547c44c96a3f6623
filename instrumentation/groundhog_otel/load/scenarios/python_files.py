"""Scenarios in Python: a module that has ``scenarios``, a list of :class:`Scenario` or a function that returns one."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import Scenario
from groundhog_otel.load.scenarios.sense import faults

__all__ = ("read_python", "sensible")


def read_python(file: Path) -> tuple[Scenario, ...]:
    """Return the scenarios of a module. It is run: only give your own.

    Raises:
        LoadError: it cannot be read, fails, or has no scenarios that make sense.
    """
    if not file.is_file():
        raise LoadError(f"{file} cannot be read (there is no such file): correct its name")
    spec = importlib.util.spec_from_file_location(f"groundhog_scenarios_{file.stem}", file)
    assert spec is not None  # noqa: S101 - the name ends in .py
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
        found: Any = getattr(module, "scenarios", None)
        if callable(found):
            found = found()
    except LoadError:
        raise
    except Exception as error:
        raise LoadError(f"{file}:{_line(error, file)}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(file.parent))
    if found is None:
        raise LoadError(f"{file} has no scenarios: write scenarios = [Scenario(...)], or a function of that name")
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, Scenario) for one in found) or not found:
        raise LoadError(f"scenarios in {file} is no list of Scenario: import it from groundhog_otel.load.plan")
    return sensible(tuple(found), str(file))


def sensible(scenarios: tuple[Scenario, ...], where: str) -> tuple[Scenario, ...]:
    """Return ``scenarios``, held against what scenarios have to be.

    Raises:
        LoadError: something is wrong; ``where`` is where they come from.
    """
    for scenario in scenarios:
        for step, message in faults(scenario):
            what = "" if step is None else f", step {step + 1} ({scenario.steps[step].name})"
            raise LoadError(f"{where}: scenario {scenario.name!r}{what}: {message}")
    return scenarios


def _line(error: Exception, file: Path) -> int:
    """Return the line of ``file`` that an error comes from."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return (lines[-1] if lines else None) or 1

"""Scenario files, by their suffix."""

from __future__ import annotations

from pathlib import Path

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import Scenario
from groundhog_otel.load.scenarios.python_files import read_python
from groundhog_otel.load.scenarios.yaml_files import read_yaml

__all__ = ("read_scenarios",)


def read_scenarios(file: str | Path) -> tuple[Scenario, ...]:
    """Return the scenarios of a ``.yaml``, ``.yml`` or ``.py`` file.

    Raises:
        LoadError: it is none of these, cannot be read, or something in it is wrong; with the line where that is known.
    """
    path = Path(file)
    if path.suffix == ".py":
        return read_python(path)
    if path.suffix in (".yaml", ".yml"):
        return read_yaml(path)
    raise LoadError(f"{path} is no scenario file: give a .yaml or a .py")

"""Lines as engines of memory know them, by file and number, made into frames of the model."""

from __future__ import annotations

import ast
import linecache
import sys
from functools import lru_cache
from pathlib import PurePath
from threading import Lock
from typing import Final

from groundhog_otel.profiling.model import Frame

__all__ = ("frame_at", "function_at", "module_of")

_LARGEST: Final = 20_000
"""Lines of a file that is still parsed for the names of its functions."""
_PARSING: Final = Lock()
"""CPython before 3.13 counts how deep it is within a tree once for all threads, and gives up when the count is off."""
_TRIES: Final = 5


def frame_at(file: str, line: int, function: str | None = None) -> Frame:
    """Return the frame of a line; the function's name is looked up in the source where the engine has none."""
    return Frame(function_at(file, line) if function is None else function, file, line, module_of(file))


@lru_cache(maxsize=4096)
def module_of(file: str) -> str:
    """Return the dotted name under which a file would be imported here; empty where no folder of the path has it."""
    # The deepest folder first: a virtual environment may lie inside of the project.
    for folder in sorted((one for one in sys.path if one), key=len, reverse=True):
        if file.startswith(folder.rstrip("/\\") + ("\\" if "\\" in folder else "/")):
            parts = PurePath(file).relative_to(folder).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ""


def function_at(file: str, line: int) -> str:
    """Return the qualified name of the function that a line belongs to; ``<module>`` outside of any."""
    if file.startswith("<"):
        return file
    found = [(start, name) for start, end, name in _functions(file) if start <= line <= end]
    return max(found)[1] if found else "<module>"  # the innermost begins last


@lru_cache(maxsize=512)
def _functions(file: str) -> tuple[tuple[int, int, str], ...]:
    """Return the first line, last line and qualified name of each function in a file."""
    lines = linecache.getlines(file)
    if not lines or len(lines) > _LARGEST:
        return ()
    tree = _parsed("".join(lines))
    if tree is None:
        return ()
    found: list[tuple[int, int, str]] = []
    _collect(tree, "", found)
    return tuple(found)


def _parsed(text: str) -> ast.Module | None:
    for _ in range(_TRIES):
        try:
            with _PARSING:
                return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return None
        except SystemError:  # another thread of the program has parsed meanwhile
            continue
    return None


def _collect(node: ast.AST, prefix: str, found: list[tuple[int, int, str]]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{child.name}"
            found.append((child.lineno, child.end_lineno or child.lineno, name))
            _collect(child, f"{name}.<locals>.", found)
        elif isinstance(child, ast.ClassDef):
            _collect(child, f"{prefix}{child.name}.", found)
        else:
            _collect(child, prefix, found)

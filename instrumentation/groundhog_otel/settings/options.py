"""How an instrumentor's options are checked, wherever they come from: one grammar, one way to say what is wrong.

An option may be given as a keyword argument, in a configuration file or in the environment. The first usable value
counts; what is not usable is one sentence that says what was used instead and what to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

__all__ = (
    "Option",
    "Problem",
    "Redact",
    "Source",
    "choice",
    "chosen",
    "content",
    "flag",
    "length",
    "names",
    "redactor",
    "resolved",
    "seconds",
)

Problem = str
"""One sentence about a setting that was not usable: what it is, what was used instead, what to write."""

Redact = Callable[[str, str, Any], Any]
"""Takes what is captured (``arguments``, ``result``), the tool's name, and the value; returns what may be recorded."""

_REDACTOR: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class Option(NamedTuple):
    """One field of a settings class."""

    variable: str
    """Its environment variable."""
    accepted: str
    """What to write, as the end of a sentence that begins with "Write"."""
    parse: Callable[[object], Any]
    """Returns the field's value, of text or of what Python and YAML have for it; raises ``ValueError`` for others."""


class Source(NamedTuple):
    """Some options that somebody gave, and where."""

    values: Mapping[str, object]
    """By the names of the fields."""
    where: str = ""
    """How a message says where it was; empty for the environment, where the variable's name says it."""


def chosen(
    options: Mapping[str, Option], sources: Sequence[Source], default: object
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the first usable value of each option that has one, and what is wrong with the values before it.

    Args:
        options: By the names of the fields.
        sources: The one that counts most comes first.
        default: An object whose fields are what counts without any source.
    """
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, option in options.items():
        unusable = []
        for source in sources:
            given = source.values.get(name)
            if given is None or given == "":
                continue
            try:
                found[name] = option.parse(given)
                break
            except ValueError:
                said = f"{name}={given!r} {source.where}" if source.where else f"{option.variable}={given!r}"
                unusable.append(said)
        used = found.get(name, getattr(default, name))
        problems += [f"{said} is not understood; using {_spelled(used)}. Write {option.accepted}." for said in unusable]
    for source in sources:
        problems += [
            f"{name!r} {source.where} is not an option{_nearest(name, options)}. Options are: {', '.join(options)}."
            for name in source.values
            if name not in options
        ]
    return found, problems


def choice(*words: str) -> Callable[[object], str]:
    """Return a parser of one of some words, in any case."""

    def parse(given: object) -> str:
        word = str(given).lower()
        if word not in words:
            raise ValueError
        return word

    return parse


def flag(given: object) -> bool:
    """Return a Boolean, of ``true`` or ``false`` in any case (OpenTelemetry specification, "Boolean value")."""
    return {"true": True, "false": False}[choice("true", "false")(given)]


def content(given: object) -> bool:
    """Tell whether content goes onto spans, of what GenAI instrumentations take for it, older and newer ones."""
    spans = ("true", "span_only", "span_and_event")
    return choice(*spans, "false", "no_content", "event_only")(given) in spans


def length(given: object) -> int:
    """Return a whole number from 1 up."""
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise ValueError
    if isinstance(given, str) and not (given.isascii() and given.isdigit()):
        raise ValueError
    if int(given) < 1:
        raise ValueError
    return int(given)


def seconds(given: object) -> float | None:
    """Return a number of seconds above 0, or None for ``none``."""
    word = str(given).strip().lower()
    if word == "none":
        return None
    if isinstance(given, bool) or not re.fullmatch(r"[0-9]*\.?[0-9]+", word) or not float(word) > 0:
        raise ValueError
    return float(word)


def names(given: object) -> tuple[str, ...]:
    """Return names, of a text with commas between them or of a list."""
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple, set, frozenset)) or not all(isinstance(part, str) for part in parts):
        raise ValueError
    return tuple(name for part in parts if (name := part.strip()))


def redactor(given: object) -> Redact | str:
    """Return a function as it is, and ``module:function`` as the text it is: it is imported when it is needed."""
    if callable(given) or (isinstance(given, str) and _REDACTOR.fullmatch(given)):
        return given
    raise ValueError


def resolved(redact: Redact | str | None) -> tuple[Redact | None, Problem | None]:
    """Return the function that a setting names, importing its module; or None and what is wrong with it.

    Whoever gets a problem has no redactor that was asked for, and must not record content.
    """
    if not isinstance(redact, str):
        return redact, None
    module, _, path = redact.partition(":")
    try:
        found: Any = import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as error:  # a module of the user's: it may raise anything
        return None, (
            f"The redactor {redact} cannot be imported ({type(error).__name__}: {error}); no content is captured. "
            "Write module:function of a module that Python finds (PYTHONPATH)."
        )
    if not callable(found):
        return None, f"The redactor {redact} is not a function; no content is captured. Write module:function."
    return found, None


def _spelled(value: object) -> str:
    """Return a value as a user would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        value = tuple(sorted(value))
    if not isinstance(value, tuple):
        return repr(value) if value is not None else "none"
    return repr(",".join(value)) if value else "none"


def _nearest(name: str, options: Mapping[str, Option]) -> str:
    """Return a question about what was meant, when there is something near."""
    from difflib import get_close_matches  # noqa: PLC0415 - 3 ms, which no program's start should pay for

    near = get_close_matches(name, options, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""

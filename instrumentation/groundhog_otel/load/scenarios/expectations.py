"""What answers have to look like, and whether they do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args, get_type_hints

from groundhog_otel.load.plan import Expectation
from groundhog_otel.load.scenarios.paths import ABSENT, find

__all__ = ("TESTS", "unmet")

TESTS: Final[tuple[str, ...]] = get_args(get_type_hints(Expectation)["test"])
_SHOWN: Final = 60


def unmet(expectation: Expectation, result: Mapping[str, Any] | None) -> str | None:
    """Return how ``result`` departs from what was expected, in one line; None when it does not.

    ``value`` may be a number that a result has as a string, and the other way round, only in ``contains`` and
    ``matches``, which look at text. ``exists`` with the value False wants nothing to be there.
    """
    found = find(result, expectation.path)
    where = expectation.path or "the result"
    if expectation.test == "exists":
        wanted = expectation.value is not False
        return None if (found is not ABSENT) == wanted else f"{where} is {'not ' if wanted else ''}there"
    if found is ABSENT:
        return f"{where} is not there"
    if _HOLDS[expectation.test](found, expectation.value):
        return None
    return f"{where} is {_shown(found)}, expected {_WORDS[expectation.test]} {_shown(expectation.value)}"


def _equals(found: Any, value: Any) -> bool:
    # True and 1 are equal in Python, and not in JSON.
    return isinstance(found, bool) == isinstance(value, bool) and bool(found == value)


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return str(value) in found
    if isinstance(found, Mapping):
        return value in found
    return isinstance(found, (list, tuple)) and any(_equals(one, value) for one in found)


def _compared(found: Any, value: Any, holds: Callable[[float, float], bool]) -> bool:
    numbers = isinstance(found, (int, float)) and not isinstance(found, bool)
    return numbers and holds(found, float(value))


_HOLDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "equals": _equals,
    "contains": _contains,
    "matches": lambda found, value: (
        re.search(str(value), found if isinstance(found, str) else _json(found)) is not None
    ),
    "at_most": lambda found, value: _compared(found, value, lambda one, other: one <= other),
    "at_least": lambda found, value: _compared(found, value, lambda one, other: one >= other),
}
_WORDS: Final = {
    "equals": "it to be",
    "contains": "it to contain",
    "matches": "it to match",
    "at_most": "at most",
    "at_least": "at least",
}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _shown(value: Any) -> str:
    text = _json(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

"""``${name}`` in arguments: a column of the data, what an earlier step has saved, or ``${env:NAME}``.

Where a template is all of a string, its value is put there as it is: ``"${count}"`` may become a number. ``$${`` stands
for ``${`` itself. Environment variables are read when a request is made, so no value of theirs is in a file of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from groundhog_otel.settings import variable

__all__ = ("TemplateError", "escape", "fill", "names")

_TEMPLATE: Final = re.compile(r"\$(\$\{)|\$\{([^{}]*)\}")
_ENV: Final = "env:"


class TemplateError(Exception):
    """A template has no value: a step before it has not saved one."""


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Return ``value`` with its templates replaced, in strings at any depth, but not in keys.

    Raises:
        TemplateError: one has no value.
    """
    if isinstance(value, str):
        if "${" not in value:
            return value
        whole = _TEMPLATE.fullmatch(value)
        if whole is not None and whole[2] is not None:
            return _value(whole[2], values)
        return _TEMPLATE.sub(lambda found: found[1] or _text(_value(found[2], values)), value)
    return _each(value, lambda one: fill(one, values))


def escape(value: Any) -> Any:
    """Return what :func:`fill` makes ``value`` of."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    return _each(value, escape)


def names(value: Any) -> Iterator[str]:
    """Yield the names of the templates in ``value``; environment variables with their ``env:``."""
    if isinstance(value, str):
        for found in _TEMPLATE.finditer(value):
            if found[2] is not None:
                yield found[2].strip()
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from names(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from names(one)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: change(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [change(one) for one in value]
    return value


def _value(name: str, values: Mapping[str, Any]) -> Any:
    name = name.strip()
    if name in values:
        return values[name]
    found = variable(name.removeprefix(_ENV)) if name.startswith(_ENV) else None
    if found is None:
        raise TemplateError(f"${{{name}}} has no value")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

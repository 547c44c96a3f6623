"""Validating a message against the one model that its method names, instead of against every kind of message.

mcp 1.x validates what it receives with a union of all requests, or of all notifications. pydantic tries each member on
the whole message, ``_meta`` included, although no two of them have the same method. Where that is provably so, the
member that has the message's method gives the same model: no other can accept the message. It is the only short cut.
What it refuses, and everything out of the ordinary, goes to the union, so errors are the union's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, get_args, get_origin

__all__ = ("validated",)

_TYPES: Final = "mcp.types"
_set: Final = object.__setattr__
_VALIDATORS: Final = ("validators", "field_validators", "root_validators", "model_validators")


def validated(cls: Any, message: Any) -> Any:
    """Return what ``cls.model_validate(message)`` would; None where ``cls`` itself has to be asked. Never raises."""
    try:
        # A model that was rebuilt, with more members perhaps, has another validator.
        made, members = _members(cls, cls.__pydantic_validator__)
        return made(cls, members[message["method"]](message))
    except Exception:
        return None


@lru_cache(maxsize=16)
def _members(cls: Any, _validator: object) -> tuple[Callable[[Any, Any], Any], Mapping[str, Callable[[Any], Any]]]:
    """Return what makes the union of a member, and the validation of each member by its method.

    Of the latter there are none where methods do not tell them apart.
    """
    try:
        root = cls.model_fields["root"]
        members = get_args(root.annotation)
        if not _plain(cls) or root.metadata or root.discriminator or not all(map(_plain, members)):
            return _constructed, {}
        methods = {_method(member): member.__pydantic_validator__.validate_python for member in members}
        alike = _made(cls, None).__getstate__() == _constructed(cls, None).__getstate__()
        return _made if alike else _constructed, methods if len(methods) == len(members) else {}
    except Exception:  # not what pydantic, or the SDK, looked like when this was written
        return _constructed, {}


def _constructed(cls: Any, member: Any) -> Any:
    return cls.model_construct(member)


def _made(cls: Any, member: Any) -> Any:
    """Do what ``model_construct`` does for a union, at a third of its price."""
    union = cls.__new__(cls)
    _set(union, "__dict__", {"root": member})
    _set(union, "__pydantic_fields_set__", {"root"})
    return union


def _method(member: Any) -> str:
    """Return the one method that a model accepts; raises ``ValueError`` where it is not one."""
    field = member.model_fields["method"]
    (method,) = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    if type(method) is not str or field.metadata or field.validation_alias:
        raise ValueError(member)
    return method


def _plain(model: Any) -> bool:
    """Tell whether a model is the SDK's own, and validated by pydantic alone."""
    decorators = model.__pydantic_decorators__
    return (
        model.__module__ == _TYPES
        and type(model.__pydantic_validator__).__module__.startswith("pydantic_core")  # not a plug-in's
        and model.model_validate.__func__.__module__ == "pydantic.main"
        and not any(getattr(decorators, kind) for kind in _VALIDATORS)
    )

"""What a server lists: every page of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Session

__all__ = ("listed",)

_PAGES: Final = 1000
_ANSWER_S: Final = 30.0
_METHOD_NOT_FOUND: Final = "-32601"


async def listed(session: Session, method: str, key: str) -> tuple[Mapping[str, Any], ...]:
    """Return all that a list request lists under ``key``; nothing if the server has no such lists.

    Raises:
        LoadError: the server does not answer, or its pages never end.
    """
    found: list[Mapping[str, Any]] = []
    arguments: dict[str, Any] = {}
    for _ in range(_PAGES):
        answer = await session.request(method, None, arguments, meta={}, timeout_s=_ANSWER_S)
        if answer.error == "jsonrpc" and answer.detail == _METHOD_NOT_FOUND:
            return ()
        if answer.result is None or answer.error is not None:
            raise LoadError(f"The server does not answer {method} ({answer.message}): see its log")
        found += answer.result.get(key) or ()
        cursor = answer.result.get("nextCursor")
        if not cursor:
            return tuple(found)
        if cursor == arguments.get("cursor"):
            break
        arguments = {"cursor": cursor}
    raise LoadError(f"The server's pages of {method} never end: its nextCursor leads nowhere new")

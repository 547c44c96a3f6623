"""What the errors of a connection have in common, whatever the transport."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import anyio

from groundhog_otel.load.clients.answers import one_line
from groundhog_otel.load.errors import LoadError

__all__ = ("already_said", "causes", "closed", "in_words")

_UNSUPPORTED_PROTOCOL_VERSION = -32022  # of 2026-07-28


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, those that it groups, and what has led to each."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*getattr(one, "exceptions", ()), one.__cause__, one.__context__]


def already_said(error: BaseException) -> LoadError | None:
    """Return the sentence of an error that needs no knowledge of the transport."""
    for one in causes(error):
        if isinstance(one, LoadError):
            return one
        if isinstance(one, OSError) and one.errno in (errno.EMFILE, errno.ENFILE):
            return LoadError("This process may open no more files: raise its limit (ulimit -n), or take fewer users")
        if isinstance(one, RuntimeError) and "protocol version" in str(one):
            return LoadError(f"{one_line(str(one))}: choose another protocol, or install an mcp that speaks it")
        said = getattr(one, "error", None)
        if getattr(said, "code", None) == _UNSUPPORTED_PROTOCOL_VERSION:
            supported = (getattr(said, "data", None) or {}).get("supported") or ("other protocols",)
            return LoadError(f"The server speaks only {', '.join(supported)}: choose another protocol")
    return None


def closed(error: BaseException) -> bool:
    """Tell whether an error says that the other side has gone."""
    kinds = (ConnectionError, anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream)
    return any(isinstance(one, kinds) or str(one) == "Connection closed" for one in causes(error))


def in_words(error: BaseException) -> str:
    """Return an error as one line: of a group, its first."""
    one = error
    while grouped := getattr(one, "exceptions", None):
        one = grouped[0]
    return one_line(f"{type(one).__name__}: {one}" if str(one) else type(one).__name__)

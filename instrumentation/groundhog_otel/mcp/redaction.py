"""Taking out of a resource URI what must not reach a trace store."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

__all__ = ("redacted_uri",)

_REDACTED: Final = "REDACTED"


def redacted_uri(uri: str) -> str:
    """Return ``uri`` without user-info and without the values of its query.

    Both may hold credentials. Names of query parameters stay: they tell one kind of resource from another.
    """
    if "@" not in uri and "?" not in uri:
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        return _REDACTED
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{_REDACTED}@{host}" if "@" in parts.netloc else parts.netloc
    query = "&".join(
        f"{name}={_REDACTED}" if separator else _REDACTED
        for name, separator, _ in (pair.partition("=") for pair in parts.query.split("&") if pair)
    )
    return urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment))

"""Strings of a format, a pattern, a length."""

from __future__ import annotations

import datetime
import string
import uuid
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from groundhog_otel.load.generation.patterns import matching

__all__ = ("FORMATS", "text")

_WORDS: Final = ("alpha", "bravo", "delta", "echo", "golf", "hotel", "kilo", "lima", "nova", "oscar", "papa", "tango")


def text(schema: Mapping[str, Any], rng: Random, attempt: int) -> str:
    """Return a string for ``schema``; a later ``attempt`` tries longer ones.

    Raises:
        PatternError: its pattern has something that is not supported.
    """
    least = int(schema.get("minLength", 0))
    most = int(schema.get("maxLength", max(least, 24)))
    if isinstance(schema.get("pattern"), str):
        return matching(schema["pattern"], rng, stretch=max(3, least if attempt else 3) + attempt)
    make = FORMATS.get(str(schema.get("format")))
    if make is not None:
        return make(rng)
    found = rng.choice(_WORDS)
    while len(found) < least:
        found += f" {rng.choice(_WORDS)}"
    return found[:most].ljust(least, "x") if most else ""


def _moment(rng: Random) -> datetime.datetime:
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    return start + datetime.timedelta(seconds=rng.randrange(2 * 365 * 86_400))


def _host(rng: Random) -> str:
    return f"{rng.choice(_WORDS)}.example.com"


FORMATS: Final[Mapping[str, Callable[[Random], str]]] = {
    "date": lambda rng: _moment(rng).date().isoformat(),
    "time": lambda rng: f"{_moment(rng).time().isoformat()}Z",
    "date-time": lambda rng: _moment(rng).isoformat().replace("+00:00", "Z"),
    "duration": lambda rng: f"PT{rng.randint(1, 59)}M",
    "email": lambda rng: f"{rng.choice(_WORDS)}@{_host(rng)}",
    "hostname": _host,
    "ipv4": lambda rng: f"192.0.2.{rng.randint(1, 254)}",  # RFC 5737: for documentation
    "ipv6": lambda rng: f"2001:db8::{rng.randint(1, 0xFFFF):x}",  # RFC 3849: the same
    "uri": lambda rng: f"https://{_host(rng)}/{rng.choice(_WORDS)}",
    "uri-reference": lambda rng: f"/{rng.choice(_WORDS)}",
    "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "json-pointer": lambda rng: f"/{rng.choice(_WORDS)}",
    "byte": lambda rng: "".join(rng.choices(string.ascii_letters, k=8)),
}
"""By the formats of JSON Schema, and base 64 of OpenAPI. Any other is taken for any string."""

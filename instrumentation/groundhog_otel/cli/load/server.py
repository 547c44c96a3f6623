"""Which server is tested, and which part of a test is done here: words of the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from groundhog_otel.load.amounts import seconds_of
from groundhog_otel.load.engine.schedule import WHOLE, Share
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Target
from groundhog_otel.load.targets import target_for
from groundhog_otel.settings.load import ENV_JOB_COMPLETION_INDEX, job_index

__all__ = ("share_of", "target_of")

_SHARE: Final = re.compile(r"(\d+|job)/(\d+)")


def share_of(words: str | None) -> Share:
    """Return the part that ``3/8`` or ``job/8`` names; the whole without words.

    Raises:
        LoadError: it names none.
    """
    if words is None:
        return WHOLE
    found = _SHARE.fullmatch(words)
    if found is None:
        raise LoadError(f"--worker {words!r} is no part of a test: write it like 3/8, or job/8 in a Kubernetes Job")
    count = int(found[2])
    number = job_index() if found[1] == "job" else int(found[1]) - 1
    if number is None:
        raise LoadError(
            f"--worker {words} is for Jobs of completion mode Indexed, which set {ENV_JOB_COMPLETION_INDEX}"
        )
    if not 0 <= number < count:
        raise LoadError(f"There is no worker {number + 1} of {count}: write 1/{count} to {count}/{count}")
    return Share(number, count)


def target_of(
    server: Sequence[str],
    *,
    sse: bool,
    header: Sequence[str],
    token_variable: str | None,
    protocol: Literal["auto", "handshake", "2026-07-28"],
    connect_timeout: str,
) -> Target:
    """Return the server that the words name.

    Raises:
        LoadError: they name none, or an option does not go with it.
    """
    if not server:
        raise LoadError("There is no server to test: give its URL, or its command after --")
    of_a_url = server[0].startswith(("http://", "https://"))
    if of_a_url and len(server) > 1:
        raise LoadError(f"{server[1]!r} is one word too many after the URL: options begin with --")
    if not of_a_url:
        for option, given in (("--sse", sse), ("--header", header), ("--token-variable", token_variable)):
            if given:
                raise LoadError(f"{option} is for URLs, and the server is a command: leave it away")
    return target_for(
        server[0] if of_a_url else server,
        transport="sse" if sse else "auto",
        headers=_headers(header),
        token_env=token_variable,
        protocol=protocol,
        connect_timeout_s=_within_s(connect_timeout),
    )


def _within_s(words: str) -> float:
    seconds = seconds_of(words)
    if seconds <= 0:
        raise LoadError(f"No server can answer within {words}: give --connect-timeout a time above 0")
    return seconds


def _headers(given: Sequence[str]) -> Mapping[str, str]:
    headers = {}
    for one in given:
        name, colon, value = one.partition(":")
        if not colon or not name.strip():
            # What was given is not repeated: it may be a secret.
            raise LoadError("What follows --header is no header: write it like 'X-Tenant: blue'")
        headers[name.strip()] = value.strip()
    return headers

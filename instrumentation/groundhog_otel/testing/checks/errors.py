"""Is what went wrong, and only that, an error: at the side whose fault it is, under the conventions' name?"""

from __future__ import annotations

from collections.abc import Iterator

from groundhog_otel.testing.conventions import MCP, Facts
from groundhog_otel.testing.violation import Violation

__all__ = ("check_errors",)


def check_errors(where: str, facts: Facts) -> Iterator[Violation]:
    """Yield what is wrong with ``error.type`` in the light of ``rpc.response.status_code``."""
    error, code = facts.attributes.get("error.type"), facts.attributes.get("rpc.response.status_code")
    if code is not None:
        yield from _check_code(where, facts, str(code), error)
    if error == MCP.tool_error:
        if facts.method != "tools/call":
            yield Violation(
                where,
                "error.type",
                f"is {error} on {facts.method or 'no method'}",
                f"{MCP.tool_error} is for the result of a tools/call with isError.",
                "name the error by its JSON-RPC code, or by its class",
            )
        elif code is not None:
            yield Violation(
                where,
                "rpc.response.status_code",
                f"is {code} on a result",
                "A tool's result with isError is no JSON-RPC error: it has no code.",
                "do not set rpc.response.status_code",
            )


def _check_code(where: str, facts: Facts, code: str, error: object) -> Iterator[Violation]:
    forgiven = MCP.not_errors[facts.side]
    if code in forgiven:
        if error is not None or facts.failed:
            yield Violation(
                where,
                "error.type",
                f"is {error!r} with the JSON-RPC code {code}",
                f"At the receiver the codes {', '.join(sorted(forgiven))} are the caller's mistake, not an error.",
                "leave error.type out and the status unset; keep rpc.response.status_code",
            )
    elif error != code:
        yield Violation(
            where,
            "error.type",
            f"is {error!r} with the JSON-RPC code {code}",
            "At the sender every JSON-RPC error code is an error, at the receiver all but "
            f"{', '.join(sorted(MCP.not_errors['server']))}; error.type is the code.",
            f"set error.type to {code!r} and the status to ERROR",
        )

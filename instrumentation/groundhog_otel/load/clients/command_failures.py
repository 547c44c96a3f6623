"""Why a server that is a command could not be used, in one sentence that says what to do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from groundhog_otel.load.clients.answers import nonsense_in_words, one_line
from groundhog_otel.load.clients.children import Child
from groundhog_otel.load.clients.failures import already_said, causes, closed, in_words
from groundhog_otel.load.errors import LoadError

__all__ = ("explain_command",)


def explain_command(
    command: Sequence[str], error: BaseException, child: Child, nonsense: Exception | None, *, timeout_s: float
) -> LoadError:
    """Return what is wrong with a server that is a command."""
    name = shlex.join(command)
    words = child.last_words()
    said = f"; its last line on standard error: {one_line(words)}" if words else ""
    code = child.exit_code
    if (found := already_said(error) or _not_started(command, error)) is not None:
        return found
    if nonsense is not None:
        sentence = (
            f"{name!r} writes to its standard output what is no MCP message ({nonsense_in_words(nonsense)}):"
            " only messages may go there, anything else to standard error"
        )
    elif code is not None and closed(error):
        how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
        sentence = f"{name!r} ended {how} before it had answered: run it by itself to see why{said}"
    elif isinstance(error, TimeoutError):
        sentence = (
            f"{name!r} runs, and has not answered the handshake within {timeout_s:g} s: is it an MCP server on stdio?"
            f" If it is slow to start, raise --connect-timeout (in Python: connect_timeout_s){said}"
        )
    else:
        sentence = f"{name!r} does not speak MCP ({in_words(error)}): give the command of an MCP server on stdio{said}"
    return LoadError(sentence)


def _not_started(command: Sequence[str], error: BaseException) -> LoadError | None:
    for one in causes(error):
        if isinstance(one, FileNotFoundError):
            return LoadError(f"There is no command {command[0]!r}: install it, or give its path")
        if isinstance(one, NotADirectoryError):
            return LoadError(f"{one.filename!r} is no folder: start the command in one that exists")
        if isinstance(one, PermissionError):
            return LoadError(f"{command[0]!r} may not be executed: make it executable, or name its interpreter")
        if isinstance(one, OSError) and one.strerror == "Exec format error":
            return LoadError(f"{command[0]!r} is no program: name its interpreter before it")
    return None

"""Why a server that is a URL could not be used, in one sentence that says what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from groundhog_otel.load.clients.answers import nonsense_in_words, one_line
from groundhog_otel.load.clients.failures import already_said, causes, in_words
from groundhog_otel.load.clients.http_watch import Trouble
from groundhog_otel.load.errors import LoadError

__all__ = ("explain_url",)


def explain_url(
    url: str,
    error: BaseException,
    troubles: Sequence[Trouble],
    nonsense: Exception | None,
    *,
    authorized: bool,
    timeout_s: float,
) -> LoadError:
    """Return what is wrong with a server that is a URL; ``authorized`` says whether it was sent a token."""
    if (found := already_said(error)) is not None:
        return found
    for one in (*causes(error), *(cause for trouble in reversed(troubles) for cause in causes(trouble.error))):
        if isinstance(one, OSError) and (sentence := _connection(url, one)) is not None:
            return LoadError(sentence)
    told = [one for one in reversed(troubles) if one.status is not None or one.error is not None]
    trouble = next((one for one in told if one.rpc == "initialize"), told[0] if told else None)
    if trouble is not None and trouble.status is not None:
        sentence = _status(url, trouble.status, trouble.content_type, authorized=authorized)
    elif nonsense is not None:
        sentence = f"{url} is no MCP server ({nonsense_in_words(nonsense)}): correct the address"
    elif isinstance(error, TimeoutError):
        sentence = (
            f"{url} has not answered the handshake within {timeout_s:g} s: is it an MCP server, and up?"
            " If it is slow, raise --connect-timeout (in Python: connect_timeout_s)"
        )
    elif trouble is not None and trouble.error is not None:
        sentence = f"{url} broke off the handshake ({in_words(trouble.error)}): see the server's log"
    else:
        sentence = f"{url} is no MCP server ({in_words(error)}): correct the address"
    return LoadError(sentence)


def _status(url: str, status: int, content_type: str, *, authorized: bool) -> str:
    if status in (401, 403) and authorized:
        return f"{url} refuses the token ({status}): give another, or other headers"
    if status in (401, 403):
        return (
            f"{url} wants authentication ({status}): name the environment variable that holds a bearer token"
            " with --token-variable (in Python: token_env), or give headers"
        )
    if status == 404:
        parts = urlsplit(url)
        usual = urlunsplit((parts.scheme, parts.netloc, "/mcp", "", ""))
        hint = "see what the server's documentation says" if parts.path == "/mcp" else f"most servers have {usual}"
        return f"{url} is not there (404): correct the path; {hint}"
    if status == 405:
        return f"{url} takes no such requests (405): if it is of the legacy transport, say so with --sse"
    if status >= 400:
        return f"{url} answers the handshake with HTTP {status}: see the server's log"
    kind = content_type.partition(";")[0] or "none"
    return f"{url} is no MCP server, its answer is of content type {kind}: correct the address"


def _connection(url: str, error: OSError) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {url} is not trusted ({error.verify_message}): if its authority is your own, name"
            " that one's file in SSL_CERT_FILE"
        )
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or one_line(str(error))).replace("_", " ").lower()
        return f"TLS with {url} fails ({reason}): if the server speaks plain HTTP, write http://"
    if isinstance(error, ConnectionRefusedError):
        return f"Nothing listens at {url}: start the server, or correct the address"
    if isinstance(error, socket.gaierror):
        return f"There is no host {urlsplit(url).hostname!r}: correct the address"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EHOSTUNREACH, errno.ENETUNREACH):
        return f"{url} cannot be reached from here ({error.strerror}): correct the address"
    return None

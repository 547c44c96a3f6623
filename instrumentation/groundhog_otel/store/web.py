"""The query API of a backend, asked over HTTP: an answer, or one sentence."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

from groundhog_otel.store import StoreError

__all__ = ("RefusedError", "Web")

_TIMEOUT_S: Final = 10.0


class RefusedError(StoreError):
    """The backend has answered, and not with what was asked for."""

    def __init__(self, sentence: str, *, code: int, body: bytes) -> None:
        super().__init__(sentence)
        self.code = code
        """HTTP's."""
        self.body = body
        """Its beginning."""


class Web:
    """A backend, by its address: ``http://host:port``."""

    def __init__(self, address: str, kind: str, *, service: str) -> None:
        """Remember the address.

        Args:
            address: As a user has written it.
            kind: What is to be there: ``Jaeger``.
            service: What of it: ``Jaeger 2's query service``.

        Raises:
            StoreError: it is no web address.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StoreError(f"{address!r} is not the address of a {kind}. Write http://host:port")
        self.address = address.rstrip("/")
        self.name = f"{kind} at {self.address}"
        """What to call it in a sentence."""
        self._service = service
        # A proxy in the environment is for the world outside; it cannot reach our loopback.
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        self._opener = build_opener(*([ProxyHandler({})] if local else []))

    def get(self, path: str, **query: str | int) -> bytes:
        """Return the body of an answer.

        Raises:
            RefusedError: it has answered with an error.
            StoreError: it does not answer.
        """
        url = f"{self.address}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            with self._opener.open(url, timeout=_TIMEOUT_S) as answer:
                body: bytes = answer.read()
                return body
        except HTTPError as error:
            sentence = f"{self.name} answers {error.code}: is that {self._service}?"
            raise RefusedError(sentence, code=error.code, body=error.read(1000)) from None
        except (OSError, HTTPException) as error:
            raise StoreError(
                f"{self.name} does not answer ({getattr(error, 'reason', error)}): name another one"
            ) from None

    def get_json(self, path: str, **query: str | int) -> dict[str, Any]:
        """Return an answer that is a JSON object.

        Raises:
            RefusedError: it has answered with an error.
            StoreError: it does not answer, or with something else.
        """
        try:
            found = json.loads(self.get(path, **query))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise StoreError(f"{self.name} answers something else than JSON: is that {self._service}?")
        return found

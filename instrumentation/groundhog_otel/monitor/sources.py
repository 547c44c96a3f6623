"""Where the metrics of a process come from that is not this one: its endpoint, or the folder that it records into."""

from __future__ import annotations

import json
import re
from http.client import HTTPException
from pathlib import Path
from typing import Final, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import psutil

from groundhog_otel.monitor.announced import answering
from groundhog_otel.monitor.metrics import CollectedMetrics, from_json
from groundhog_otel.monitor.recorded import Folder
from groundhog_otel.settings import ENV_HEALTH_PORT
from groundhog_otel.store import StoreError
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("Address", "Source", "open_source")

_TIMEOUT_S: Final = 5.0


class Source(Protocol):
    """Something that tells of one process or of several."""

    @property
    def name(self) -> str:
        """What to call it."""

    def look(self) -> tuple[CollectedMetrics, ...]:
        """Return every process as it is now.

        Raises:
            StoreError: it does not answer, or is gone.
        """


def open_source(what: str | None, store: Path, *, run: str = LATEST, window_s: float | None = None) -> Source:
    """Return what a user names: a process' number, an address, a folder; without, the latest run in ``store``.

    Args:
        what: As it is typed.
        store: The folder of recordings.
        run: Which run of a folder: latest, or its name.
        window_s: How far back a folder is looked into, in seconds; None is all of it. A process decides itself.

    Raises:
        StoreError: there is no such process, or it does not answer for its health; there is no such folder or run.
    """
    if what is not None and what.isascii() and what.isdigit():
        return _Answering(int(what))
    if what is not None and re.match(r"https?://", what):
        return Address(what)
    return Folder(select_runs(store if what is None else Path(what), run)[-1], window_s=window_s)


class Address:
    """The endpoint of one process."""

    def __init__(self, url: str) -> None:
        """Remember the address.

        Raises:
            StoreError: it is no web address.
        """
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host:
            raise StoreError(f"{url!r} is not the address of a process. Write http://host:port")
        self.name = f"{parts.scheme}://{parts.netloc}"
        # A proxy in the environment is for the world outside; it cannot reach our loopback.
        local = host in ("127.0.0.1", "::1", "localhost")
        self._opener = build_opener(*([ProxyHandler({})] if local else []))

    def look(self) -> tuple[CollectedMetrics, ...]:
        """Return the one process.

        Raises:
            StoreError: it does not answer, or not as it should.
        """
        try:
            with self._opener.open(f"{self.name}/metrics.json", timeout=_TIMEOUT_S) as answer:
                return (from_json(json.load(answer)),)
        except HTTPError as error:
            raise StoreError(
                f"{self.name} answers {error.code}: is it the port that {ENV_HEALTH_PORT} has given to a process?"
            ) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise StoreError(
                f"{self.name} does not answer ({reason}): was the process started with {ENV_HEALTH_PORT}?"
            ) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise StoreError(
                f"{self.name} answers something else than metrics of this release: name the health port of a process"
            ) from None


class _Answering:
    """A process by its number, or those that it has started."""

    def __init__(self, pid: int) -> None:
        self.name = f"process {pid}"
        self._pid = pid
        self._addresses()

    def look(self) -> tuple[CollectedMetrics, ...]:
        return tuple(found for address in self._addresses() for found in address.look())

    def _addresses(self) -> list[Address]:
        try:
            found = [Address(one.url) for one in answering(self._pid)]
        except psutil.Error:
            raise StoreError(f"there is no process {self._pid}: find it with ps") from None
        if not found:
            raise StoreError(
                f"process {self._pid} does not answer for its health: start it with {ENV_HEALTH_PORT}=0, or name the "
                "folder that it records into"
            )
        return found

"""Whether something listens where this process sends its telemetry. It is told, and decides nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Final

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.settings import config_file, inherited

__all__ = ("Destinations",)

_EVERY_S: Final = 30.0
_CONNECT_S: Final = 1.0


class Destinations:
    """The endpoints that the environment names, each connected to twice a minute at most, while somebody asks.

    The answer is that of the last look; a look is taken in a thread, so that nobody waits for it.
    """

    def __init__(self) -> None:
        self._looked_s = float("-inf")
        self._known: Mapping[str, str] = {}
        self._addresses: Collection[tuple[str, int]] | None = None

    def states(self) -> Mapping[str, str]:
        """Return what is known of each endpoint: ``listening``, ``refused``, ``unknown host`` or ``silent``.

        Nothing until it has been looked, and where a configuration file or a proxy decides where telemetry goes.
        """
        if monotonic() - self._looked_s > _EVERY_S:
            self._looked_s = monotonic()
            threading.Thread(target=self._look, name="groundhog-destinations", daemon=True).start()
        return self._known

    def _look(self) -> None:
        try:
            if self._addresses is None:
                self._addresses = sorted(_addresses())
            self._known = {f"{host}:{port}": _connected(host, port) for host, port in self._addresses}
        except Exception:
            guarded_error("health")


def _addresses() -> set[tuple[str, int]]:
    environ = inherited()
    if config_file(environ) is not None:
        return set()
    from groundhog_otel.diagnosis.probe import Target, by_proxy  # noqa: PLC0415 - they load much, and only this thread waits
    from groundhog_otel.diagnosis.targets import from_environment  # noqa: PLC0415

    targets = [one for one in from_environment(environ) if isinstance(one, Target)]
    return {one.address for one in targets if not by_proxy(one)}


def _connected(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), _CONNECT_S):
            return "listening"
    except socket.gaierror:
        return "unknown host"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"

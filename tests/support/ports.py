"""Free ports, for whatever a test starts."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

from groundhog_otel.settings.stack import STACK_PORTS


def free_ports() -> dict[str, int]:
    """Return a port for every name of the stack's, none of them in use a moment ago, nor returned before.

    They are below those that Linux gives to whoever connects: a connection may be made, but not from one of them.
    """
    return {name: next(_FREE) for name in STACK_PORTS}


def _free() -> Iterator[int]:
    for port in random.sample(range(15_000, 32_000), 17_000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        yield port


_FREE = _free()

"""Free ports, for whatever a test starts."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from groundhog_otel.settings.stack import STACK_PORTS


def free_ports() -> dict[str, int]:
    """Return a port for every name of the stack's, none of them in use a moment ago."""
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.create_server(("127.0.0.1", 0))) for name in STACK_PORTS}
        return {name: one.getsockname()[1] for name, one in sockets.items()}

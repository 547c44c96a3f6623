"""Who listens on which port, and whether they answer."""

from __future__ import annotations

import errno
import socket
import urllib.error
import urllib.request
from typing import Final

import psutil

from groundhog_otel.pipeline import StackError
from groundhog_otel.settings.stack import ENV_PORT_OFFSET, UDP_PORTS, port_variable

__all__ = ("answers", "look_whether_free")

# A proxy in the environment is for the world outside; it cannot reach our loopback.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    """Tell whether an address on loopback answers 200."""
    try:
        with _DIRECT.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def look_whether_free(name: str, port: int) -> None:
    """Find out whether we can listen on a port of loopback.

    Raises:
        StackError: we cannot; the message names the setting to change.
    """
    another = f"choose another with {port_variable(name)}, or move all with {ENV_PORT_OFFSET}=1000"
    udp = name in UDP_PORTS
    with socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:  # on UDP, this would let us share a port that is taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise StackError(f"port {port} ({name}) is the system's: {another}") from None
            raise StackError(f"port {port} ({name}) is taken{_owner(port, udp=udp)}: stop that, or {another}") from None
    if udp:
        return
    # macOS lets us bind beside somebody who listens on all addresses at once.
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
        if taken and probe.getsockname() != probe.getpeername():  # the kernel may connect a free port to itself
            raise StackError(f"port {port} ({name}) is taken{_owner(port, udp=False)}: stop that, or {another}")


def _owner(port: int, *, udp: bool) -> str:
    """Return who listens on a port, in words, where the system tells."""
    try:
        for connection in psutil.net_connections("udp" if udp else "tcp"):
            listens = udp or connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr[1:] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, AttributeError):
        pass
    return ""

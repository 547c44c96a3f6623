"""Whose processes listen on a port of this machine."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil

__all__ = ("listening_pids",)


def listening_pids(url: str) -> tuple[int, ...]:
    """Return the process that listens where ``url`` points to, and its children; none where that cannot be known.

    It cannot for another machine, for another user's process, nor is this process meant.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not _here(parts.hostname or ""):
        return ()
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):  # macOS tells root only
        return ()
    listening = {
        one.pid
        for one in connections
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid is not None
    }
    found: list[int] = []
    for pid in sorted(listening - {os.getpid()}):
        with suppress(psutil.Error):
            root = _first(psutil.Process(pid), port)
            found += [root.pid, *(child.pid for child in root.children(recursive=True))]
    return tuple(dict.fromkeys(pid for pid in found if pid != os.getpid()))


def _first(process: psutil.Process, port: int) -> psutil.Process:
    """Return the outermost of the processes around ``process`` that share its listening socket."""
    parent = process.parent()
    while parent is not None and parent.pid != os.getpid():
        try:
            if not _listens(parent, port):
                break
        except (psutil.Error, OSError):
            break
        process, parent = parent, parent.parent()
    return process


def _listens(process: psutil.Process, port: int) -> bool:
    connections: Any = getattr(process, "net_connections", None) or process.connections  # the name before psutil 6
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections(kind="tcp"))


def _here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

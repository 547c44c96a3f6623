"""A profile of another process that was prepared for it: asked for, watched while it grows, and ended.

Nothing is sent to a process that has not said that it listens, nor to one that has no handler for the signal any more:
it would die of it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import psutil

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.live import control
from groundhog_otel.profiling.live.request import Request
from groundhog_otel.profiling.live.signals import catches

__all__ = ("Attached", "attach", "require_process")

_ANSWER_S: Final = 10.0
_CLOSE_S: Final = 30.0
_POLL_S: Final = 0.05
_SYSTEM_TELLS: Final = sys.platform == "linux"


class Attached:
    """A profile that another process takes of itself."""

    def __init__(self, pid: int, wake: Callable[[], None], folder: Path, answer: Path, told: dict[str, Any]) -> None:
        self.pid = pid
        self.file = Path(str(told["file"]))
        self.profile_id = str(told["profile_id"])
        self._wake = wake
        self._folder = folder
        self._answer = answer

    @property
    def size_bytes(self) -> int:
        """How large its file is by now."""
        try:
            return self.file.stat().st_size
        except OSError:
            return 0

    def over(self) -> str | None:
        """Return why it is over: ``time``, ``size``, ``calls``, ``exit``, ``stopped``, or ``gone`` with its process."""
        told = control.taken(self._answer, keep=True)
        if told is not None and told.get("over"):
            return str(told["over"])
        return None if _alive(self.pid) else "gone"

    def stop(self) -> str:
        """End it, and return why it is over, once its file is closed.

        Raises:
            ProfileError: its process does not answer.
        """
        why = self.over()
        if why is None:
            with _talking(self._folder, self.pid):
                request = control.request_file(self._folder, self.pid)
                control.put(request, {"id": self._answer.name.split(".")[-2], "stop": self.profile_id})
                self._wake()
                why = _waited(self.over, _CLOSE_S)
                request.unlink(missing_ok=True)
        if why is None:
            raise ProfileError(
                f"process {self.pid} has not ended its profile within {_CLOSE_S:g} s: {self.file} holds what there is"
            )
        return why

    def close(self) -> None:
        """Forget it; the process has nobody to answer any more."""
        self._answer.unlink(missing_ok=True)


def attach(pid: int, request: Request) -> Attached | None:
    """Have a process begin a profile of itself; None when it was not prepared for that.

    Raises:
        ProfileError: there is no such process, or it cannot or will not.
    """
    process = require_process(pid)
    listening = control.listening(pid)
    if listening is not None and not (_SYSTEM_TELLS and not catches(pid, listening.signal)):
        number = listening.signal
        return _ask(pid, lambda: os.kill(pid, number), request)
    if listening is None and _can_be_told(process):
        return _ask(pid, lambda: _tell(pid), request)
    return None


def require_process(pid: int) -> psutil.Process:
    """Return a process that may be asked.

    Raises:
        ProfileError: there is none, or it is another user's.
    """
    try:
        process = psutil.Process(pid)
        owner = process.uids().real
    except (psutil.Error, ValueError):
        raise ProfileError(f"there is no process {pid}: find it with ps, or pgrep -f my_server") from None
    if os.getuid() not in {0, owner}:
        raise ProfileError(f"process {pid} is {process.username()}'s: attach as that user")
    if os.getuid() != owner:
        raise ProfileError(f"process {pid} is {process.username()}'s: attach as that user, and not as root")
    return process


def _ask(pid: int, wake: Callable[[], None], request: Request) -> Attached:
    folder = control.open_control()
    word = secrets.token_hex(8)
    file, answer = control.request_file(folder, pid), control.answer_file(folder, pid, word)
    with _talking(folder, pid):
        try:
            control.put(file, {"id": word, "request": asdict(request)})
            wake()
        except ProcessLookupError:
            raise ProfileError(f"process {pid} has just ended") from None
        told = _waited(lambda: control.taken(answer, keep=True) or (None if _alive(pid) else {}), _ANSWER_S)
        file.unlink(missing_ok=True)
    if not told:
        why = "has ended" if told is not None else f"has not answered within {_ANSWER_S:g} s"
        raise ProfileError(
            f"process {pid} {why}: its main thread hears signals between two lines of Python, not in native code; "
            "try again, or look with py-spy"
        )
    if "error" in told:
        answer.unlink(missing_ok=True)
        raise ProfileError(f"process {pid} cannot be profiled: {told['error']}")
    return Attached(pid, wake, folder, answer, told)


def _waited(look: Callable[[], Any], timeout_s: float) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while (found := look()) is None and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return found


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


@contextmanager
def _talking(folder: Path, pid: int) -> Iterator[None]:
    """Be the only one that asks this process, or its two signals could be one."""
    with control.lock_file(folder, pid).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ProfileError(f"process {pid} is being asked by somebody else: try again in a moment") from None
        yield


def _can_be_told(process: psutil.Process) -> bool:
    """Whether it is a Python that runs a file for us, which is from 3.14 on, and only one of just our release."""
    major, minor = sys.version_info[:2]
    if (major, minor) < (3, 14):
        return False
    try:
        return f"python{major}.{minor}" in Path(process.exe()).name
    except psutil.Error:
        return False


def _tell(pid: int) -> None:
    """Have a process obey, by ``sys.remote_exec`` (PEP 768).

    Raises:
        ProfileError: the system does not allow it.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as script:
        script.write(_SCRIPT.format(own=script.name))
    try:
        remote_exec: Callable[[int, str], None] = sys.remote_exec  # type: ignore[attr-defined] # from 3.14 on
        remote_exec(pid, script.name)
    except (OSError, RuntimeError) as error:
        Path(script.name).unlink(missing_ok=True)
        raise ProfileError(
            f"the system does not let one process look into another ({error}): start process {pid} with "
            "OTEL_PYTHON_GROUNDHOG_PROFILE=on-signal instead"
        ) from None


_SCRIPT: Final = """\
try:
    import os
    os.unlink({own!r})
    from groundhog_otel.profiling.live.listening import obey
    obey()
except Exception:
    pass
"""

"""Servers on stdio that are profiled while they answer calls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from groundhog_otel.profiling.files import read_profile
from groundhog_otel.profiling.model import Profile
from tests.support.processes import HANDSHAKE, ROOT

SCRIPTS = Path(sys.executable).parent
GROUNDHOG = str(SCRIPTS / "groundhog")
PROGRAM = "tests.profiling.live.program"
MODE = "OTEL_PYTHON_GROUNDHOG_PROFILE"


def environ(store: Path, **more: str) -> dict[str, str]:
    """Return an environment in which programs record into ``store``, and import the tests."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GROUNDHOG_"))}
    return {
        **own, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "GROUNDHOG_DIR": str(store),
        "OTEL_TRACES_EXPORTER": "groundhog_file", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "shop", "OTEL_BSP_SCHEDULE_DELAY": "100", **more,
    }  # fmt: skip


class Server:
    """The program, as its client sees it."""

    def __init__(self, words: list[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            words, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, preexec_fn=_default_signals,  # noqa: PLW1509 - no threads here
        )  # fmt: skip
        self._calls = 0

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self.process.pid

    def greet(self) -> None:
        """Shake hands."""
        self._send(HANDSHAKE)
        self._receive()

    def call(self, tool: str, **arguments: float) -> str:
        """Call a tool and return the line that is the answer."""
        self._calls += 1
        parameters = {"name": tool, "arguments": arguments}
        self._send(
            json.dumps({"jsonrpc": "2.0", "id": self._calls, "method": "tools/call", "params": parameters}) + "\n"
        )
        answer = self._receive()
        assert '"isError":true' not in answer, answer
        return answer

    def end(self) -> tuple[int, str]:
        """Close its input, and return its exit code and what it has said on standard error."""
        _, err = self.process.communicate(timeout=50)
        return self.process.returncode, err

    def kill(self) -> None:
        """End it as nothing in it can prevent."""
        self.process.kill()
        self.process.communicate(timeout=20)

    def _send(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def _receive(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=20)[1]
        return line

    def __enter__(self) -> Server:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()


def instrumented(store: Path, what: str = "", **more: str) -> Server:
    """Start the program under ``opentelemetry-instrument``, and shake hands."""
    words = [str(SCRIPTS / "opentelemetry-instrument"), sys.executable, "-m", PROGRAM, what]
    server = Server(words, environ(store, **more))
    server.greet()
    return server


@contextmanager
def burning() -> Iterator[subprocess.Popen[str]]:
    """Run a program that computes and that nobody has prepared."""
    with subprocess.Popen(
        [sys.executable, "-m", PROGRAM, "burn"], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, text=True,
        preexec_fn=_default_signals,  # noqa: PLW1509 - no threads here
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def command(*words: str, store: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``groundhog profile`` to its end."""
    return subprocess.run(
        [GROUNDHOG, "profile", *words], cwd=ROOT, env=environ(store, **more), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=55, check=False,
    )  # fmt: skip


def profile_files(store: Path) -> list[Path]:
    """Return all profiles in a store."""
    return sorted(store.glob("*/*.profile.jsonl"))


def only_profile(store: Path) -> Profile:
    """Return the one profile in a store."""
    (file,) = profile_files(store)
    return read_profile(file)


def eventually(true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    """Wait until something is so; tell whether it is."""
    deadline_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


def _default_signals() -> None:
    # Whoever runs the tests in the background may have them ignored, and that is inherited.
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)

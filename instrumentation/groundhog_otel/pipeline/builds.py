"""Building the stack's programs from pinned sources, once."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import Say, StackError, elapsed
from groundhog_otel.pipeline.toolchain import find_go
from groundhog_otel.pipeline.wheels import find_installed
from groundhog_otel.settings import inherited

__all__ = (
    "BUILD_FLAGS",
    "COLLECTOR",
    "MODULES",
    "Module",
    "Programs",
    "build_all",
    "find_built",
    "locked",
    "sources_digest",
)


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module of ours that pins programs, and how they are built."""

    name: str
    folder: str
    programs: tuple[tuple[str, str], ...]
    """Command name and package of each."""
    tags: str = ""


COLLECTOR: Final = Module(
    "Collector",
    "collector/groundhog-collector",
    (("groundhog-collector", "."),),
    # Its Prometheus receiver, too, does without the service discovery of two dozen clouds.
    tags="remove_all_sd",
)
MODULES: Final = (
    COLLECTOR,
    Module(
        "Alertmanager",
        "collector/tools/alertmanager",
        tuple((name, f"github.com/prometheus/alertmanager/cmd/{name}") for name in ("alertmanager", "amtool")),
    ),
    Module(
        "Prometheus",
        "collector/tools/prometheus",
        tuple((name, f"github.com/prometheus/prometheus/cmd/{name}") for name in ("prometheus", "promtool")),
        # Without the service discovery of two dozen clouds; files and static targets stay.
        tags="remove_all_sd,netgo",
    ),
    Module("Jaeger", "collector/tools/jaeger", (("jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger"),)),
)

Programs = dict[str, Path]
"""Built programs by command name."""

BUILD_FLAGS: Final = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w")
_PROGRESS_EVERY_S: Final = 20.0


def build_all(project: Path, cache: Path, say: Say, *, modules: Sequence[Module] = MODULES) -> Programs:
    """Return the modules' programs, building those that are not in the cache.

    A cached program's SHA-256 is compared with the one noted when it was built; one that has changed is built again.

    Raises:
        StackError: there is no Go, or a build fails.
    """
    programs: Programs = {}
    with locked(cache / "build.lock", "another build is under way; waiting for it", say):
        missing = [module for module in modules if not _take(module, project, cache, programs, say)]
        if missing:
            go = find_go(project, cache, say)
            minutes = "some 20 minutes on two cores" if len(missing) == len(MODULES) else "some minutes"
            say(f"Building {', '.join(module.name for module in missing)} with {go}: {minutes}, once")
        for number, module in enumerate(missing, 1):
            build = _go_build(module, go)
            target = _folder(module, project, cache)
            _build(module, target, build, project / module.folder, say=_titled(say, number, len(missing), module))
            if not _take(module, project, cache, programs, say):
                raise StackError(f"{module.name} was built but cannot be found in {cache}: is that disk full?")
    return programs


def find_built(project: Path, cache: Path, say: Say) -> tuple[Programs, list[str]]:
    """Return the programs that are built already, and the names of those that are not; builds nothing."""
    programs: Programs = {}
    missing = [module for module in MODULES if not _take(module, project, cache, programs, say)]
    return programs, [name for module in missing for name, _ in module.programs]


def _take(module: Module, project: Path, cache: Path, programs: Programs, say: Say) -> bool:
    """Add a module's programs if they are cached and are what was built."""
    installed = find_installed(module.name, sources_digest(module, project), say)
    if installed is not None:
        programs.update(installed)
        return True
    folder = _folder(module, project, cache)
    found = {}
    for name, _ in module.programs:
        program, noted = folder / name, folder / f"{name}.sha256"
        if not program.is_file() or not noted.is_file():
            return False
        if sha256(program) != noted.read_text("ascii").strip():
            say(f"{program} is not what was built (its SHA-256 differs): it has to be built again")
            return False
        found[name] = program
    programs.update(found)
    return True


def _folder(module: Module, project: Path, cache: Path) -> Path:
    return cache / "bin" / f"{module.name.lower()}-{sources_digest(module, project)}"


def sources_digest(module: Module, project: Path) -> str:
    """Return a name for everything that goes into a module's programs but the compiler."""
    digest = hashlib.sha256("\0".join((*BUILD_FLAGS, module.tags, sys.platform, platform.machine())).encode())
    root = project / module.folder
    for file in sorted(root.rglob("*")):
        if file.is_file() and not file.name.endswith("_test.go"):
            digest.update(f"{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _go_build(module: Module, go: Path) -> list[str]:
    tags = [f"-tags={module.tags}"] if module.tags else []
    return [str(go), "build", "-v", *BUILD_FLAGS, *tags]


def _build(module: Module, target: Path, build: list[str], source: Path, *, say: Say) -> None:
    """Build a module's programs aside, and move them into the cache with their hashes."""
    target.mkdir(parents=True, exist_ok=True)
    for left in target.glob("building-*"):  # by a build that was killed: we hold the lock, so nobody is at it
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target, prefix="building-") as scratch:
        packages = [package for _, package in module.programs]
        out = str(Path(scratch) / module.programs[0][0]) if len(packages) == 1 else f"{scratch}/"
        _run([*build, "-o", out, *packages], source, say)
        for name, _ in module.programs:
            built = Path(scratch) / name
            (target / f"{name}.sha256").write_text(sha256(built) + "\n", "ascii")
            built.replace(target / name)


def _titled(say: Say, number: int, count: int, module: Module) -> Say:
    return lambda line: say(f"[{number}/{count}] {module.name}: {line}")


def _run(command: list[str], folder: Path, say: Say) -> None:
    environment = {**inherited(), "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    started = said = time.monotonic()
    say("fetching and compiling")
    compiled, last = 0, deque[str](maxlen=3)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        for line in process.stderr or ():
            last.append(line.strip())
            compiled += not line.startswith("go: ")
            if time.monotonic() - said > _PROGRESS_EVERY_S:
                said = time.monotonic()
                say(f"{compiled} packages compiled, {elapsed(said - started)}")
    if process.returncode != 0:
        raise StackError(f"the build failed ({' | '.join(last)}): look at the network and the disk, and try again")
    say(f"done in {elapsed(time.monotonic() - started)}")


def sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def locked(file: Path, waiting: str, say: Say) -> Iterator[None]:
    """Hold a lock between processes; say ``waiting`` when somebody else has it. The kernel frees it with its holder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield

"""The wheel that carries the Collector: installed where no Go is, it runs, and the stack takes it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def _make(folder: Path) -> Path:
    command = [sys.executable, str(ROOT / "collector" / "wheel" / "build.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("wheel"))


def test_the_same_program_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    again = _make(tmp_path)
    assert again.name == wheel.name
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()


def test_it_carries_the_licence_of_every_module_in_the_program(wheel: Path) -> None:
    prefix = ".dist-info/licenses/licenses/"
    with zipfile.ZipFile(wheel) as opened:
        names = [name.partition(prefix)[2] for name in opened.namelist() if prefix in name]
    pinned = (ROOT / "collector" / "groundhog-collector" / "go.mod").read_text("utf-8")
    required = [line.split()[0] for line in pinned.partition("require (")[2].partition(")")[0].strip().splitlines()]
    assert len(required) > 20
    required.remove("groundhog-otel.invalid/collector/filestorage")
    required.append("github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage")  # by it
    # Of those that go.mod names itself, golang.org/x/sys is there for Windows.
    without = [one for one in required if not any(name.startswith(f"{one.lower()}/") for name in map(str.lower, names))]
    assert set(without) <= {"golang.org/x/sys"}
    assert {"LICENSE", "go/LICENSE"} <= set(names)


def test_installed_without_go_it_runs_and_the_stack_takes_it(wheel: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=True)
    python, program = fresh / "bin" / "python", fresh / "bin" / "groundhog-collector"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("GROUNDHOG_", "PYTHON"))}
    own["PATH"] = f"{fresh / 'bin'}:/usr/bin:/bin"

    def run(*command: str) -> str:
        done = subprocess.run(command, env=own, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(str(python), "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", str(wheel))
    assert run(str(program), "--version") == "groundhog-collector version 0.1.0\n"
    run(str(program), "validate", "--config", "otel-config.yaml")
    # Its metadata beside the tests' own libraries, and an empty cache: nothing could be built without Go.
    libraries = run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    code = (
        f"import sys; sys.path.append({libraries!r})\n"
        "from pathlib import Path\n"
        "from groundhog_otel.pipeline.builds import COLLECTOR, build_all\n"
        f"print(build_all(Path.cwd(), Path({str(tmp_path / 'cache')!r}), print, modules=(COLLECTOR,)))"
    )
    assert str(program) in run(sys.executable, "-c", code)

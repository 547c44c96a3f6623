"""What users install: built from the sources, and put into a clean environment of each Python that is to be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

UV = ROOT / ".venv-uv" / "bin" / "uv"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""Those that the metadata names."""
SERVER = """
import anyio
from mcp.server.mcpserver import MCPServer
from mcp import Client

server = MCPServer("installed")

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

async def main():
    async with Client(server) as client:
        print((await client.call_tool("add", {"a": 1, "b": 2})).content[0].text)

anyio.run(main)
"""


def _uv(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "PYTHONPATH"))}
    return subprocess.run(
        [str(UV), *map(str, words)],
        env={**own, "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy", **environment},
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = _uv("build", "--quiet", "--python", sys.executable, "--out-dir", folder)
    assert done.returncode == 0, done.stderr
    return folder


def _wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def test_the_wheel_has_the_package_and_what_it_needs_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(_wheel(built)) as wheel:
        names = wheel.namelist()
        metadata = Parser().parsestr(wheel.read(next(n for n in names if n.endswith("/METADATA"))).decode())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"groundhog_otel"}
    assert "groundhog_otel/py.typed" in names
    assert not [name for name in names if name.endswith((".pyc", ".orig")) or "/tests/" in name]
    in_source = {
        str(one.relative_to(ROOT / "instrumentation"))
        for one in (ROOT / "instrumentation" / "groundhog_otel").rglob("*")
        if one.is_file() and "__pycache__" not in one.parts
    }
    assert in_source <= set(names)
    assert metadata["Requires-Python"] == ">=3.10"
    assert {f"Programming Language :: Python :: {version}" for version in PYTHONS} <= set(
        metadata.get_all("Classifier", [])
    )
    assert metadata["License-Expression"] == "Apache-2.0"


def test_the_sdist_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "otel-config.yaml", "pyproject.toml", "uv.lock"} <= names
    done = _uv("build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", tmp_path, sdist)
    assert done.returncode == 0, done.stderr
    again = next(tmp_path.glob("*.whl"))
    assert _content(again) == _content(_wheel(built))


def _content(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {one.filename: one.CRC for one in archive.infolist()}


def _interpreter(version: str) -> str:
    """Return a Python by the release: on the PATH, or of those that pyenv keeps."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for found in (shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))):
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(found)
    pytest.skip(f"there is no Python {version} here")


def _typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment in a folder."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTHONPATH"))}
    own["PATH"] = f"{folder / 'venv' / 'bin'}{os.pathsep}{own['PATH']}"
    return subprocess.run(words, env=own, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("version", PYTHONS)
def test_it_works_in_a_clean_environment(version: str, built: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    assert _uv("venv", "--quiet", "--no-project", "--python", _interpreter(version), venv).returncode == 0
    # Newest releases of all, as whoever installs it gets them, and not those of uv.lock.
    done = _uv("pip", "install", "--quiet", "--python", venv, f"{_wheel(built)}[tools]", "mcp>=2,<3")
    assert done.returncode == 0, done.stderr
    (tmp_path / "program.py").write_text(SERVER, "utf-8")
    recorded = _typed(tmp_path, "groundhog", "run", "--", "python", "program.py")
    assert (recorded.returncode, recorded.stdout) == (0, "3\n"), recorded.stderr
    report = _typed(tmp_path, "groundhog", "report")
    assert report.returncode == 0, report.stderr
    assert "tools/call add" in report.stdout


def test_without_an_extra_the_command_says_which_to_install(built: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    assert _uv("venv", "--quiet", "--no-project", "--python", sys.executable, venv).returncode == 0
    assert _uv("pip", "install", "--quiet", "--python", venv, _wheel(built)).returncode == 0
    done = subprocess.run([venv / "bin" / "groundhog"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "groundhog: the command line is an extra of this package: pip install 'groundhog-otel[tools]'\n"
    )

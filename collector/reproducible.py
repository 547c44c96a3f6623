"""Builds the Collector twice from nothing, with sources, modules and compiled packages in other places; compares.

The modules come from the machine's own module cache, where a first build has left them; ``go.sum`` says what each is.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline.builds import BUILD_FLAGS, COLLECTOR
from groundhog_otel.pipeline.toolchain import find_go
from groundhog_otel.settings import inherited
from groundhog_otel.settings.stack import StackSettings

PROJECT: Final = Path(__file__).resolve().parent.parent


def build(go: Path, folder: Path) -> str:
    """Build below a folder, and return the program's SHA-256."""
    source = shutil.copytree(PROJECT / COLLECTOR.folder, folder / "source")
    asked = subprocess.run([str(go), "env", "GOMODCACHE"], capture_output=True, text=True, check=True)
    environment = {
        **inherited(),
        "GOPROXY": f"file://{asked.stdout.strip()}/cache/download",
        "GOFLAGS": "-modcacherw",
        "GOMODCACHE": str(folder / "modules"),
        "GOCACHE": str(folder / "compiled"),
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    command = [str(go), "build", *BUILD_FLAGS, f"-tags={COLLECTOR.tags}", "-o", str(folder / "program"), "."]
    started = time.monotonic()
    subprocess.run(command, cwd=source, env=environment, check=True)
    program = (folder / "program").read_bytes()
    found = hashlib.sha256(program).hexdigest()
    sys.stdout.write(f"{found}, {len(program) / 1e6:.0f} MB, {time.monotonic() - started:.0f} s\n")
    return found


def main() -> None:
    """Exit with 1 when the two differ."""
    settings, _ = StackSettings.from_environ()
    go = find_go(PROJECT, settings.cache, lambda line: sys.stderr.write(f"{line}\n"))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory(suffix="-of-another-length") as other:
        if build(go, Path(one)) != build(go, Path(other)):
            sys.exit("the two differ")


if __name__ == "__main__":
    main()

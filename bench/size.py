"""What an installation takes on disk, by extra: ``python -m bench.size [--write]``.

The wheel is built, and installed with its dependencies into an empty environment for each extra; the newest releases of
everything, without bytecode. The first row is what runs inside a watched program.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.processes import ROOT

RESULTS = ROOT / "bench" / "SIZE.md"
UV = ROOT / ".venv-uv" / "bin" / "uv"
EXTRAS = ("", "jaeger", "asyncio", "config", "tools", "profile", "analysis", "load", "optimize")


def _bytes(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file() and not one.is_symlink())


def _installed(wheel: Path, extra: str, folder: Path) -> tuple[int, int]:
    """Return how many packages there are, and their bytes."""
    wanted = f"{wheel}[{extra}]" if extra else str(wheel)
    options = ["--quiet", "--python", sys.executable, "--target", str(folder), "--no-compile-bytecode"]
    subprocess.run([UV, "pip", "install", *options, wanted], check=True)
    return len(list(folder.glob("*.dist-info"))), _bytes(folder)


def rows(folder: Path) -> list[str]:
    """Build, install, measure; return the table."""
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    made = ["| what | packages | MB |", "|---|---:|---:|", f"| the wheel | | {wheel.stat().st_size / 1e6:.2f} |"]
    for extra in EXTRAS:
        with tempfile.TemporaryDirectory() as target:
            packages, size = _installed(wheel, extra, Path(target))
            if not extra:
                made.append(f"| groundhog-otel, unpacked | 1 | {_bytes(Path(target) / 'groundhog_otel') / 1e6:.1f} |")
        name = f"`pip install 'groundhog-otel[{extra}]'`" if extra else "`pip install groundhog-otel`"
        made.append(f"| {name} | {packages} | {size / 1e6:.1f} |")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(rows(Path(folder)))
    print(text)
    if options.write:
        made = f"`python -m bench.size --write`, Python {platform.python_version()}, {platform.system()}"
        RESULTS.write_text(f"# Size\n\n{(__doc__ or '').strip()}\n\nMade by {made}.\n\n{text}\n", "utf-8")


if __name__ == "__main__":
    main()

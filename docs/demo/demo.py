"""What ``make demo`` runs: a recorded client session with three MCP servers, its report, and what to try next."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = Path(sys.executable)
BIN = PYTHON.parent.relative_to(ROOT) if PYTHON.is_relative_to(ROOT) else PYTHON.parent
GROUNDHOG = str(BIN / "groundhog")


def main() -> int:
    """Run the demo; return its exit code."""
    if not (ROOT / BIN / "groundhog").exists():
        print(f"demo: {BIN} has no groundhog command. Run: make demo", file=sys.stderr)
        return 1
    session = [GROUNDHOG, "run", "--name", "demo-client", "--interval", "1", "--", str(BIN / PYTHON.name)]
    session.append("docs/demo/client.py")
    print("Two published MCP servers, unmodified, and a slow one. Watched by:", flush=True)
    print(f"$ {' '.join(session)}\n", flush=True)
    code = run(session)
    if code != 0:
        return code
    print(f"\n$ {GROUNDHOG} report\n", flush=True)
    code = run([GROUNDHOG, "report"])
    print(f"""
Over budget on purpose: the tool that naps. Over budget at the client only: its first
message to a server on stdio, which waits until that server has started. A single slow
call among quick ones is most often Python's garbage collector, at work in the server.

What next
  {GROUNDHOG} run -- python your_server.py   record a server or client of yours
  {GROUNDHOG} report --run all               take all recorded runs together
  {"make stack":<{len(GROUNDHOG) + 28}}trace, measure and alert with real backends""")
    return code


def run(command: list[str]) -> int:
    """Run a command to its end; it ends when this process is asked to."""
    with subprocess.Popen(command, cwd=ROOT) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        signal.signal(signal.SIGINT, lambda *_: None)  # the terminal has sent it to the command as well
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())

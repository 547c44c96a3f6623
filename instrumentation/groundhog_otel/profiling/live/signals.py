"""Whether a process would survive a signal."""

from __future__ import annotations

from pathlib import Path

__all__ = ("catches",)


def catches(pid: int, number: int) -> bool:
    """Tell whether a process has a handler for a signal; False where the system does not tell (it does on Linux).

    Source: proc_pid_status(5), ``SigCgt``.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    for line in status.splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False

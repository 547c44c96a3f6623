"""What a load test ran on: results from different machines do not compare."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import psutil

__all__ = ("machine_facts",)


def machine_facts() -> dict[str, str]:
    """Return the operating system, processor, number of CPUs, memory, Python and SDK; nothing that names the host."""
    facts = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cpus": str(os.cpu_count()),
        "memory_gb": f"{psutil.virtual_memory().total / 1e9:.0f}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    with suppress(PackageNotFoundError):
        facts["mcp"] = version("mcp")
    return facts

"""What import-linter cannot see: what the hot path really loads into somebody else's process."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import groundhog_otel.mcp, groundhog_otel.resources, groundhog_otel.runtime
import groundhog_otel.mcp.sdk_v1, groundhog_otel.mcp.sdk_v2
foreign = ("opentelemetry.sdk", "opentelemetry.exporter", "mcp", "pydantic", "rich", "cyclopts", "numpy", "anyio")
loaded = [name for name in sys.modules if name.startswith(tuple(f"{one}." for one in foreign)) or name in foreign]
print(loaded)
"""


def test_the_hot_path_loads_the_api_wrapt_and_psutil_only() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"

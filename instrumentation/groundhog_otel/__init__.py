"""OpenTelemetry for Python MCP servers and clients.

Nothing is imported here: the package is loaded inside other people's programs. The doors are the entry points
``groundhog_mcp`` and ``groundhog_resources`` of ``opentelemetry-instrument``, and the ``groundhog`` command.
"""

from __future__ import annotations

__version__ = "0.1.0"

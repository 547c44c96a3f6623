"""The settings of the MCP instrumentor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from groundhog_otel import environment_variables as variables
from groundhog_otel.settings.options import (
    Option,
    Problem,
    Redact,
    choice,
    chosen,
    content,
    flag,
    length,
    names,
    redactor,
    seconds,
)
from groundhog_otel.settings.sources import TRUTH, sources_of

__all__ = ("ENV_CAPTURE_CONTENT", "McpSettings")

ENV_CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""Shared with the GenAI instrumentations, and defined by them."""


class McpSettings(NamedTuple):
    """How the MCP instrumentor behaves. Each field is also a keyword argument of ``McpInstrumentor().instrument()``."""

    native_spans: Literal["replace", "keep"] = "replace"
    """``replace``: our span stands in for the SDK's own. ``keep``: the SDK's spans stay, we add metrics only."""
    excluded_methods: tuple[str, ...] = ()
    """Wire methods, or ``fnmatch`` patterns of them, that get neither span nor metric. Context still propagates."""
    capture_content: bool = False
    """Whether spans hold what tools were given and what they answered."""
    capture_max_length: int = 4096
    """Characters kept of each captured value."""
    redact: Redact | str | None = None
    """What every captured value goes through first; ``module:function`` is what :func:`resolved` makes one of."""
    resource_uri_in_name: bool = False
    """Whether spans of resources are named after the resource: only where there are few of them."""
    server_parent: Literal["meta", "ambient"] = "meta"
    """Whose child a server's span is: that of the context in ``_meta``, or of what is current in the server."""
    flush_on_sigterm: bool = True
    """Whether a process that SIGTERM ends sends what it has measured first."""
    execute_tool: Literal["own", "enrich"] = "own"
    """``own``: tool calls get an ``execute_tool`` span of ours. ``enrich``: one that is there gets our attributes."""
    exit_timeout_s: float | None = 1.0
    """Seconds that the end of the process may wait for its telemetry. None: as long as the SDK's shutdown takes."""
    forward_environment: bool = False
    """Whether servers that an instrumented client starts over stdio get :func:`forwarded_environment`."""
    detail: bool = False
    """Whether spans of requests tell sizes in bytes, repetition (by a keyed hash) and CPU time."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[McpSettings, list[Problem]]:
        """Read the settings; unusable values fall back to the default and are described in the second item."""
        return cls.given({}, environ)

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[McpSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base, sources = sources_of(kwargs, "groundhog_mcp", _MCP, environ)
        found, problems = chosen(_MCP, sources, base or cls())
        if "redact" not in found and any(source.values.get("redact") for source in sources):
            found["capture_content"] = False
            problems.append("Without the redactor that was asked for, no content is captured.")
        return (base or cls())._replace(**found), problems


_MCP: Final[Mapping[str, Option]] = {
    "native_spans": Option(variables.OTEL_PYTHON_MCP_NATIVE_SPANS, "replace or keep", choice("replace", "keep")),
    "excluded_methods": Option(variables.OTEL_PYTHON_MCP_EXCLUDED_METHODS, "methods, like ping,notifications/*", names),
    "capture_content": Option(ENV_CAPTURE_CONTENT, "true or false, or SPAN_ONLY or NO_CONTENT", content),
    "capture_max_length": Option(
        variables.OTEL_PYTHON_MCP_CAPTURE_MAX_LENGTH, "a whole number of characters from 1 up", length
    ),
    "redact": Option(variables.OTEL_PYTHON_MCP_REDACTOR, "module:function", redactor),
    "resource_uri_in_name": Option(variables.OTEL_PYTHON_MCP_RESOURCE_URI_IN_NAME, TRUTH, flag),
    "server_parent": Option(variables.OTEL_PYTHON_MCP_SERVER_PARENT, "meta or ambient", choice("meta", "ambient")),
    "flush_on_sigterm": Option(variables.OTEL_PYTHON_MCP_FLUSH_ON_SIGTERM, TRUTH, flag),
    "exit_timeout_s": Option(variables.OTEL_PYTHON_MCP_EXIT_TIMEOUT, "seconds above 0, like 1.5, or none", seconds),
    "forward_environment": Option(variables.OTEL_PYTHON_MCP_FORWARD_ENVIRONMENT, TRUTH, flag),
    "execute_tool": Option(variables.OTEL_PYTHON_MCP_EXECUTE_TOOL_SPANS, "own or enrich", choice("own", "enrich")),
    "detail": Option(variables.OTEL_PYTHON_MCP_DETAIL, TRUTH, flag),
}

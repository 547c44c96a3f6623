"""Every setting this package reads from the environment, and the only reader of ``os.environ`` in it.

A wrong value never stops the program under observation: the reader falls back to the default and says, in one warning
that names the variable, the value and the accepted ones, what to change. Command-line tools call the same readers and
turn the same sentence into an error.

The settings of the stack are in :mod:`groundhog_otel.settings.stack`, which no watched program needs.
"""

from __future__ import annotations

from groundhog_otel.settings.actions import ActionSettings, Wanted
from groundhog_otel.settings.mcp import ENV_CAPTURE_CONTENT, McpSettings
from groundhog_otel.settings.monitor import ENV_HEALTH_PORT, MonitorSettings
from groundhog_otel.settings.options import Problem, Redact, resolved
from groundhog_otel.settings.process import (
    ENV_GROUNDHOG_DIR,
    ENV_GROUNDHOG_RUN_ID,
    ENV_OTLP_ENDPOINT,
    forwarded_environment,
    inherited,
    metric_interval_ms,
    otlp_asked_for,
    otlp_endpoint,
    otlp_protocol,
    run_id,
    sdk_disabled,
    store_directory,
    variable,
)
from groundhog_otel.settings.profiling import ProfilingSettings
from groundhog_otel.settings.resources import ResourceSettings
from groundhog_otel.settings.runtime import RuntimeSettings
from groundhog_otel.settings.sources import ENV_CONFIG_FILE, config_file, warn

__all__ = (
    "ENV_CAPTURE_CONTENT",
    "ENV_CONFIG_FILE",
    "ENV_GROUNDHOG_DIR",
    "ENV_GROUNDHOG_RUN_ID",
    "ENV_HEALTH_PORT",
    "ENV_OTLP_ENDPOINT",
    "ActionSettings",
    "McpSettings",
    "MonitorSettings",
    "Problem",
    "ProfilingSettings",
    "Redact",
    "ResourceSettings",
    "RuntimeSettings",
    "Wanted",
    "config_file",
    "forwarded_environment",
    "inherited",
    "metric_interval_ms",
    "otlp_asked_for",
    "otlp_endpoint",
    "otlp_protocol",
    "resolved",
    "run_id",
    "sdk_disabled",
    "store_directory",
    "variable",
    "warn",
)

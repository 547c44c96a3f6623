"""What a configuration file (``OTEL_CONFIG_FILE``) settles about our instrumentors.

The SDK's configurator starts the instrumentors that the file lists under ``python`` of ``instrumentation/development``,
with the options it gives them. Then ``opentelemetry-instrument`` starts every installed one: those that are started
already, which it complains of, and those with ``enabled: false``. What is here makes the file's word count.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from groundhog_otel.settings import config_file

__all__ = ("listed", "settled")

logger = logging.getLogger("groundhog_otel")


def settled(name: str, kwargs: Mapping[str, object], *, active: bool) -> bool:
    """Tell whether a call of ``instrument()`` is the second one, of what the configuration file has settled.

    Args:
        name: The instrumentor's entry point.
        kwargs: The call's arguments. ``opentelemetry-instrument`` gives this one and no other.
        active: Whether the instrumentor has been started.
    """
    path = config_file()
    if path is None or set(kwargs) != {"skip_dep_check"}:
        return False
    try:
        return active or listed(name, path).get("enabled") is False
    except Exception:
        logger.debug("%s cannot be read for %s", path, name, exc_info=True)
        return False


def listed(name: str, path: str) -> Mapping[str, Any]:
    """Return what a configuration file says of an instrumentor; nothing when it does not list it.

    Raises:
        Exception: whatever the SDK's reader raises for a file that is missing or wrong, or for a missing extra.
    """
    from opentelemetry.configuration import load_config_file  # noqa: PLC0415 - of the extra "config"

    section = load_config_file(path).instrumentation_development
    found = (section.python or {}).get(name) if section is not None else None
    return found or {}

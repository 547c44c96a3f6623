"""Alertmanager's configuration: routes, receivers, and which alert keeps which quiet."""

from __future__ import annotations

from typing import Any, Final

from groundhog_otel.alerts.notifications import Notifications

__all__ = ("NOBODY", "alertmanager")

NOBODY: Final = "nobody"
"""The receiver of what no other wants."""
_SAME: Final = ("service_name", "gen_ai_tool_name", "job", "instance", "metric", "methods")


def alertmanager(notifications: Notifications) -> dict[str, Any]:
    """Return Alertmanager's configuration.

    A page keeps the ticket about the same thing quiet: it says more, and sooner.
    """
    routes = [
        {
            "receiver": one.name,
            "matchers": [f'severity=~"{"|".join(one.severities)}"'],
            "continue": True,
        }
        for one in notifications.receivers
    ]
    return {
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "service_name", "gen_ai_tool_name"],
            "group_wait": notifications.group_wait,
            "group_interval": notifications.group_interval,
            "repeat_interval": notifications.repeat_interval,
            "routes": routes,
        },
        "inhibit_rules": [
            {"source_matchers": ['severity="page"'], "target_matchers": ['severity="ticket"'], "equal": list(_SAME)}
        ],
        "receivers": [*({"name": one.name, **one.config} for one in notifications.receivers), {"name": NOBODY}],
    }

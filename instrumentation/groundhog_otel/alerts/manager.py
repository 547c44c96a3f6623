"""The alerts of one pipeline: takes them in, makes everything that follows from them, judges recorded telemetry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.evaluation import Fired, evaluate
from groundhog_otel.alerts.model import Alert, AlertConfig, Intervals
from groundhog_otel.alerts.notifications import DEFAULT, Notifications
from groundhog_otel.alerts.proofs import proofs
from groundhog_otel.alerts.reading import Problem, read
from groundhog_otel.alerts.routes import alertmanager
from groundhog_otel.alerts.rules import rule_files
from groundhog_otel.alerts.sampling import rewritten
from groundhog_otel.alerts.validation import Problems, understood
from groundhog_otel.alerts.yamltext import yaml_text
from groundhog_otel.store.model import Recording

__all__ = ("COLLECTOR", "AlertManager")

COLLECTOR: Final = "otel-config.yaml"
_ABOUT: Final = {
    "mcp-latency": "How slow MCP operations are. Each threshold is a bucket's boundary and the sampling policy's.",
    "mcp-errors": "How many MCP operations fail.",
    "mcp-resources": "What processes use.",
    "mcp-absence": "Numbers that do not come.",
}


class AlertManager:
    """Alerts that can be had, by name."""

    def __init__(self, *, intervals: Intervals | None = None, notifications: Notifications = DEFAULT) -> None:
        self.intervals = intervals or Intervals()
        self.notifications = notifications
        self._alerts: dict[str, Alert] = {}

    @classmethod
    def from_file(cls, file: Path) -> tuple[AlertManager, list[Problem]]:
        """Return the alerts of an ``alerts.yaml`` that can be had, and all that is wrong with the others.

        Raises:
            AlertError: the file cannot be read, or is no YAML.
        """
        written = read(file)
        found = cls(intervals=written.intervals, notifications=written.notifications)
        problems = list(written.problems)
        for entry in written.entries:
            for field, message in found._take(entry.config):
                problems.append(Problem(file, entry.line(field), f"{entry.config.name}: {message}"))
        return found, sorted(problems, key=lambda one: one.line)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """In the order in which they were configured."""
        return tuple(self._alerts.values())

    def configure_alert(self, config: AlertConfig) -> Alert:
        """Add an alert and return it as it was understood.

        Raises:
            AlertError: it cannot be had. The message names everything that is in its way, and what to write instead.
        """
        problems = self._take(config)
        if problems:
            raise AlertError(f"{config.name}: " + "; ".join(message for _, message in problems))
        return self._alerts[config.name]

    def _take(self, config: AlertConfig) -> Problems:
        alert, problems = understood(config, self.intervals, self._alerts)
        if alert is not None:
            self._alerts[alert.name] = alert
        return problems

    def generated(self, collector: str) -> Mapping[str, str]:
        """Return every generated file's text by its path in a clone; ``collector`` is ``otel-config.yaml``'s text now.

        Raises:
            AlertError: ``collector`` has no place for the sampling conditions.
        """
        found = {COLLECTOR: rewritten(collector, self.alerts)}
        names = []
        for stem, content in rule_files(self.alerts, self.intervals.scrape_s).items():
            names.append(f"rules/{stem}.yml")
            found[f"deploy/prometheus/{names[-1]}"] = yaml_text(content, _ABOUT[stem])
        found["deploy/prometheus/rules-test.yml"] = yaml_text(
            proofs(self.alerts, names),
            "promtool test rules rules-test.yml: every alert must fire, must stay silent, must resolve.",
        )
        found["deploy/alertmanager/alertmanager.yml"] = yaml_text(
            alertmanager(self.notifications),
            "`groundhog stack up` puts GROUNDHOG_WEBHOOK in place of http://127.0.0.1:5001/alerts.",
        )
        return found

    def check(self, telemetry: Recording) -> list[Fired]:
        """Return what would have fired while ``telemetry`` was recorded, the first first."""
        return evaluate(self.alerts, telemetry)

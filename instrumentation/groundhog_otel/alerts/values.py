"""Label values and numbers in a notification: as Prometheus' templates, or as what those templates come to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote_plus

__all__ = ("Rendered", "Template", "Values")


class Values(Protocol):
    """What a notification's text is made of."""

    def label(self, name: str) -> str:
        """Return a label's value."""

    def in_url(self, name: str, before: str = "") -> str:
        """Return ``before`` and a label's value, escaped for a URL."""

    def in_promql(self, name: str) -> str:
        """Return a label's value as a string of PromQL."""

    def jaeger(self) -> str:
        """Return Jaeger's address."""

    def measured(self, unit: str) -> str:
        """Return the measured value, in a unit of UCUM."""


class Template:
    """Go templates, which Prometheus fills in when the alert fires."""

    def label(self, name: str) -> str:
        """Return a reference to a label."""
        return f"{{{{ $labels.{name} }}}}"

    def in_url(self, name: str, before: str = "") -> str:
        """Return a reference that escapes."""
        value = f'printf "{before}%s" $labels.{name}' if before else f"$labels.{name}"
        return f"{{{{ {value} | urlquery }}}}"

    def in_promql(self, name: str) -> str:
        """Return a reference that quotes."""
        return f'{{{{ printf "%q" $labels.{name} }}}}'

    def jaeger(self) -> str:
        """Return a reference to the external label that holds the address."""
        return "{{ $externalLabels.jaeger }}"

    def measured(self, unit: str) -> str:
        """Return a reference to the value, with Prometheus' own formatting."""
        if unit == "1":
            return "{{ $value | humanizePercentage }}"
        if unit == "s":
            return "{{ $value | humanizeDuration }}"
        return "{{ $value | humanize }}" + unit.replace("By", "B")


class Rendered:
    """The same, filled in here: what a proof expects."""

    def __init__(self, labels: Mapping[str, str], value: float, jaeger: str) -> None:
        self._labels = labels
        self._value = value
        self._jaeger = jaeger

    def label(self, name: str) -> str:
        """Return the value."""
        return self._labels.get(name, "")

    def in_url(self, name: str, before: str = "") -> str:
        """Return the value as Go's ``url.QueryEscape`` writes it."""
        return quote_plus(before + self.label(name))

    def in_promql(self, name: str) -> str:
        """Return the value as Go's ``%q`` writes it, for text that needs no other escapes than JSON's."""
        return json.dumps(self.label(name), ensure_ascii=False)

    def jaeger(self) -> str:
        """Return the address."""
        return self._jaeger

    def measured(self, unit: str) -> str:
        """Return the value as Prometheus' ``humanize…`` functions write it; durations of less than an hour only."""
        value = self._value
        if unit == "1":
            return f"{value * 100:.4g}%"
        if unit == "s" and value >= 60:
            return f"{int(value) // 60}m {int(value) % 60}s"
        if unit == "s" and value >= 1:
            return f"{value:.4g}s"
        steps = ("", "k", "M", "G", "T") if value >= 1 else ("", "m", "u")
        at = 0
        while at + 1 < len(steps) and (value >= 1000 if steps[1] == "k" else value < 1):
            value = value / 1000 if steps[1] == "k" else value * 1000
            at += 1
        return f"{value:.4g}{steps[at]}{unit.replace('By', 'B')}"

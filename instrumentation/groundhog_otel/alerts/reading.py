"""Reads ``alerts.yaml``: everything that is wrong with it at once, each with its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.model import AlertConfig, Intervals
from groundhog_otel.alerts.notifications import DEFAULT, Notifications, Receiver, receiver, times
from groundhog_otel.alerts.quantities import parse

__all__ = ("Entry", "Problem", "Written", "read")

_TOP: Final = ("intervals", "notifications", "alerts")
_FIELDS: Final = {one.name: one for one in fields(AlertConfig)}


class Problem(NamedTuple):
    """Something that is wrong with a file."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Entry(NamedTuple):
    """An alert, and the lines that its fields are on."""

    config: AlertConfig
    lines: Mapping[str, int]

    def line(self, field: str) -> int:
        """Return the line of a field, or that of the alert."""
        return self.lines.get(field, self.lines[""])


class Written(NamedTuple):
    """What a file says, so far as it can be understood."""

    entries: list[Entry]
    intervals: Intervals
    notifications: Notifications
    problems: list[Problem]


def read(file: Path) -> Written:
    """Return what ``file`` says.

    Raises:
        AlertError: it cannot be read, or is no YAML.
    """
    try:
        root = yaml.compose(file.read_text("utf-8"), yaml.SafeLoader)
    except OSError as error:
        raise AlertError(f"{file} cannot be read ({error.strerror}): name your alerts.yaml") from error
    except UnicodeDecodeError as error:
        raise AlertError(f"{file} is no text in UTF-8: save it as such") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise AlertError(f"{file}:{line}: this is no YAML ({error.problem})") from error
    return _Reader(file).read(root)


class _Reader:
    """Collects what is wrong while it reads on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._problems: list[Problem] = []

    def _wrong(self, node: yaml.Node | int, message: str) -> None:
        line = node if isinstance(node, int) else node.start_mark.line + 1
        self._problems.append(Problem(self._file, line, message))

    def read(self, root: yaml.Node | None) -> Written:
        entries: list[Entry] = []
        intervals, notifications = Intervals(), DEFAULT
        if root is None:
            self._wrong(1, "the file is empty: write alerts: and a list of them")
        else:
            for key, value in self._pairs(root, _TOP, "the file"):
                if key == "intervals":
                    intervals = self._intervals(value)
                elif key == "notifications":
                    notifications = self._notifications(value)
                else:
                    entries = [one for node in self._items(value) if (one := self._entry(node)) is not None]
        return Written(entries, intervals, notifications, self._problems)

    def _pairs(self, node: yaml.Node, known: tuple[str, ...], what: str) -> Iterator[tuple[str, yaml.Node]]:
        """Yield the fields of a mapping that are known; say which are not, or twice there."""
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"{what} is not made of fields: write name: value, with {', '.join(known)}")
            return
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                self._wrong(key, f"{what} has {name} twice: keep one")
            elif name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"{near[0]}?" if near else f"write {', '.join(known)}"
                self._wrong(key, f"{what} has no field {name!r}: {hint}")
            else:
                yield name, value
            seen.add(name)

    def _items(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self._wrong(node, "this is no list: begin each entry with -")
        return []

    def _plain(self, node: yaml.Node) -> Any:
        """Return what a node holds, with every scalar as it is written."""
        if isinstance(node, yaml.MappingNode):
            return {str(key.value): self._plain(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(one) for one in node.value]
        return str(node.value)

    def _entry(self, node: yaml.Node) -> Entry | None:
        found: dict[str, Any] = {}
        lines = {"": node.start_mark.line + 1}
        before = len(self._problems)
        for name, value in self._pairs(node, tuple(_FIELDS), "an alert"):
            lines[name] = value.start_mark.line + 1
            found[name] = self._plain(value)
            if isinstance(value, yaml.ScalarNode) == (name == "where"):
                wanted = "attribute: value" if name == "where" else "one value"
                self._wrong(value, f"{name} is not understood: write {wanted}")
        if "min_count" in found:
            if not str(found["min_count"]).isdecimal():
                self._wrong(lines["min_count"], f"{found['min_count']!r} is no number of operations: write one like 20")
            else:
                found["min_count"] = int(found["min_count"])
        missing = [
            name
            for name, one in _FIELDS.items()
            if one.default is MISSING and one.default_factory is MISSING and name not in found
        ]
        if missing and isinstance(node, yaml.MappingNode):
            self._wrong(node, f"alert {found.get('name', '')!r} has no {' and no '.join(missing)}: add it")
        return Entry(AlertConfig(**found), lines) if len(self._problems) == before else None

    def _intervals(self, node: yaml.Node) -> Intervals:
        found = {}
        for name, value in self._pairs(node, ("scrape", "export"), "intervals"):
            try:
                quantity = parse(str(value.value))
            except ValueError as error:
                self._wrong(value, str(error))
                continue
            if quantity.unit != "s" or quantity.value <= 0:
                self._wrong(value, f"{value.value!r} is no interval: write one like 5s")
            else:
                found[f"{name}_s"] = quantity.value
        return Intervals(**found)

    def _notifications(self, node: yaml.Node) -> Notifications:
        receivers: list[Receiver] = []
        raw: dict[str, Any] = {}
        known = ("group_wait", "group_interval", "repeat_interval", "receivers")
        for name, value in self._pairs(node, known, "notifications"):
            if name != "receivers":
                raw[name] = self._plain(value)
                for problem in times({name: raw[name]})[1]:
                    self._wrong(value, problem)
                continue
            for one in self._items(value):
                content = self._plain(one)
                found, problems = receiver(content if isinstance(content, dict) else {})
                for problem in problems:
                    self._wrong(one, problem)
                if found is not None and found.name in {other.name for other in receivers}:
                    self._wrong(one, f"there are two receivers {found.name}: give this one another name")
                elif found is not None:
                    receivers.append(found)
        return Notifications(tuple(receivers) or DEFAULT.receivers, **raw)

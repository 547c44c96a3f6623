"""Scenarios in YAML: the format is in docs/load-scenarios.md. What is wrong is said with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import Expectation, Scenario, Step
from groundhog_otel.load.scenarios.data import rows
from groundhog_otel.load.scenarios.expectations import TESTS
from groundhog_otel.load.scenarios.sense import faults, nearest

__all__ = ("read_yaml",)

_TARGETS: Final = {"tool": "tools/call", "prompt": "prompts/get", "resource": "resources/read"}
_SCENARIO: Final = ("name", "weight", "data", "steps")
_STEP: Final = (*_TARGETS, "method", "target", "arguments", "think", "timeout", "save", "expect")


class _Loader(yaml.SafeLoader):
    """JSON has no dates: they stay the text that they are written as."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(file: Path) -> tuple[Scenario, ...]:
    """Return the scenarios of a file.

    Raises:
        LoadError: it cannot be read, or something in it is wrong: its line, and what to write.
    """
    try:
        root = yaml.compose(file.read_text("utf-8"), _Loader)
    except OSError as error:
        raise LoadError(f"{file} cannot be read ({error.strerror}): correct its name") from error
    except UnicodeDecodeError as error:
        raise LoadError(f"{file} is no text in UTF-8: save it as such") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise LoadError(f"{file}:{line}: this is no YAML ({error.problem}): mend it") from error
    except yaml.YAMLError as error:
        raise LoadError(f"{file} is no YAML ({str(error).splitlines()[0]}): mend it") from error
    return _Reader(file).read(root)


class _Reader:
    def __init__(self, file: Path) -> None:
        self._file = file

    def _wrong(self, node: yaml.Node | None, message: str) -> NoReturn:
        line = 1 if node is None else node.start_mark.line + 1
        raise LoadError(f"{self._file}:{line}: {message}")

    def read(self, root: yaml.Node | None) -> tuple[Scenario, ...]:
        if root is None:
            self._wrong(None, "the file is empty: write scenarios: and a list of them")
        top = self._fields(root, ("scenarios",), "the file")
        if "scenarios" not in top:
            self._wrong(root, "there are no scenarios: write scenarios: and a list of them")
        found: dict[str, Scenario] = {}
        for node in self._items(top["scenarios"], "scenarios"):
            scenario = self._scenario(node)
            if scenario.name in found:
                self._wrong(node, f"there are two scenarios {scenario.name!r}: give this one another name")
            found[scenario.name] = scenario
        return tuple(found.values())

    def _scenario(self, node: yaml.Node) -> Scenario:
        fields = self._fields(node, _SCENARIO, "a scenario")
        for name in ("name", "steps"):
            if name not in fields:
                self._wrong(node, f"the scenario has no {name}: add it")
        steps = self._items(fields["steps"], "steps")
        scenario = Scenario(
            name=self._text(fields["name"], "name"),
            steps=tuple(self._step(one) for one in steps),
            weight=self._value(fields["weight"]) if "weight" in fields else 1.0,
            data=self._data(fields["data"]) if "data" in fields else (),
        )
        for step, message in faults(scenario):
            where = fields.get("weight", node) if step is None else steps[step]
            what = "" if step is None else f", {scenario.steps[step].name}"
            self._wrong(where, f"scenario {scenario.name!r}{what}: {message}")
        return scenario

    def _data(self, node: yaml.Node) -> tuple[Mapping[str, Any], ...]:
        value = self._value(node)
        if isinstance(value, str):
            try:
                return rows(self._file.parent / value)
            except LoadError as error:
                self._wrong(node, str(error))
        if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
            self._wrong(node, "data is neither a file nor rows: write a file's name, or a list of {column: value}")
        return tuple(value)

    def _step(self, node: yaml.Node) -> Step:
        fields = self._fields(node, _STEP, "a step")
        kinds = [name for name in (*_TARGETS, "method") if name in fields]
        if len(kinds) != 1:
            words = " and ".join(kinds) or "nothing to call"
            self._wrong(node, f"the step has {words}: write one of tool, prompt, resource and method")
        kind = kinds[0]
        if kind != "method" and "target" in fields:
            self._wrong(fields["target"], f"target goes with method: {kind} has the name already, leave it away")
        target = fields.get("target") if kind == "method" else fields[kind]
        think = self._value(fields["think"]) if "think" in fields else 0.0
        return Step(
            method=self._text(fields["method"], "method") if kind == "method" else _TARGETS[kind],
            target=None if target is None else self._text(target, kind),
            arguments=self._mapping(fields, "arguments", lambda value: value),
            think=tuple(think) if isinstance(think, list) else think,
            timeout=self._value(fields["timeout"]) if "timeout" in fields else None,
            save=self._mapping(fields, "save", str),
            expect=self._expectations(fields["expect"]) if "expect" in fields else (),
        )

    def _mapping(self, fields: Mapping[str, yaml.Node], name: str, of: Callable[[Any], Any]) -> dict[str, Any]:
        if name not in fields:
            return {}
        value = self._value(fields[name])
        if not isinstance(value, dict):
            self._wrong(fields[name], f"{name} are no fields: write name: value")
        return {str(key): of(one) for key, one in value.items()}

    def _expectations(self, node: yaml.Node) -> tuple[Expectation, ...]:
        found = []
        for one in self._items(node, "expect"):
            fields = self._fields(one, ("path", *TESTS), "an expectation")
            tests = [name for name in TESTS if name in fields]
            if len(tests) != 1:
                self._wrong(one, f"an expectation has one test, and this one has {len(tests)}: {', '.join(TESTS)}")
            path = self._text(fields["path"], "path") if "path" in fields else ""
            found.append(Expectation(path, tests[0], self._value(fields[tests[0]])))  # type: ignore[arg-type]
        return tuple(found)

    def _fields(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"{what} is made of fields: write name: value, with {', '.join(known)}")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                self._wrong(key, f"{what} has no field {name!r}: {nearest(name, known)}")
            if name in found:
                self._wrong(key, f"{what} has {name} twice: keep one")
            found[name] = value
        return found

    def _items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._wrong(node, f"{what} is no list of anything: begin each entry with -")
        return list(node.value)

    def _value(self, node: yaml.Node) -> Any:
        try:
            return yaml.constructor.SafeConstructor().construct_document(node)
        except yaml.MarkedYAMLError as error:
            self._wrong(node, f"{error.problem}: write plain values")

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._wrong(node, f"{what} is no text: write a name")
        return str(node.value)

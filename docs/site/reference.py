"""Writes docs/reference/ from the code: ``python -m docs.site.reference``. A test fails when a page there is stale."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from groundhog_otel import semconv
from groundhog_otel.alerts.model import AlertConfig, Intervals
from groundhog_otel.catalogue import METRICS, Metric
from groundhog_otel.cli import make_app
from groundhog_otel.settings.options import Option
from groundhog_otel.settings.stack import STACK_PORTS, port_variable
from groundhog_otel.testing.conventions.table import MCP

ROOT: Final = Path(__file__).resolve().parent.parent.parent
REFERENCE: Final = ROOT / "docs" / "reference"
_MADE: Final = "<!-- Written by `make docs` from the code: change it there. -->\n"
_ROOMS: Final = ("mcp", "resources", "runtime", "profiling")
"""The modules of ``settings`` that instrumentors have their options in; ``groundhog_`` before it is the entry point."""
_OF_COMMANDS: Final = ("process", "stack", "load")
_OF_RUNTIME: Final = ("groundhog.event_loop", "groundhog.worker", "groundhog.gc", "cpython")
_DEFAULTED: Final = re.compile(r"\$\{env:(\w+)(?::-([^}]*))?\}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Return the page of every command and option."""
    typed, sys.argv = sys.argv, ["groundhog"]  # of which the library makes the name of the program
    try:
        text = make_app().generate_docs(recursive=True)
    finally:
        sys.argv = typed
    text = re.sub(r"## Table of Contents.*?(?=\n\*\*Commands)", "", text, count=1, flags=re.DOTALL)
    # A command that is loaded late is named twice by the library: after its own name, and by its usage line.
    return re.sub(r"^(groundhog(?: \w+)*?) (\w+) \2\b", r"\1 \2", text, flags=re.MULTILINE)


def settings() -> str:
    """Return the page of every environment variable, and what else sets the same."""
    parts = ["# Settings\n", "How they are given, and which of several counts: [configuration](../configuration.md).\n"]
    for room in _ROOMS:
        module = import_module(f"groundhog_otel.settings.{room}")
        options: Mapping[str, Option] = next(
            value
            for name, value in vars(module).items()
            if name == f"_{room.upper()}" or name == f"_{room[:-1].upper()}"
        )
        owner = next(
            value
            for name, value in vars(module).items()
            if name.endswith("Settings") and inspect.isclass(value) and value.__module__ == module.__name__
        )
        told, defaults = field_texts(owner), owner()
        parts += [f"## `groundhog_{room}`\n", plain(inspect.getdoc(owner) or ""), ""]
        rows = [
            (
                f"`{name}`",
                f"`{option.variable}`",
                option.accepted,
                _default(getattr(defaults, name)),
                told.get(name, ""),
            )
            for name, option in options.items()
        ]
        parts.append(table(("argument, key in a file", "variable", "write", "default", "what it does"), rows))
    parts += ["## Commands and recordings\n", table(("variable", "what it is"), _command_variables())]
    parts += ["## Ports of the local stack\n", "All on 127.0.0.1. `GROUNDHOG_PORT_OFFSET` is added to each.\n"]
    ports = [(f"`{port_variable(name)}`", str(port)) for name, port in STACK_PORTS.items()]
    parts.append(table(("variable", "default"), ports))
    parts += [
        "## `otel-config.yaml`\n",
        "Variables of the Collector's configuration, and of the overlays in `collector/`.\n",
    ]
    parts.append(table(("variable", "default", "used in"), _collector_variables()))
    return "\n".join(parts)


def metrics() -> str:
    """Return the page of every metric."""
    titles: dict[str, Callable[[Metric], bool]] = {
        "MCP": lambda one: one.name.startswith(("mcp.client", "mcp.server", "groundhog.mcp")),
        "Runtime": lambda one: one.name.startswith(
            ("groundhog.event_loop", "groundhog.worker", "groundhog.gc", "cpython")
        ),
        "Process": lambda one: one.name.startswith(("process.", "groundhog.folder")),
        "Host": lambda one: one.name.startswith("system."),
        "Made by the Collector, of spans": lambda one: one.source == "collector",
        "The Collector's own": lambda one: one.source == "collector-self",
        "Others": lambda _: True,
    }
    parts, left = ["# Metrics\n"], dict(METRICS)
    for title, belongs in titles.items():
        found = [left.pop(name) for name, one in list(left.items()) if belongs(one)]
        if not found:
            continue
        rows = [
            (
                f"`{one.name}`",
                f"{one.kind}, `{one.unit}`",
                ", ".join(f"`{name}`" for name in one.attributes) or "none",
                f"`{one.prometheus}`",
                ", ".join(f"{value:g}" for value in one.buckets),
            )
            for one in found
        ]
        parts += [
            f"## {title}\n",
            table(("metric", "instrument, unit", "attributes", "in Prometheus", "buckets"), rows),
        ]
    return "\n".join(parts)


def attributes() -> str:
    """Return the page of every attribute of a span or metric of MCP."""
    parts = ["# Attributes\n", "## By the MCP semantic conventions\n", f"Source: {MCP.source}.\n"]
    rows = [
        (f"`{row.name}`", row.type, row.level.replace("_", " "), ", ".join(f"`{on}`" for on in row.on), row.rule)
        for row in MCP.rows
    ]
    parts.append(table(("attribute", "type", "level", "on", "rule"), rows))
    ours = [(name, text) for name, text in constant_texts(Path(semconv.__file__)) if name.startswith("groundhog.")]
    known = {name for name, _ in ours}
    ours += [(name, text) for name, text in _own_names() if name not in known and name not in METRICS]
    parts += ["## Our own\n", table(("name", "what it is"), [(f"`{name}`", text) for name, text in sorted(ours)])]
    return "\n".join(parts)


def alerts() -> str:
    """Return the page of the keys of ``alerts.yaml``."""
    parts = ["# alerts.yaml\n", "What alerts are made of: [alerts](../alerts.md).\n", "## An alert\n"]
    for owner in (AlertConfig, Intervals):
        told = field_texts(owner)
        if owner is Intervals:
            parts.append("## `intervals`\n")
        parts.append(
            table(("key", "what it is"), [(f"`{name.removesuffix('_s')}`", text) for name, text in told.items()])
        )
    return "\n".join(parts)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands.md": commands,
    "settings.md": settings,
    "metrics.md": metrics,
    "attributes.md": attributes,
    "alerts-file.md": alerts,
}


def plain(text: str) -> str:
    """Return a docstring's text in Markdown."""
    return re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", text.replace("``", "`"))


def field_texts(owner: type) -> dict[str, str]:
    """Return the fields of a class, each with the text below it in the source."""
    (body,) = ast.parse(inspect.getsource(owner)).body
    return dict(_annotated(body.body)) if isinstance(body, ast.ClassDef) else {}


def constant_texts(file: Path) -> Iterator[tuple[str, str]]:
    """Return the string constants of a module by their values, each with the text below it."""
    body = ast.parse(file.read_text("utf-8")).body
    for index, node in enumerate(body):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value, _text_below(body, index)


def _annotated(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for index, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, _text_below(body, index)


def _text_below(body: list[ast.stmt], index: int) -> str:
    below = body[index + 1] if index + 1 < len(body) else None
    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
        return " ".join(plain(below.value.value).split())
    return ""


def _holds_options(found: Mapping[Any, Any]) -> bool:
    return bool(found) and all(isinstance(one, Option) for one in found.values())


def _own_names() -> Iterator[tuple[str, str]]:
    for room in ("mcp", "runtime", "resources", "profiling", "load", "store"):
        for file in sorted((ROOT / "instrumentation" / "groundhog_otel" / room).rglob("*.py")):
            for name, text in constant_texts(file):
                if re.fullmatch(r"groundhog\.[a-z_.]*[a-z]", name):
                    yield name, text


def _command_variables() -> Iterator[tuple[str, str]]:
    for room in _OF_COMMANDS:
        file = ROOT / "instrumentation" / "groundhog_otel" / "settings" / f"{room}.py"
        for name, text in constant_texts(file):
            if name.startswith("GROUNDHOG_"):
                yield f"`{name}`", text


def _collector_variables() -> Iterator[tuple[str, str, str]]:
    found: dict[str, tuple[str, set[str]]] = {}
    for file in (ROOT / "otel-config.yaml", *sorted((ROOT / "collector" / "overlays").glob("*.yaml"))):
        for name, default in _DEFAULTED.findall(file.read_text("utf-8")):
            first, files = found.setdefault(name, (default, set()))
            found[name] = first or default, files | {file.name}
    for name, (default, files) in sorted(found.items()):
        yield f"`{name}`", f"`{default}`" if default else "", ", ".join(sorted(files))


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (tuple, frozenset)):
        return f"`{','.join(map(str, sorted(value)))}`" if value else "none"
    return "none" if value is None else f"`{value}`"


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(_MADE + "\n" + make().strip() + "\n", "utf-8")


if __name__ == "__main__":
    main()

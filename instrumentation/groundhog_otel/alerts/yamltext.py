"""Generated YAML that people can read."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ("MADE_BY", "yaml_text")

MADE_BY = "# Made by `groundhog alerts generate` from deploy/alerts.yaml: change that, not this."


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, and lists below their keys as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - as called
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as called
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _string)


def yaml_text(content: Any, *comments: str) -> str:
    """Return ``content`` as a file that says that it is generated."""
    head = "\n".join((MADE_BY, *(f"# {line}" for line in comments)))
    return f"{head}\n{yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1_000_000, allow_unicode=True)}"

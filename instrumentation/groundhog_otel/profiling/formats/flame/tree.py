"""Stacks as one tree, and as the columns of numbers that the page's script reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from groundhog_otel.html.markup import plain
from groundhog_otel.profiling.formats.naming import frame_name, operation_name, rooted
from groundhog_otel.profiling.model import Frame, Sample

__all__ = ("Column", "columns_of")


@dataclass(frozen=True, slots=True)
class Column:
    """One of the values that can be shown."""

    name: str
    unit: str


def columns_of(
    samples: Iterable[tuple[Sample, Sequence[float]]], columns: Sequence[Column], *, largest_by: Sequence[int]
) -> dict[str, Any]:
    """Return the tree of all samples with the values that each has in ``columns``.

    ``depth`` and ``name`` have an item for every node, each node before what is above it in its stacks and, among
    those of one parent, the larger one first: by the sum of the columns ``largest_by``. ``samples`` has their nodes,
    values and what they can be chosen by.
    """
    tree, texts = _Tree(), _Texts()
    chosen: dict[str, _Texts] = {name: _Texts() for name in ("operation", "state", "thread")}
    rows: dict[str, list[int]] = {name: [] for name in ("node", *chosen)}
    values: list[list[float]] = [[] for _ in columns]
    for sample, amounts in samples:
        node = -1
        for root in rooted(sample):
            node = tree.node(node, texts.number(root, "", "root"))
        for frame in sample.stack:
            node = tree.node(node, texts.of(frame))
        tree.weights[node] += sum(amounts[column] for column in largest_by)
        rows["node"].append(node)
        rows["operation"].append(chosen["operation"].number(operation_name(sample.link), "", ""))
        rows["state"].append(chosen["state"].number(sample.state or "", "", ""))
        rows["thread"].append(chosen["thread"].number(sample.thread, "", ""))
        for column, amount in zip(values, amounts, strict=True):
            column.append(amount)
    order = tree.preorder(texts.labels)
    places = {node: place for place, node in enumerate(order)}
    depths = tree.depths()
    rows["node"] = [places[node] for node in rows["node"]]
    return {
        "columns": [{"name": plain(one.name), "unit": one.unit} for one in columns],
        "names": [[plain(label), plain(detail), group] for label, detail, group in texts.written()],
        "depth": [depths[node] for node in order],
        "name": [tree.names[node] for node in order],
        "samples": {**rows, "values": values},
        "choices": {name: [plain(one) for one in found.labels] for name, found in chosen.items()},
    }


class _Texts:
    """Gives every text its number, and every group of texts its own."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._groups: dict[str, int] = {}
        self._of_groups: list[int] = []
        self._frames: dict[Frame, int] = {}
        self.labels: list[str] = []

    def number(self, label: str, detail: str, group: str) -> int:
        key = (label, detail)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.labels)
            self.labels.append(label)
            self._of_groups.append(self._groups.setdefault(group, len(self._groups)))
        return number

    def of(self, frame: Frame) -> int:
        number = self._frames.get(frame)
        if number is None:
            detail = f"{frame.file}:{frame.line}" if frame.line else frame.file
            number = self._frames[frame] = self.number(frame_name(frame), detail, frame.file)
        return number

    def written(self) -> Iterable[tuple[str, str, int]]:
        return ((label, detail, group) for (label, detail), group in zip(self._numbers, self._of_groups, strict=True))


@dataclass(slots=True)
class _Tree:
    """Nodes in the order in which they were met, so that each comes after its parent."""

    parents: list[int] = field(default_factory=list)
    names: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    _known: dict[tuple[int, int], int] = field(default_factory=dict)

    def node(self, parent: int, name: int) -> int:
        """Return the node of a name upon another one, -1 for none."""
        number = self._known.get((parent, name))
        if number is None:
            number = self._known[(parent, name)] = len(self.parents)
            self.parents.append(parent)
            self.names.append(name)
            self.weights.append(0)
        return number

    def depths(self) -> list[int]:
        """Return how many nodes are below each."""
        found: list[int] = []
        for parent in self.parents:
            found.append(0 if parent < 0 else found[parent] + 1)
        return found

    def preorder(self, labels: Sequence[str]) -> list[int]:
        """Return all nodes, each before those upon it, and of those upon one the heavier first."""
        totals = list(self.weights)
        upon: list[list[int]] = [[] for _ in self.parents]
        first: list[int] = []
        for node in range(len(self.parents) - 1, -1, -1):
            parent = self.parents[node]
            (upon[parent] if parent >= 0 else first).append(node)
            if parent >= 0:
                totals[parent] += totals[node]
        order: list[int] = []
        left = self._ascending(first, totals, labels)
        while left:
            node = left.pop()
            order.append(node)
            left.extend(self._ascending(upon[node], totals, labels))
        return order

    def _ascending(self, nodes: list[int], totals: Sequence[float], labels: Sequence[str]) -> list[int]:
        if len(nodes) < 2:  # most have one caller and one callee
            return nodes
        return sorted(nodes, key=lambda node: (totals[node], labels[self.names[node]]))

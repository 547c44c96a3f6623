"""The conditions of the table: ``required_when`` and ``only_when``, written as data.

A clause is a mapping; all of its keys must hold, so an empty one always does:

* ``method``: the method is one of these
* ``well_known``: whether the conventions list the method
* ``notification``: whether the message is a notification
* ``failed``: whether the operation failed (a span: status ERROR; a metric: it has ``error.type``)
* ``side``: ``client`` for who sent the message, ``server`` for who received it
* ``has``: these attributes are set
* ``attribute``: each of these attributes has one of its values
* ``any``: one of these clauses holds
* ``not``: this clause does not hold
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ("Clause", "Facts", "holds")

Clause = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What clauses ask about."""

    side: Literal["client", "server"]
    attributes: Mapping[str, Any]
    failed: bool
    method: str
    """Empty when it is not known."""
    well_known: bool


_TESTS: Final[Mapping[str, Callable[[Any, Facts], bool]]] = {
    "method": lambda wanted, facts: facts.method in wanted,
    "well_known": lambda wanted, facts: facts.well_known is wanted,
    "notification": lambda wanted, facts: facts.method.startswith("notifications/") is wanted,
    "failed": lambda wanted, facts: facts.failed is wanted,
    "side": lambda wanted, facts: facts.side == wanted,
    "has": lambda wanted, facts: all(name in facts.attributes for name in wanted),
    "attribute": lambda wanted, facts: all(facts.attributes.get(name) in values for name, values in wanted.items()),
    "any": lambda wanted, facts: any(holds(clause, facts) for clause in wanted),
    "not": lambda wanted, facts: not holds(wanted, facts),
}


def holds(clause: Clause, facts: Facts) -> bool:
    """Tell whether a clause of the table holds.

    Raises:
        KeyError: the table uses a word that this module does not know.
    """
    return all(_TESTS[word](wanted, facts) for word, wanted in clause.items())

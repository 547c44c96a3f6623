"""What can be changed about a running server: one file each, each with the way back.

Other packages add theirs by an entry point in the group ``groundhog_action``: a subclass of :class:`Action`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final

from groundhog_otel.optimizer.actions.action import Action, ActionError, Refused
from groundhog_otel.optimizer.actions.cache_hints import CacheHints
from groundhog_otel.optimizer.actions.cache_result import CacheResult
from groundhog_otel.optimizer.actions.exporter_batching import ExporterBatching
from groundhog_otel.optimizer.actions.gc_freeze import GcFreeze
from groundhog_otel.optimizer.actions.limiter import Limiter
from groundhog_otel.optimizer.actions.loop_policy import LoopPolicy
from groundhog_otel.optimizer.actions.offload import Offload
from groundhog_otel.settings.actions import Wanted

__all__ = ("ACTIONS", "GROUP", "Action", "ActionError", "Refused", "made")

GROUP: Final = "groundhog_action"
_OWN: Final = (Offload, Limiter, GcFreeze, CacheHints, CacheResult, LoopPolicy, ExporterBatching)


def _of_others() -> Mapping[str, type[Action]]:
    """Return the actions of other packages; one that cannot be loaded is not there, whatever it raises."""
    found = {}
    for one in entry_points(group=GROUP):
        try:
            action = one.load()
        except Exception:
            logging.getLogger(__name__).warning("The action %s cannot be loaded", one.name, exc_info=True)
            continue
        found[action.name] = action
    return found


ACTIONS: Final[Mapping[str, type[Action]]] = {**_of_others(), **{action.name: action for action in _OWN}}


def made(wanted: Wanted) -> Action:
    """Return the action that is asked for.

    Raises:
        ActionError: there is none of that name, or not with these parameters.
    """
    found = ACTIONS.get(wanted.name)
    if found is None:
        raise ActionError(f"there is no action {wanted.name}: there are {', '.join(ACTIONS)}")
    return found.of(wanted.parameters)

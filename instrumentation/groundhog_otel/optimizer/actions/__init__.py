"""What can be changed about a running server: one file each, each with the way back."""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ("ACTIONS", "Action", "ActionError", "Refused", "made")

ACTIONS: Final[Mapping[str, type[Action]]] = {
    action.name: action
    for action in (Offload, Limiter, GcFreeze, CacheHints, CacheResult, LoopPolicy, ExporterBatching)
}


def made(wanted: Wanted) -> Action:
    """Return the action that is asked for.

    Raises:
        ActionError: there is none of that name, or not with these parameters.
    """
    found = ACTIONS.get(wanted.name)
    if found is None:
        raise ActionError(f"there is no action {wanted.name}: there are {', '.join(ACTIONS)}")
    return found.of(wanted.parameters)

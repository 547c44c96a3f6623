"""Staying with the stack until a part of it ends."""

from __future__ import annotations

import time
from typing import Final

from groundhog_otel.pipeline import Say, StackError
from groundhog_otel.pipeline.deaths import Death
from groundhog_otel.pipeline.ports import answers
from groundhog_otel.pipeline.processes import is_alive
from groundhog_otel.pipeline.stack import Stack

__all__ = ("watch",)

_LOOK_EVERY_S: Final = 0.5
_ASK_EVERY: Final = 10
"""Health is asked for at every tenth look."""


def watch(stack: Stack, say: Say) -> list[Death]:
    """Stay until a part ends that nobody had asked to, and return how; nothing when the stack was stopped.

    A part that no longer answers is said, and when it answers again.

    Raises:
        StackError: nothing was started.
    """
    if not stack.started():
        raise StackError("nothing is running: groundhog stack up")
    silent: set[str] = set()
    looks = 0
    while parts := stack.started():
        # What a `restart` has stopped is not dead: that is asked again once nobody is at work.
        if not all(map(is_alive, parts)) and (dead := stack.dead()):
            return dead
        if looks % _ASK_EVERY == 0:
            now = {part.name for part in parts if not answers(part.health) and is_alive(part)}
            for name in sorted(now - silent):
                say(f"{name} does not answer")
            for name in sorted(silent - now):
                say(f"{name} answers again")
            silent = now
        looks += 1
        time.sleep(_LOOK_EVERY_S)
    return []

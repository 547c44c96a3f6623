"""The ``groundhog_actions`` instrumentor, for ``opentelemetry-instrument`` and for programs themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # upstream opts out of mypy
    BaseInstrumentor,
)

from groundhog_otel.declarative import settled
from groundhog_otel.settings import ActionSettings, Wanted, warn

if TYPE_CHECKING:
    from groundhog_otel.optimizer.actions import Action

__all__ = ("ActionInstrumentor",)

logger = logging.getLogger("groundhog_otel.actions")


class ActionInstrumentor(BaseInstrumentor):  # type: ignore[misc] # see the import
    """Improvements that were found with ``groundhog optimize``, applied at the start. None unless the settings name it.

    ``instrument()`` takes ``actions`` (``"limiter:tokens=100;offload:tool=render"``) or ``settings`` (an
    :class:`~groundhog_otel.settings.ActionSettings`; by default read from the environment). Nothing here raises into
    the program, and each action says once, through logging, what has become of it.
    """

    _applied: tuple[Action, ...] = ()

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: what is changed is looked for when the program imports it."""
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Start; what a configuration file has settled, ``opentelemetry-instrument`` does not start again."""
        if not settled("groundhog_actions", kwargs, active=self.is_instrumented_by_opentelemetry):
            super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings, problems = ActionSettings.given(kwargs)
            warn(problems)
            applied = (_applied(wanted, settings.report) for wanted in settings.actions)
            self._applied = tuple(action for action in applied if action is not None)
        except Exception:
            logger.warning("No action is applied to this process", exc_info=True)

    def _uninstrument(self, **_kwargs: Any) -> None:
        applied, self._applied = self._applied, ()
        for action in reversed(applied):
            try:
                action.revert()
            except Exception:
                logger.warning("%s could not be undone", action.wanted, exc_info=True)


def _applied(wanted: Wanted, report: str | None) -> Action | None:
    """Apply an action; return it unless there was nothing to apply."""
    from groundhog_otel.optimizer.actions import ActionError, Refused, made  # noqa: PLC0415 - only for those who ask

    told = _teller(wanted, report)
    try:
        action = made(wanted)
        action.told = told
        action.apply()
    except (ActionError, Refused) as why:
        told("refused", str(why))
        return None
    except Exception as error:
        logger.debug("%s", wanted, exc_info=True)
        told("refused", f"it failed here ({type(error).__name__}: {error})")
        return None
    return action


def _teller(wanted: Wanted, report: str | None) -> Callable[[str, str], None]:
    """Return what says what has become of an action: the same thing once only, whatever becomes of the saying."""
    said: set[tuple[str, str]] = set()

    def tell(status: str, why: str) -> None:
        if (status, why) in said:
            return
        said.add((status, why))
        if status == "applied":
            logger.info("%s is applied: %s", wanted, why)
        else:
            logger.warning("The action %s is not applied: %s", wanted, why)
        if report is not None:
            from groundhog_otel.optimizer.reports import write  # noqa: PLC0415 - only for those who ask

            try:
                write(report, str(wanted), status, why)
            except OSError as error:
                logger.warning("What became of actions cannot be written to %s (%s)", report, error.strerror)

    return tell

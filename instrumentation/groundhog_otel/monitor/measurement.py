"""What the measurements of a monitor share: each is a context manager, also an asynchronous one, and a decorator."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.outcome import exception

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ("Measurement",)

P = ParamSpec("P")
R = TypeVar("R")


class Measurement(ABC):
    """Measures one block: from :meth:`start` to :meth:`stop`. What fails in it is said once and never raised."""

    def start(self) -> Self:
        """Begin, and return itself; again, it begins anew."""
        try:
            self._begin()
        except Exception:
            guarded_error("monitor")
        return self

    def stop(self, error: BaseException | None = None) -> Self:
        """End, report, and return itself. ``error`` is what the block has failed with."""
        try:
            self._end(None if error is None else exception(error).error_type)
        except Exception:
            guarded_error("monitor")
        return self

    def __enter__(self) -> Self:
        """As :meth:`start`."""
        return self.start()

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """As :meth:`stop`."""
        self.stop(error)

    async def __aenter__(self) -> Self:
        """As :meth:`start`."""
        return self.start()

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """As :meth:`stop`."""
        self.stop(error)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function, each of whose calls is measured by itself. A coroutine function is to its end."""
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return awaited  # type: ignore[return-value] # as the one that it stands for

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._again():
                return function(*args, **kwargs)

        return called

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _end(self, error: str | None) -> None:
        """Take the measure and report it; ``error`` is an ``error.type``."""

    @abstractmethod
    def _again(self) -> Measurement:
        """Return another one of the same, not begun."""

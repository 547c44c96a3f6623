"""What a load test cannot be done for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("LoadError", "plainly")


class LoadError(Exception):
    """A load test cannot start, or its input is wrong. One sentence that says why, and what to do."""


@contextmanager
def plainly() -> Iterator[None]:
    """Raise a :class:`LoadError` as it is, where task groups have wrapped it in groups of their own."""
    try:
        yield
    except Exception as error:
        found = _within(error)
        if found is None or found is error:
            raise
        raise found from None


def _within(error: BaseException) -> LoadError | None:
    if isinstance(error, LoadError):
        return error
    inside = (_within(one) for one in getattr(error, "exceptions", ()))
    return next((one for one in inside if one is not None), None)

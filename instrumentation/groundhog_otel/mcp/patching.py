"""Replacing functions of a library in a way that can be undone exactly, before or after that library is imported.

Nothing here imports the library: a table of :class:`Hook` rows is applied to modules that are loaded already, and by a
post-import hook to those that come later. A row whose target does not exist costs one warning and only itself.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, Final, NamedTuple

import wrapt

__all__ = ("Hook", "Patches")

logger = logging.getLogger("groundhog_otel.mcp")

Replace = Callable[[Any], Any]
"""Takes the library's function (in general, attribute), returns what stands in for it."""

_ABSENT: Final = object()


class Hook(NamedTuple):
    """One function of the library and what stands in for it."""

    module: str
    path: str
    """Dotted path below the module: ``Class.method`` or ``function``."""
    replace: Replace
    optional: bool = False
    """Exists only in some supported versions: its absence is not worth a warning."""
    adds: bool = False
    """The class need not have the attribute: ``replace`` then gets None, and :meth:`Patches.remove` deletes ours."""


class _Applied(NamedTuple):
    owner: Any
    name: str
    original: Any
    ours: Any


class Patches:
    """All hooks of one instrumentation, from :meth:`install` to :meth:`remove`."""

    def __init__(self, hooks: Iterable[Hook]) -> None:
        self._hooks = tuple(hooks)
        self._applied: list[_Applied] = []
        self._installed = False

    def install(self) -> None:
        """Patch what is loaded; arrange for the rest to be patched on import."""
        self._installed = True
        for name in dict.fromkeys(hook.module for hook in self._hooks):
            module = sys.modules.get(name)
            if module is not None:
                self._apply(module)
            else:
                wrapt.register_post_import_hook(self._apply, name)

    def remove(self) -> None:
        """Put every original object back, and ignore modules that are imported from now on."""
        self._installed = False
        for done in reversed(self._applied):
            if vars(done.owner).get(done.name) is not done.ours:
                logger.warning(
                    "%s.%s was patched by somebody else after us and stays as it is", done.owner.__name__, done.name
                )
            elif done.original is _ABSENT:
                delattr(done.owner, done.name)
            else:
                setattr(done.owner, done.name, done.original)
        self._applied.clear()

    def _apply(self, module: ModuleType) -> None:
        if not self._installed:
            return
        for hook in self._hooks:
            if hook.module == module.__name__:
                try:
                    self._apply_one(module, hook)
                except Exception:
                    # We are inside somebody's import statement: it has to succeed.
                    if not hook.optional:
                        logger.warning(
                            "%s.%s could not be instrumented; the rest is. This release of mcp may be newer than this "
                            "package: try `pip install -U groundhog-otel`.",
                            hook.module,
                            hook.path,
                            exc_info=logger.isEnabledFor(logging.DEBUG),
                        )

    def _apply_one(self, module: ModuleType, hook: Hook) -> None:
        *parents, name = hook.path.split(".")
        owner: Any = functools.reduce(getattr, parents, module)
        # What the owner itself defines: an inherited attribute must not be restored onto a subclass.
        original = vars(owner).get(name, _ABSENT) if hook.adds else vars(owner)[name]
        # As others call it: a wrapper of wrapt's has to be asked for, or it takes the instance for an argument.
        ours = hook.replace(None if original is _ABSENT else getattr(owner, name))
        if callable(ours) and not isinstance(ours, type):
            functools.update_wrapper(ours, original)
        self._put(owner, name, original, ours)
        if not parents and getattr(original, "__module__", None) == module.__name__:
            for importer in _importers_by_name(name, original, module):
                self._put(importer, name, original, ours)

    def _put(self, owner: Any, name: str, original: Any, ours: Any) -> None:
        setattr(owner, name, ours)
        self._applied.append(_Applied(owner, name, original, ours))


def _importers_by_name(name: str, original: Any, home: ModuleType) -> list[ModuleType]:
    """Return the loaded modules, but for its ``home``, that have done ``from home import name`` already."""
    return [
        module
        for module in tuple(sys.modules.values())
        if module is not home and isinstance(module, ModuleType) and vars(module).get(name) is original
    ]

"""Other instrumentations of MCP in the same process: one span per side and message all the same.

With ``native_spans="replace"`` ours makes it. Another one that is at work is taken out of ``mcp``, one that is started
later is not let in, and one warning says so. With ``"keep"`` theirs stays, and ours stands back, to metrics only, at
the side where theirs makes spans.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import Any

import wrapt

from groundhog_otel.environment_variables import OTEL_PYTHON_MCP_NATIVE_SPANS
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.peer_table import PEERS, Peer
from groundhog_otel.mcp.telemetry import Telemetry

__all__ = ("hooks", "retire")

logger = logging.getLogger("groundhog_otel.mcp")


def hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return what stands in for the functions that start the others."""
    stand_in = _not_started if telemetry.settings.native_spans == "replace" else partial(_started, telemetry)
    return tuple(Hook(peer.module, peer.start, partial(stand_in, peer), optional=True) for peer in PEERS)


def retire(telemetry: Telemetry) -> None:
    """Deal with those that were started before us. Called before anything of ``mcp`` is patched."""
    for peer in PEERS:
        if peer.module not in sys.modules or not _at_work(peer) or not peer.doubles():
            continue
        keep = telemetry.settings.native_spans == "keep"
        if keep:
            telemetry.stands_back.update(peer.makes)
        else:
            _say(peer)
        for name in dict.fromkeys(module for module, _ in peer.wrapped()):
            # Its wrappers go on as modules are imported, and ours come off them as they do: hooks run in order.
            wrapt.register_post_import_hook(partial(_reroute if keep else _unwrap, peer), name)


def _not_started(peer: Peer, original: Callable[..., Any]) -> Callable[..., Any]:
    def start(*args: Any, **kwargs: Any) -> Any:
        if not peer.doubles():
            return original(*args, **kwargs)
        _say(peer)
        return None

    return start


def _started(telemetry: Telemetry, peer: Peer, original: Callable[..., Any]) -> Callable[..., Any]:
    def start(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if peer.doubles():
            telemetry.stands_back.update(peer.makes)
        return result

    return start


def _say(peer: Peer) -> None:
    logger.warning(
        "MCP is instrumented by groundhog_mcp, so %s is not used for it: one of them is enough. To use only the other, "
        "set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=groundhog_mcp; for its spans and our metrics, set %s=keep.",
        peer.title,
        OTEL_PYTHON_MCP_NATIVE_SPANS,
    )


def _at_work(peer: Peer) -> bool:
    return any(
        _made_by(peer, _found(sys.modules[module], path)[2]) for module, path in peer.wrapped() if module in sys.modules
    ) or _says_it_is(peer)


def _says_it_is(peer: Peer) -> bool:
    owner: Any = getattr(sys.modules[peer.module], peer.start.partition(".")[0], None)
    return bool(getattr(getattr(owner, "_instance", None), "_is_instrumented_by_opentelemetry", False))


def _unwrap(peer: Peer, module: ModuleType) -> None:
    try:
        for owner, attribute, chain in _wrappers(peer, module):
            if _layers(_above(owner, attribute))[-1:] == _layers(chain[-1])[-1:]:
                delattr(owner, attribute)
            else:
                setattr(owner, attribute, chain[-1])
    except Exception:
        guarded_error("peers")  # we are inside somebody's import statement


def _reroute(peer: Peer, module: ModuleType) -> None:
    """Have its wrappers of inherited methods ask the class that they are inherited from, which is where we look."""
    try:
        for owner, attribute, chain in _wrappers(peer, module):
            inherited = _layers(_above(owner, attribute))
            for wrapper, inner in pairwise(chain):
                if any(inner is layer for layer in inherited):
                    wrapper.__wrapped__ = _of_base(owner, attribute)
                    break
    except Exception:
        guarded_error("peers")


def _wrappers(peer: Peer, module: ModuleType) -> Iterator[tuple[Any, str, list[Any]]]:
    """Yield owner, attribute and, from the outside in, its wrappers and what they wrap, of all it has wrapped here."""
    for path in [path for name, path in peer.wrapped() if name == module.__name__]:
        owner, attribute, value = _found(module, path)
        chain = [value]
        while _made_by(peer, chain[-1]):
            chain.append(chain[-1].__wrapped__)
        if len(chain) > 1:
            yield owner, attribute, chain


def _above(owner: Any, attribute: str) -> Any:
    """Return what a class would have without an attribute of its own; None for nothing, and for modules."""
    bases = owner.__mro__[1:] if isinstance(owner, type) else ()
    return next((vars(base)[attribute] for base in bases if attribute in vars(base)), None)


def _layers(function: Any) -> list[Any]:
    """Return a function and what it wraps, from the outside in, whoever made the wrappers."""
    layers = [] if function is None else [function]
    while layers and hasattr(layers[-1], "__wrapped__"):
        layers.append(layers[-1].__wrapped__)
    return layers


def _of_base(owner: type, attribute: str) -> Callable[..., Any]:
    def inherited(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(owner, self), attribute)(*args, **kwargs)

    return inherited


def _found(module: ModuleType, path: str) -> tuple[Any, str, Any]:
    """Return what has the attribute, the attribute's name, and the attribute; None for one that is not there."""
    *parents, name = path.split(".")
    owner: Any = module
    for parent in parents:
        owner = getattr(owner, parent, None)
    return owner, name, getattr(owner, "__dict__", {}).get(name)


def _made_by(peer: Peer, value: Any) -> bool:
    """Tell whether a function is a wrapper of that instrumentation's."""
    if not hasattr(value, "__wrapped__"):
        return False
    wrapper = value._self_wrapper if isinstance(value, wrapt.FunctionWrapper) else value
    # functools.wraps copies __module__ from what is wrapped; a decorator's globals are its own module's.
    modules = getattr(wrapper, "__module__", None), getattr(wrapper, "__globals__", {}).get("__name__")
    return any(isinstance(name, str) and name.startswith(peer.package) for name in modules)

"""Where every kind of high-level server runs a tool that it knows by its name."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from groundhog_otel.mcp.patching import Hook, Patches

__all__ = ("UNSEEN", "Run", "around_tools", "runs_in_a_thread", "takes_context")

Run = Callable[[Any, Callable[..., Awaitable[Any]], tuple[Any, ...], dict[str, Any]], Awaitable[Any]]
"""Takes a tool, the SDK's way to run one, and the other arguments of that."""

UNSEEN: Final = (
    "no tool of that name was called on a server of the kind MCPServer or FastMCP: those of a low-level server are no"
    " functions of their own, and one of a mounted server is named without the prefix"
)
_HOMES: Final = (
    ("mcp.server.mcpserver.tools.base", "Tool.run"),  # mcp 2
    ("mcp.server.fastmcp.tools.base", "Tool.run"),  # mcp 1
    ("fastmcp.tools.function_tool", "FunctionTool.run"),  # FastMCP 3 and 4
    ("fastmcp.tools.tool", "FunctionTool.run"),  # FastMCP 2
)
_V2: Final = "mcp.server.mcpserver.tools.base"


def around_tools(name: str, run: Run) -> Patches:
    """Return the patches that have ``run`` run the tools of a name, on servers that exist and on those to come."""

    def replace(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run_tool(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self.name != name:
                return await original(self, *args, **kwargs)
            return await run(self, original, args, kwargs)

        return run_tool

    return Patches(Hook(module, path, replace, optional=True) for module, path in _HOMES)


def runs_in_a_thread(tool: Any) -> bool:
    """Tell whether the server runs a tool's function, one that is not ``async``, in a worker thread by itself."""
    if hasattr(tool, "run_in_thread"):
        return tool.run_in_thread is not False
    return type(tool).__module__ == _V2


def takes_context(tool: Any) -> bool:
    """Tell whether a tool's function is given the server's context, or anything else that belongs to a request."""
    if getattr(tool, "context_kwarg", None) is not None or getattr(tool, "resolved_params", None):
        return True
    try:
        parameters = inspect.signature(tool.fn).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(_of_a_request(parameter) for parameter in parameters)


def _of_a_request(parameter: inspect.Parameter) -> bool:
    """Tell by the names of classes: to look at the classes, FastMCP would have to be imported."""
    said = parameter.annotation if isinstance(parameter.annotation, str) else _name(parameter.annotation)
    words = "".join(letter if letter.isalnum() else " " for letter in said).split()
    default = {one.__name__ for one in type(parameter.default).__mro__}
    return "Context" in words or bool(default & {"Dependency", "Depends"})


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)

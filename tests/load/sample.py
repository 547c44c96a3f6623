"""A server for load tests, on whichever SDK is installed; as a program it is one on stdio, or one that misbehaves."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import anyio

from tests.support.sdk import IS_V2, context_class, make_server, mcp_types


def make_sample(**settings: Any) -> Any:
    """Return the sample server of all tests, with tools that tell about the request and the process."""
    server = make_server(**settings)
    hint: Any = mcp_types().ToolAnnotations
    read_only = hint(read_only_hint=True) if IS_V2 else hint(readOnlyHint=True)

    async def meta(ctx: Any) -> dict[str, Any]:
        found = ctx.request_context.meta
        return dict(found if isinstance(found, dict) else found.model_dump(by_alias=True, exclude_none=True))

    meta.__annotations__["ctx"] = context_class()
    server.tool()(meta)

    @server.tool()
    def variable(name: str) -> str:
        return os.environ.get(name, "")

    @server.tool()
    def die(code: int) -> str:
        print("last words", file=sys.stderr, flush=True)
        os._exit(code)

    @server.tool(annotations=read_only)
    def look(word: str, times: int = 1) -> str:
        return word * times

    return server


def main() -> None:
    """Be the server that the first argument names."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "sample"
    if kind == "exit":
        print("no configuration file", file=sys.stderr)
        sys.exit(7)
    elif kind == "hang":
        print("still loading", file=sys.stderr, flush=True)
        time.sleep(60)
    elif kind == "nonsense":
        print("Welcome to my server!", flush=True)
        time.sleep(60)
    elif kind == "echo":
        for line in sys.stdin:
            print(line, end="", flush=True)
    elif kind == "banner":
        print("Welcome to my server!", flush=True)
        make_sample().run("stdio")
    elif kind == "garbling":  # an answer that has these words in it is not a message any more
        import subprocess

        again = [sys.executable, "-W", "ignore", "-m", "tests.load.sample"]
        with subprocess.Popen(again, stdout=subprocess.PIPE, text=True) as child:
            for line in child.stdout or ():
                print("Traceback (most recent call last)" if "gone wrong" in line else line.rstrip("\n"), flush=True)
    elif kind == "stubborn":  # ends neither with its input nor when asked to, and neither does what it starts
        import signal
        import subprocess

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], stdin=subprocess.DEVNULL)

        async def stay() -> None:
            await make_sample().run_stdio_async()

        anyio.run(stay)
        time.sleep(300)
    elif kind == "http":
        _serve(int(sys.argv[2]), set(sys.argv[3:]))
    else:
        make_sample().run("stdio")


def _serve(port: int, options: set[str]) -> None:
    import uvicorn

    switches = {"stateless_http": "stateless" in options, "json_response": "json_response" in options}
    if "sse" in options:
        app = make_sample().sse_app()
    elif IS_V2:
        app = make_sample().streamable_http_app(**switches)
    else:
        app = make_sample(**switches).streamable_http_app()
    uvicorn.run(app, port=port, log_level="critical")


if __name__ == "__main__":
    main()

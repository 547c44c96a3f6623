from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import psutil
import pytest
from opentelemetry import trace

from groundhog_otel.load.clients import sdk as clients_sdk
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Session, Target
from groundhog_otel.load.targets import CommandTarget, MemoryTarget, UrlTarget, target_for
from tests.load.sample import make_sample
from tests.support.ports import _FREE
from tests.support.processes import ROOT
from tests.support.sdk import IS_V2, http_server

pytestmark = pytest.mark.anyio

META = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "baggage": "groundhog.load.run_id=7"}
COMMAND = [sys.executable, "-W", "ignore", "-m", "tests.load.sample"]
PROTOCOLS = ["handshake", "auto", *(["2026-07-28"] if IS_V2 else [])]


def command(*kind: str, **options: Any) -> Target:
    return target_for([*COMMAND, *kind], folder=str(ROOT), **options)


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that starts an HTTP server and returns its URL."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(http_server(make=make_sample, **options))


async def call(session: Session, tool: str, timeout_s: float = 20, **arguments: Any) -> Any:
    return await session.request("tools/call", tool, arguments, meta=META, timeout_s=timeout_s)


def text(answer: Any) -> str:
    assert answer.error is None, answer
    return str(answer.result["content"][0]["text"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("way", ["memory", "stdio", "http", "stateless", "json", "sse"])
async def test_every_transport_answers_in_every_protocol(
    way: str, protocol: Any, serve: Callable[..., str], no_orphans: None
) -> None:
    if way == "sse" and protocol == "2026-07-28":
        pytest.skip("the legacy transport has no such protocol")
    options = {"stateless": {"stateless": True}, "json": {"json_response": True}, "sse": {"sse": True}}.get(way, {})
    if way == "memory":
        target: Target = target_for(make_sample(), protocol=protocol)
    elif way == "stdio":
        target = command(protocol=protocol)
    else:
        target = target_for(serve(**options), protocol=protocol)
    began = time.perf_counter_ns()
    async with target.open() as session:
        assert session.server.name == "sample"
        assert session.server.transport == {"stateless": "http", "json": "http"}.get(way, way)
        modern = IS_V2 and protocol != "handshake" and way != "sse"
        assert (session.server.protocol_version == "2026-07-28") == modern

        answer = await call(session, "add", a=1, b=2)
        assert answer.result is not None
        assert answer.result["structuredContent"] == {"result": 3}
        assert answer.result["isError"] is False
        assert answer.error is answer.detail is answer.message is None
        assert began < answer.written_ns <= answer.read_ns < time.perf_counter_ns()

        failed = await call(session, "boom")
        assert (failed.error, failed.detail) == ("tool", "isError")
        assert "boom" in failed.message
        late = await call(session, "nap", timeout_s=0.1, seconds=30)
        assert (late.error, late.detail, late.message) == ("timeout", "0.1 s", "no answer within 0.1 s")
        assert (late.written_ns is not None, late.read_ns, late.result) == (True, None, None)
        unknown = await session.request("prompts/get", "nothing", {}, meta=META, timeout_s=20)
        assert unknown.error == "jsonrpc"
        assert int(unknown.detail or "") is not None
        assert unknown.message
        assert session.ended is None

        names = [tool.name for tool in await session.tools()]
        assert names[:3] == ["add", "boom", "nap"]
        assert [tool.name for tool in await session.tools() if tool.read_only] == ["look"]


async def test_other_methods(serve: Callable[..., str]) -> None:
    async with target_for(serve(), protocol="handshake").open() as session:

        async def result(method: str, target: str | None = None, **arguments: str) -> Any:
            answer = await session.request(method, target, arguments, meta=META, timeout_s=20)
            assert answer.error is None, answer
            return answer.result

        assert (await result("ping")) == {}
        assert (await result("resources/read", "memo://note"))["contents"][0]["uri"] == "memo://note"
        assert (await result("resources/list"))["resources"][0]["uri"] == "memo://note"
        assert (await result("resources/templates/list"))["resourceTemplates"] == []
        assert (await result("prompts/list"))["prompts"][0]["name"] == "greet"
        greeting = await result("prompts/get", "greet", name="Ada")
        assert greeting["messages"][0]["content"]["text"] == "Hello Ada"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_meta_is_what_was_given_and_nothing_else_of_ours(protocol: Any) -> None:
    async with target_for(make_sample(), protocol=protocol).open() as session:
        for meta in (META, {}):
            answer = await session.request("tools/call", "meta", {}, meta=meta, timeout_s=20)
            if answer.error is None:  # mcp 1.x has no _meta at all where nothing was given
                assert answer.result is not None
                found = answer.result["structuredContent"]
                found = found.get("result", found)
                assert {key: found[key] for key in found if not key.startswith("io.modelcontextprotocol/")} == meta


async def test_meta_is_what_was_given_within_a_span_of_somebody_else() -> None:
    context = trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(1))
    async with target_for(make_sample()).open() as session:
        with trace.use_span(trace.NonRecordingSpan(context)):
            answer = await session.request("tools/call", "meta", {}, meta=META, timeout_s=20)
    assert answer.result is not None
    found = answer.result["structuredContent"]
    assert found.get("result", found)["traceparent"] == META["traceparent"]


async def test_many_at_once_each_get_their_own_answer(serve: Callable[..., str]) -> None:
    async with target_for(serve()).open() as session, anyio.create_task_group() as tasks:

        async def add(number: int) -> None:
            answer = await call(session, "add", a=number, b=number)
            assert text(answer) == str(2 * number)
            assert answer.read_ns >= answer.written_ns

        for number in range(150):  # more than the hundred connections of the SDK's own HTTP client
            tasks.start_soon(add, number)


async def test_a_child_gets_the_environment_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_SOMETHING", "GROUNDHOG_SOMETHING", "OTHER"):
        monkeypatch.setenv(name, "set")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "load")

    async def seen(*names: str, **options: Any) -> list[str]:
        async with command(**options).open() as session:
            return [text(await call(session, "variable", name=name)) for name in names]

    names = ("OTEL_SOMETHING", "GROUNDHOG_SOMETHING", "OTHER", "OTEL_SERVICE_NAME", "MORE")
    assert await seen(*names) == ["set", "set", "", "", ""]
    assert await seen(*names, inherit="all", env={"MORE": "1"}) == ["set", "set", "set", "load", "1"]


async def test_a_token_is_sent_and_shown_nowhere(serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []

    def guarded(app: Any) -> Any:
        async def guard(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                headers = {key.decode(): value.decode() for key, value in scope["headers"]}
                seen.append((headers.get("authorization", ""), headers.get("x-team", "")))
                if headers.get("authorization") != "Bearer t0ken":
                    await send({"type": "http.response.start", "status": 401, "headers": []})
                    await send({"type": "http.response.body", "body": b""})
                    return
            await app(scope, receive, send)

        return guard

    url = serve(around=guarded)
    with_user = url.replace("http://", "http://user:pa55@")
    monkeypatch.setenv("TOKEN", "t0ken\n")
    by_name = target_for(url + "?key=k3y", token_env="TOKEN", headers={"X-Team": "load"})
    given = target_for(url, token="t0ken")
    for target in (by_name, given):
        assert target.name == url
        assert not any(secret in repr(target) for secret in ("t0ken", "k3y"))
        async with target.open() as session:
            assert text(await call(session, "add", a=1, b=1)) == "2"
    assert ("Bearer t0ken", "load") in seen

    async def refused(url: str, **options: Any) -> str:
        target = target_for(url, **options)
        with pytest.raises(LoadError) as error:
            async with target.open():
                pass
        assert not any(secret in f"{error.value} {target!r} {target.name}" for secret in ("pa55", "wr0ng"))
        return str(error.value)

    assert "a bearer token with --token-variable (in Python: token_env)" in await refused(url)
    assert "refuses the token (401)" in await refused(url, token="wr0ng")
    assert "refuses the token (401)" in await refused(with_user)
    assert "leave one away" in await refused(with_user, token="wr0ng")
    assert "NOT_SET holds no token" in await refused(url, token_env="NOT_SET")
    assert "cannot be sent" in await refused(url, headers={"X-Bad": "a\nb"})


async def test_the_servers_process_is_known(no_orphans: None) -> None:
    target = command()
    assert target.server_pids() == ()
    async with target.open() as session:
        (pid,) = target.server_pids()
        assert psutil.Process(pid).ppid() == os.getpid()
        async with target.open():
            assert len(target.server_pids()) == 2
        assert target.server_pids() == (pid,)
        assert session.ended is None
        assert pickle.loads(pickle.dumps(target)).server_pids() == ()
    assert target.server_pids() == ()


async def test_the_process_that_listens_is_known_and_its_workers() -> None:
    port = next(_FREE)
    program = "import uvicorn; uvicorn.run('tests.load.test_targets:app', port={}, workers={}, log_level='critical')"
    process = subprocess.Popen([sys.executable, "-c", program.format(port, 2)], cwd=ROOT)  # noqa: ASYNC220
    try:
        target = target_for(f"http://127.0.0.1:{port}/mcp")
        workers: set[int] = set()
        with anyio.fail_after(30):
            while len(workers) < 2:
                await anyio.sleep(0.2)
                workers = set(target.server_pids()) - {process.pid}
        assert process.pid in target.server_pids()
        assert workers <= {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
        assert target_for("http://192.0.2.1/mcp").server_pids() == ()
        assert MemoryTarget(None).server_pids() == ()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Be any ASGI application."""


def test_what_a_server_is_shows_in_how_it_is_given() -> None:
    assert target_for("python -m 'my server'") == CommandTarget(("python", "-m", "my server"))
    assert target_for("http://localhost:1/sse") == UrlTarget("http://localhost:1/sse", "sse")
    assert target_for("http://localhost:1/sse", transport="http").transport == "http"  # type: ignore[attr-defined]
    assert target_for("python -m 'my server'").name == "python -m 'my server'"
    assert target_for(make_sample()).name == "sample"
    for target in (target_for(["a", "b"], env={"X": "1"}), target_for("https://a/mcp", token_env="T")):
        assert pickle.loads(pickle.dumps(target)) == target


@pytest.mark.parametrize(
    ("server", "options", "sentence"),
    [
        ("python 'x", {}, "close its quotes"),
        ("ftp://host/mcp", {}, "is no URL of a server: write it as http://host:port/mcp"),
        (["ftp://host/mcp"], {}, "ftp://host/mcp is no URL of a server"),
        ("http:///mcp", {}, "has no host"),
        ("python x", {"token": "t"}, "token is for URLs, and this is none: leave it away"),
        ("http://a/mcp", {"env": {"A": "1"}}, "env is for commands, and this is a URL"),
        (object(), {}, "object is no MCP server"),
    ],
)
def test_what_is_no_server_is_said(server: Any, options: Any, sentence: str) -> None:
    with pytest.raises(LoadError, match=r"^[^\n]*$") as error:
        target_for(server, **options)
    assert sentence in str(error.value)


@pytest.mark.skipif(IS_V2, reason="mcp 2 speaks it")
async def test_a_protocol_that_the_installed_sdk_lacks() -> None:
    with pytest.raises(LoadError, match=r"mcp 1\.\d+\.\d+ is installed, which does not speak 2026-07-28"):
        async with target_for(make_sample(), protocol="2026-07-28").open():
            pass


def test_models_are_of_the_installed_sdk_although_another_has_left_its_own_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a downgrade to mcp 1, which takes no model of mcp_types."""
    monkeypatch.setattr(clients_sdk, "_client_class", lambda: None)
    assert clients_sdk.types.__wrapped__().__name__ == "mcp.types"

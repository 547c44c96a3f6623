from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
import trustme

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Target
from groundhog_otel.load.targets import target_for
from tests.load.sample import make_sample
from tests.load.test_targets import call, command, text
from tests.support.ports import _FREE
from tests.support.processes import ROOT
from tests.support.sdk import IS_V2, http_server

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_orphans")]


async def refused(target: Target) -> str:
    """Return the sentence with which a target does not open."""
    with pytest.raises(LoadError) as error:
        async with target.open():
            pytest.fail("it opens")
    sentence = str(error.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


async def test_a_command_that_is_not_there() -> None:
    assert await refused(target_for("no-such-server --x")) == (
        "There is no command 'no-such-server': install it, or give its path"
    )
    assert "the command is empty" in (await refused(target_for(""))).lower()


async def test_a_command_that_cannot_be_executed(tmp_path: Path) -> None:
    (tmp_path / "server").write_text("print('x')")
    assert "may not be executed" in await refused(target_for([str(tmp_path / "server")]))
    (tmp_path / "server").chmod(0o755)
    assert "is no program: name its interpreter" in await refused(target_for([str(tmp_path / "server")]))


async def test_a_server_that_ends_at_once() -> None:
    sentence = await refused(command("exit"))
    assert "ended with exit code 7 before it had answered: run it by itself to see why" in sentence
    assert sentence.endswith("its last line on standard error: no configuration file")


async def test_a_server_that_is_killed_at_its_start() -> None:
    killed = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    assert "ended by signal 9 before it had answered" in await refused(target_for(killed))


async def test_a_server_that_hangs_in_the_handshake() -> None:
    sentence = await refused(command("hang", connect_timeout_s=2.5))
    assert "runs, and has not answered the handshake within 2.5 s" in sentence
    assert "raise --connect-timeout (in Python: connect_timeout_s)" in sentence
    assert "; its last line on standard error: still loading" in sentence


async def test_a_server_that_speaks_nonsense_is_named_long_before_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("groundhog_otel.load.clients.command._SILENT_S", 0.1)
    sentence = await refused(command("nonsense", connect_timeout_s=3600))
    assert "writes to its standard output what is no MCP message ('Welcome to my server!')" in sentence


async def test_a_program_that_is_no_server() -> None:
    assert "does not speak MCP" in await refused(command("echo", connect_timeout_s=5))


async def test_a_banner_before_the_first_message_does_no_harm() -> None:
    async with command("banner").open() as session:
        assert text(await call(session, "add", a=1, b=2)) == "3"


async def test_nonsense_in_place_of_an_answer_is_said_and_costs_no_other_request() -> None:
    async with command("garbling").open() as session:
        answers: dict[str, Any] = {}

        async def look(word: str) -> None:
            answers[word] = await call(session, "look", timeout_s=3, word=word)

        async with anyio.create_task_group() as tasks:
            for word in ("well", "gone wrong"):
                tasks.start_soon(look, word)
        assert text(answers["well"]) == "well"
        assert (answers["gone wrong"].error, answers["gone wrong"].detail) == ("timeout", "3 s")
        assert answers["gone wrong"].message == (
            "no answer within 3 s; meanwhile the server sent what is no MCP message"
            " ('Traceback (most recent call last)')"
        )
        assert text(await call(session, "look", word="again")) == "again"


async def test_a_stubborn_server_and_its_children_end_with_the_session() -> None:
    async with command("stubborn").open() as session:
        assert text(await call(session, "add", a=1, b=2)) == "3"


async def test_a_server_ends_with_an_exception_and_with_cancellation() -> None:
    with pytest.raises(ZeroDivisionError):
        async with command().open():
            raise ZeroDivisionError
    with anyio.move_on_after(1.5) as scope:
        async with command().open():
            await anyio.sleep(60)
    assert scope.cancelled_caught
    with anyio.move_on_after(1) as scope:
        async with command("hang").open():
            pytest.fail("it opens")
    assert scope.cancelled_caught


async def test_nothing_listens() -> None:
    url = f"http://127.0.0.1:{next(_FREE)}/mcp"
    transports: tuple[Literal["http", "sse"], ...] = ("http", "sse")
    for transport in transports:
        sentence = await refused(target_for(url, transport=transport))
        assert sentence == f"Nothing listens at {url}: start the server, or correct the address"


async def test_a_host_that_does_not_exist() -> None:
    assert "There is no host 'nowhere.invalid'" in await refused(target_for("http://nowhere.invalid/mcp"))


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """Return a function that starts an HTTP server which answers everything in one way, and returns its address."""
    with ExitStack() as running:
        yield lambda **how: running.enter_context(_answering(**how))


@contextmanager
def _answering(
    status: int = 200, kind: str = "text/html", body: bytes = b"<html>", hang: bool = False
) -> Iterator[str]:
    import uvicorn

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        if hang:
            await anyio.sleep(20)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"status": 401}, "wants authentication (401): name the environment variable that holds a bearer token"),
        ({"status": 403}, "wants authentication (403)"),
        ({"status": 404}, "is not there (404): correct the path; most servers have http://127.0.0.1:"),
        ({"status": 405}, "takes no such requests (405): if it is of the legacy transport, say so with --sse"),
        ({"status": 503}, "answers the handshake with HTTP 503: see the server's log"),
        ({}, "is no MCP server, its answer is of content type text/html: correct the address"),
        ({"kind": "application/json", "body": b'{"hello": 1}'}, "is no MCP server"),
        ({"kind": "application/json", "body": b"nonsense"}, "is no MCP server"),
        ({"status": 202, "kind": "", "body": b""}, "is no MCP server"),
        ({"hang": True}, "has not answered the handshake within 3 s: is it an MCP server, and up?"),
    ],
)
async def test_a_url_that_is_no_server(how: Any, words: str, answering: Callable[..., str]) -> None:
    began = time.monotonic()
    sentence = await refused(target_for(f"{answering(**how)}/api", connect_timeout_s=3 if "hang" in how else 40))
    assert words in sentence
    assert time.monotonic() - began < 30, "it was waited for to the end of its time"


@pytest.mark.parametrize(
    ("how", "words"), [({"status": 401}, "wants authentication"), ({"status": 404}, "is not there")]
)
async def test_a_url_that_is_no_server_of_the_legacy_transport(
    how: Any, words: str, answering: Callable[..., str]
) -> None:
    assert words in await refused(target_for(f"{answering(**how)}/sse"))


async def test_tls_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with _listening(context) as port:
        sentence = await refused(target_for(f"https://127.0.0.1:{port}/mcp"))
        assert f"The certificate of https://127.0.0.1:{port}/mcp is not trusted" in sentence
        assert "name that one's file in SSL_CERT_FILE" in sentence
    with _listening(None) as port:
        sentence = await refused(target_for(f"https://127.0.0.1:{port}/mcp"))
        assert "if the server speaks plain HTTP, write http://" in sentence


@contextmanager
def _listening(context: ssl.SSLContext | None) -> Iterator[int]:
    """Answer every connection with a line of HTTP, over TLS if there is a context."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                try:
                    one = connection if context is None else context.wrap_socket(connection, server_side=True)
                    one.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join(10)
        listener.close()


@pytest.mark.skipif(not IS_V2, reason="a choice of mcp 2")
async def test_a_server_without_the_protocol_that_is_wanted() -> None:
    older = ROOT / ".venv-mcp1" / "bin" / "python"
    if not older.exists():
        pytest.skip("there is no environment with mcp 1.x")
    target = target_for(
        [str(older), "-W", "ignore", "-m", "tests.support.sdk"], folder=str(ROOT), protocol="2026-07-28"
    )
    assert "The server speaks 2025-11-25, and not 2026-07-28" in await refused(target)


async def test_a_python_object_that_does_not_start() -> None:
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def lifespan(_server: Any) -> Any:
        if _server:
            raise ValueError("no database")
        yield

    sentence = await refused(target_for(make_sample(lifespan=lifespan), connect_timeout_s=5))
    assert sentence == "sample could not be started (ValueError: no database): mend its lifespan or its handlers"


async def test_a_command_that_dies_under_load() -> None:
    async with command().open() as session:
        answers: list[Any] = []

        async def nap() -> None:
            answers.append(await call(session, "nap", timeout_s=50, seconds=40))

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(nap)
                await anyio.sleep(0.3)
                answers.append(await call(session, "die", timeout_s=50, code=9))
        assert {answer.error for answer in answers} == {"transport"}
        assert session.ended == "the server has ended with exit code 9; its last line on standard error: last words"
        after = await call(session, "add", a=1, b=2)
        assert (after.error, after.message) == ("transport", session.ended)


@pytest.mark.parametrize("options", [{}, {"stateless": True}, {"json_response": True}, {"sse": True}])
async def test_a_url_that_dies_under_load(options: Any) -> None:
    import signal
    import subprocess

    port = next(_FREE)
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-W", "ignore", "-m", "tests.load.sample", "http", str(port), *options], cwd=ROOT
    )
    url = f"http://127.0.0.1:{port}/{'sse' if 'sse' in options else 'mcp'}"
    try:
        with anyio.fail_after(30):
            while True:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    await anyio.sleep(0.1)
        async with target_for(url).open() as session:
            answers: list[Any] = []

            async def nap() -> None:
                answers.append(await call(session, "nap", timeout_s=50, seconds=40))

            with anyio.fail_after(20):
                async with anyio.create_task_group() as tasks:
                    for _ in range(3):
                        tasks.start_soon(nap)
                    await anyio.sleep(0.5)
                    process.send_signal(signal.SIGKILL)
            assert {answer.error for answer in answers} == {"transport"}, answers
            with anyio.fail_after(20):
                after = await call(session, "add", timeout_s=50, a=1, b=2)
            assert after.error == "transport"
            assert session.ended is not None
        assert "Nothing listens at" in await refused(target_for(url))
    finally:
        process.kill()
        process.wait(20)


async def test_a_server_that_forgets_its_sessions() -> None:
    """As one does that is started anew behind the same address."""
    known = True

    def forgetful(app: Any) -> Any:
        async def forget(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and not known and b"mcp-session-id" in dict(scope["headers"]):
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            await app(scope, receive, send)

        return forget

    with http_server(make=make_sample, around=forgetful) as url:
        target = target_for(url, protocol="handshake")
        async with target.open() as session:
            assert text(await call(session, "add", a=1, b=2)) == "3"
            known = False
            with anyio.fail_after(20):
                answer = await call(session, "add", timeout_s=50, a=1, b=2)
            assert (answer.error, answer.detail) == ("transport", "HTTP 404")
            assert session.ended == "the server no longer knows the session (HTTP 404)"


async def test_a_server_that_is_overloaded_answers_503_and_goes_on() -> None:
    busy = False

    def sometimes(app: Any) -> Any:
        async def maybe(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and busy and scope["method"] == "POST":
                await send({"type": "http.response.start", "status": 503, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            await app(scope, receive, send)

        return maybe

    with http_server(make=make_sample, around=sometimes, stateless=True) as url:
        async with target_for(url).open() as session:
            assert text(await call(session, "add", a=1, b=2)) == "3"
            busy = True
            with anyio.fail_after(20):
                answer = await call(session, "add", timeout_s=50, a=1, b=2)
            assert (answer.error, answer.detail) == ("transport", "HTTP 503")
            busy = False
            if IS_V2:  # the clients of mcp 1.x end the session
                assert text(await call(session, "add", a=1, b=2)) == "3"
            else:
                assert session.ended is not None

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.retries import detect
from groundhog_otel.store.model import Recording, Span
from tests.analysis.detectors.made import Call, chain, operation, with_digest
from tests.support.captured import Program, recorded
from tests.support.recorded import recording, span
from tests.support.sdk import IS_V2, in_memory, make_server

NAME = "tools/call flaky"


def _attempts(*, count: int, pause_ms: float = 40, errors: tuple[int, ...] = (0,), traces: int = 3) -> Recording:
    calls = chain(*[(NAME, 10.0)] * count, pause_ms=pause_ms)
    ms = count * (10 + pause_ms) + 20
    return recording([one for trace in range(traces) for one in operation(trace, calls, ms=ms, errors=errors)])


def test_attempts_that_failed_and_the_waits_after_them_are_lost() -> None:
    (found,) = detect(_attempts(count=3, errors=(0, 1)))
    assert (found.detector, found.service, found.target) == ("retries", "srv", NAME)
    assert found.impact_ms == pytest.approx(2 * 10 + 2 * 40)
    assert found.affected == 3
    assert found.figures == {"attempts": 3, "pause_ms": pytest.approx(40), "in_vain": 0, "calls": 9}
    assert found.says == f"3 requests of {NAME} took 3 attempts each, 100 ms for nothing: timeout (6)"
    assert found.evidence[0].span_id == f"{2:016x}"


def test_that_the_last_one_failed_too_is_said() -> None:
    (found,) = detect(_attempts(count=2, errors=(0, 1)))
    assert "; 3 of them failed in the end: timeout (3)" in found.says


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"count": 3, "errors": ()}, id="no failure"),
        pytest.param({"count": 3, "errors": (2,)}, id="the last one failed"),
        pytest.param({"count": 1, "errors": (0,)}, id="not tried again"),
        pytest.param({"count": 2, "traces": 2}, id="twice in all"),
        pytest.param({"count": 8, "errors": (1, 4), "pause_ms": 1}, id="a loop in which some fail"),
        pytest.param({"count": 2, "pause_ms": 61_000}, id="a minute later"),
    ],
)
def test_what_is_no_retry_is_not_found(given: dict[str, object]) -> None:
    assert not detect(_attempts(**given))  # type: ignore[arg-type]


def test_in_a_loop_a_wait_that_stands_out_tells_a_retry() -> None:
    calls: list[Call] = [(NAME, at_ms, 10) for at_ms in (0, 11, 22, 130, 141)]
    (found,) = detect(
        recording([one for trace in range(3) for one in operation(trace, calls, ms=160, errors=(2,))])
    )  # fmt: skip
    assert found.impact_ms == pytest.approx(10 + 98)
    assert found.figures["attempts"] == 2


def test_what_goes_wrong_rarely_is_not_found() -> None:
    spans = list(_attempts(count=2).spans)
    others = [one for trace in range(100, 500) for one in operation(trace, [(NAME, 1, 10)], ms=12)]
    assert detect(recording([*spans, *others[:100]]))
    assert not detect(recording([*spans, *others]))


def test_attempts_beside_something_longer_cost_nothing() -> None:
    calls = [*chain((NAME, 10.0), (NAME, 10.0)), ("tools/call long", 0.0, 90.0)]
    assert not detect(recording([one for trace in range(5) for one in operation(trace, calls, ms=95, errors=(0,))]))


def test_with_digests_attempts_need_no_parent_and_other_requests_are_told_apart() -> None:
    def root(own: int, at_ms: float, digest: str, error: str | None = None) -> Span:
        return with_digest(span(NAME, trace=own, own=own, at_ms=at_ms, error=error), digest)

    retried = [
        one
        for number in range(3)
        for one in (
            root(10 * number + 1, 1000 * number, str(number), "timeout"),
            root(10 * number + 2, 1000 * number + 50, str(number)),
        )
    ]
    (found,) = detect(recording(retried))
    assert found.affected == 3
    assert found.impact_ms == pytest.approx(50)
    others = [with_digest(one, str(number)) for number, one in enumerate(retried)]
    assert not detect(recording(others))


def _program(*, failing: bool) -> Program:
    async def program(tracer: Tracer) -> None:
        server = make_server()
        asked = 0

        @server.tool()
        async def flaky() -> str:
            nonlocal asked
            asked += 1
            await anyio.sleep(0.01)
            if failing and asked % 3:
                raise ValueError("busy")
            return "done"

        async with in_memory(server) as session:
            for _ in range(4):
                with tracer.start_as_current_span("job"):
                    for attempt in range(5):
                        result = await session.call_tool("flaky", {})
                        if not (result.is_error if IS_V2 else result.isError):
                            break
                        await anyio.sleep(0.02 * 2**attempt)

    return program


def test_a_real_program_that_tries_again(tmp_path: Path) -> None:
    (found,) = detect(recorded(tmp_path, _program(failing=True)))
    assert (found.target, found.affected, found.figures["attempts"]) == (NAME, 4, 3)
    assert found.impact_ms >= 2 * 10 + 20 + 40
    assert found.says.endswith("tool_error (8)")


def test_a_real_program_that_need_not(tmp_path: Path) -> None:
    assert not detect(recorded(tmp_path, _program(failing=False)))

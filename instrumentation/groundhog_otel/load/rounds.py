"""Goes through one round of a scenario: its steps one after the other, each recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from anyio import get_cancelled_exc_class

from groundhog_otel.load.clock import Clock
from groundhog_otel.load.context import Contexts
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.recorder import Ended, Recorder
from groundhog_otel.load.scenarios.expectations import unmet
from groundhog_otel.load.scenarios.paths import ABSENT, find
from groundhog_otel.load.scenarios.templates import TemplateError, fill
from groundhog_otel.load.schedule import Round
from groundhog_otel.load.seats import Seat
from groundhog_otel.load.selfcheck import Watch
from groundhog_otel.load.session import Answer

__all__ = ("Runner",)

_UNFINISHED: Final = Answer(
    error="timeout", detail="unfinished", message="The test was over before there was an answer"
)


class Runner:
    """Sends requests, whoever says when."""

    def __init__(
        self, config: LoadTestConfig, *, clock: Clock, contexts: Contexts, recorder: Recorder, watch: Watch
    ) -> None:
        self._config = config
        self._clock = clock
        self._contexts = contexts
        self._recorder = recorder
        self._watch = watch
        self.over = False
        """No further step is to begin."""
        self.in_flight = 0
        """Requests under way."""

    async def go(self, one: Round, seat: Seat, due_ns: int) -> None:
        """Go through a round. Each later step is due when the one before it is over, plus its thinking time.

        A step that fails ends the round: what it would have given to the next ones is not there.
        """
        values: dict[str, Any] = dict(one.row)
        for place, step in enumerate(one.scenario.steps):
            pause_s = one.pause_s(step)
            if pause_s > 0 and not (self.over and place):
                due_ns += round(pause_s * 1e9)
                await self._clock.until(due_ns)
            if self.over and place:
                return
            answer, due_ns = await self._step(step, one.scenario, seat, values, due_ns)
            if answer.error is not None:
                return

    async def _step(
        self, step: Step, scenario: Scenario, seat: Seat, values: dict[str, Any], due_ns: int
    ) -> tuple[Answer, int]:
        ids = self._contexts.new()
        sent_ns = self._clock.now_ns()
        self._watch.late(sent_ns - due_ns)
        self._recorder.started += 1
        self.in_flight += 1
        try:
            answer = await self._ask(step, seat, values, ids.meta)
        except get_cancelled_exc_class():
            # It took at least this long. What is not counted would make a slow server look better than it is.
            self._recorder.unfinished += 1
            ended_ns = self._clock.now_ns()
            self._recorder.record(Ended(step, scenario.name, ids, due_ns, sent_ns, ended_ns, _UNFINISHED))
            raise
        finally:
            self.in_flight -= 1
        ended_ns = self._clock.now_ns()
        if answer.error is None:
            answer = _judged(step, answer, values)
        self._recorder.record(Ended(step, scenario.name, ids, due_ns, sent_ns, ended_ns, answer))
        return answer, ended_ns

    async def _ask(self, step: Step, seat: Seat, values: Mapping[str, Any], meta: Mapping[str, str]) -> Answer:
        try:
            target, arguments = fill(step.target, values), fill(step.arguments, values)
        except TemplateError as error:
            return Answer(error="assertion", detail="missing value", message=str(error))
        session = seat.session
        if session is None:
            return Answer(error="transport", detail="no session", message=seat.problem or "the session was lost")
        timeout_s = self._config.request_timeout if step.timeout is None else step.timeout
        answer = await session.request(step.method, target, arguments, meta=meta, timeout_s=timeout_s)
        if session.ended is not None and seat.session is session:
            seat.problem = session.ended
            seat.lose()
        return answer


def _judged(step: Step, answer: Answer, values: dict[str, Any]) -> Answer:
    """Save what later steps need, and hold the answer against what is expected."""
    for expectation in step.expect:
        said = unmet(expectation, answer.result)
        if said is not None:
            return Answer(
                answer.result,
                "assertion",
                expectation.path or expectation.test,
                said,
                answer.written_ns,
                answer.read_ns,
            )
    for name, path in step.save.items():
        found = find(answer.result, path)
        if found is ABSENT:
            said = f"{step.name} has no {path} to save as {name}"
            return Answer(answer.result, "assertion", path, said, answer.written_ns, answer.read_ns)
        values[name] = found
    return answer

"""Two real servers side by side: what is measured, what is refused, and how it ends. No time is asserted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from groundhog_otel.load.arrivals import Constant
from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.optimizer.effects import effects, errors_of
from groundhog_otel.optimizer.experiment import Compared, compare
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.serving import Command
from groundhog_otel.optimizer.trying import control
from groundhog_otel.settings.actions import wanted
from tests.support.processes import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.usefixtures("no_orphans")]

WORDS = (sys.executable, "-m", "tests.optimizer.server")
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


def plan(*tools: str, **more: Any) -> Plan:
    given: dict[str, Any] = {"load": LoadTestConfig(concurrent_users=2), "tools": tools, "segment_s": 0.2}
    return Plan(**{**given, "warm_up_s": 0.2, "blocks": 5, **more})


async def _compared(actions: str, given: Plan, words: Sequence[str] = WORDS, **more: Any) -> Compared:
    command = Command(tuple(words), ENVIRONMENT, **{name: more.pop(name) for name in ("url",) if name in more})
    return await compare(command, given, changed=wanted(actions), **more)


async def test_blocks_hold_both_servers_twice_with_what_they_used() -> None:
    numbers: list[int] = []
    found = await _compared("offload:tool=render", plan("render", "quick"), on_block=numbers.append)
    assert found.refused is None
    assert found.died is None
    assert numbers == [0, 1, 2, 3, 4, 5]
    assert len(found.blocks) == 5
    for block in found.blocks:
        for side in (block.without, block.changed):
            assert len(side) == 2
            for segment in side:
                assert segment.count > 0
                assert segment.errors == 0
                assert segment.cpu_s >= 0
                assert segment.memory_bytes > 10e6
                assert set(segment.response) <= {"tools/call render", "tools/call quick"}
    assert {"p50", "cpu", "memory"} <= {one.measure for one in effects(found.blocks)}
    assert errors_of(found.blocks).changed == 0


async def test_over_http_each_server_has_a_port_of_its_own_and_requests_come_when_they_are_due() -> None:
    load = LoadTestConfig(concurrent_users=2, arrivals=Constant(20))
    found = await _compared(
        "offload:tool=render", plan("render", load=load), (*WORDS, "{port}"), url="http://127.0.0.1:{port}/mcp"
    )
    assert [len(block.changed) for block in found.blocks] == [2] * 5
    assert all(segment.count == 4 for block in found.blocks for segment in (*block.without, *block.changed))
    assert all(segment.cpu_s > 0 or segment.memory_bytes > 10e6 for block in found.blocks for segment in block.changed)


async def test_an_equal_server_is_a_control() -> None:
    trial = await control(
        Command(WORDS, ENVIRONMENT), plan("quick", relevant=9.0), stop=Stop(), on_block=lambda _: None
    )
    assert (trial.outcome, trial.blocks) == ("control", 5)
    assert trial.why == "two equal servers do not differ, as it should be"


@pytest.mark.parametrize(
    ("action", "tool", "why"),
    [
        ("offload:tool=nobody", "quick", "no tool of that name was called"),
        ("limiter:tokens=40", "wait", "the limiter has 40 tokens already"),
        ("loop_policy:kind=other", "quick", "the action loop_policy has no parameter kind"),
    ],
)
async def test_what_does_not_take_effect_is_refused_before_anything_is_compared(
    action: str, tool: str, why: str
) -> None:
    found = await _compared(action, plan(tool))
    assert found.blocks == ()
    assert found.refused is not None
    assert found.refused.startswith(why)


async def test_a_server_that_ends_with_the_action() -> None:
    found = await _compared("gc_freeze:after_s=0.1", plan("fragile"))
    assert found.died is not None
    assert "exit code 3" in found.died


async def test_spans_are_exported_for_an_action_that_is_about_them() -> None:
    found = await _compared("exporter_batching:delay_ms=20000", plan("quick"))
    assert found.refused is None
    assert len(found.blocks) == 5


async def test_it_can_be_stopped() -> None:
    stop = Stop()
    with pytest.raises(StoppedError, match=r"stopped before the experiment was over .Ctrl-C."):
        await _compared("offload:tool=render", plan("render"), stop=stop, on_block=lambda _: stop.tell("Ctrl-C"))


@pytest.mark.parametrize(
    ("words", "given", "says"),
    [
        (("no-such-program",), plan(), "no-such-program is not a command: check its spelling, and PATH."),
        ((), plan(), "There is no server to improve: give the command that starts it, after --"),
        ((sys.executable, "-c", "raise SystemExit('no config')"), plan(), "no config"),
        (WORDS, plan("other"), "The server has no tool other, or no arguments can be made for it: see its list"),
        (WORDS, plan(blocks=4), "4 blocks cannot tell an effect from chance: take 5 or more"),
        (WORDS, plan(segment_s=0.0), "A block and its warm-up need some time"),
        (
            WORDS,
            plan(load=LoadTestConfig(test_scenarios=(Scenario("s", (Step(target="nothing"),)),))),
            "nothing",
        ),
    ],
)
async def test_what_cannot_be_done_is_said(words: Sequence[str], given: Plan, says: str) -> None:
    with pytest.raises(LoadError) as caught:
        await _compared("gc_freeze", given, words)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("words", "url", "says"),
    [
        (WORDS, "http://127.0.0.1:{port}/mcp", "write {port} where the command is told its port"),
        ((*WORDS, "{port}"), "http://example.com:{port}/mcp", "is not of this machine"),
        ((sys.executable, "-c", "print('bad luck', {port}); raise SystemExit(5)"), "http://127.0.0.1:{port}/mcp", "5"),
    ],
)
async def test_what_cannot_be_done_over_http_is_said(words: Sequence[str], url: str, says: str) -> None:
    with pytest.raises(LoadError) as caught:
        await _compared("gc_freeze", plan(), words, url=url)
    assert says in str(caught.value)

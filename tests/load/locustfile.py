"""What a user of Locust writes; run by the command ``locust`` in test_locust.py, with the server as --host."""

from __future__ import annotations

from typing import Any

from locust import LoadTestShape

from groundhog_otel.load.locust import McpUser
from groundhog_otel.load.plan import Scenario, Step


class Reader(McpUser):
    telemetry = "none"
    scenarios = (
        Scenario(
            "look twice, then fail",
            (
                Step(target="look", arguments={"word": "${word}"}),
                Step(target="look", arguments={"word": "again"}),
                Step(target="boom"),
            ),
            data=tuple({"word": f"word {number}"} for number in range(50)),
        ),
        Scenario("list", (Step("tools/list"),), weight=0.5),
    )


class FallsSilent(LoadTestShape):
    """Some users, and then none for as long as Locust takes to have told all that was done.

    Its CSV is written every second, and not once more at the end; workers report every three seconds, and whoever leads
    them waits half a second for the last report.
    """

    users, lasting_s, silent_s = 8, 14.0, 7.0
    use_common_options = True

    def tick(self) -> Any:
        shape: Any = self
        lasted_s = shape.get_run_time()
        if lasted_s > self.lasting_s + self.silent_s:
            return None
        return (self.users if lasted_s < self.lasting_s else 0, self.users)

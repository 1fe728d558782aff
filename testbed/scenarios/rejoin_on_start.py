"""Somebody stops the active node and starts it again later: it comes back as a standby by itself."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.stop_instance(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.start_instance(HOME)


SCENARIO = Scenario(
    name="rejoin-on-start",
    title="Somebody stops the active node and starts it again later: it comes back as a standby by itself.",
    break_it=break_it,
    expected=Expectation(
        outcome="Rejoined",
        verdict="rejoin",
        active=STANDBY,
        moves=1,
        fence=Fence.ALLOWED,
        others=frozenset({"FailedOver", "NothingToDo", "Skipped", "Warned"}),
        standby=HOME,
    ),
)

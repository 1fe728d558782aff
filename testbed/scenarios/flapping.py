"""A second failure soon after a failover: the role does not move again by itself."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario, Service
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.stop_instance(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.start_instance(HOME)
    stage.wait_for_standby(HOME)
    stage.wait_until_quiet()
    stage.lose_network(STANDBY)


SCENARIO = Scenario(
    name="flapping",
    title="A second failure soon after a failover: the role does not move again by itself.",
    break_it=break_it,
    expected=Expectation(
        outcome="Halted",
        verdict="halt",
        active=STANDBY,
        moves=1,
        fence=Fence.ALLOWED,
        service=Service.GONE,
        others=frozenset({"NothingToDo", "Skipped", "Warned", "FailedOver", "Rejoined"}),
    ),
)

"""A fenced node starts its services when it boots: it comes back as a standby all the same."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.enable_services_at_boot(HOME)
    stage.stop_instance(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.start_instance(HOME)


SCENARIO = Scenario(
    name="node-boots-with-services-enabled",
    title="A fenced node starts its services when it boots: it comes back as a standby all the same.",
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

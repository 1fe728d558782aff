"""A subnet of the active node holds somebody else's interface: it is not isolated, and the stop alone fences."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.add_interface_beside(HOME)
    stage.lose_network(HOME)


SCENARIO = Scenario(
    name="isolate-shared-subnet",
    title="A subnet of the dead active node holds another interface: it is not isolated, and the stop alone fences.",
    break_it=break_it,
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        reason="was fenced by its stop alone: the subnet ",
    ),
)

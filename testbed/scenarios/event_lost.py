"""The active node dies and no event of it arrives: the scheduled look starts the failover."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_events()
    stage.lose_network(HOME)


SCENARIO = Scenario(
    name="event-lost",
    title="The active node dies and no event of it arrives: the scheduled look starts the failover.",
    break_it=break_it,
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        isolated=frozenset({HOME}),
    ),
)

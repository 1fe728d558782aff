"""The active node's Availability Zone is lost: everything in it is gone, and its instance never stops."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_zone_of(HOME)


SCENARIO = Scenario(
    name="zone-lost",
    title="The active node's Availability Zone is lost and its stop never ends: the standby takes over all the same.",
    break_it=break_it,
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        isolated=frozenset({HOME}),
        reason="is isolated, but its instance is not stopped",
        is_served_before_the_end=True,
        targets_down=frozenset({"app-01"}),
    ),
)

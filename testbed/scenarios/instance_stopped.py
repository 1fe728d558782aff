"""Somebody stops the active node's instance: the standby takes over."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.stop_instance(HOME)


SCENARIO = Scenario(
    name="instance-stopped",
    title="Somebody stops the active node's instance: the standby takes over.",
    break_it=break_it,
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.ALLOWED,
        instances_off=frozenset({HOME}),
    ),
)

"""The active node's kernel dies and its EC2 status check fails: the standby takes over."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.hang(HOME)
    stage.fail_status_checks(HOME)


SCENARIO = Scenario(
    name="status-check-failed",
    title="The active node's kernel dies and its EC2 status check fails: the standby takes over.",
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

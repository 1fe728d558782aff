"""An operator is asked before the failover and does not answer: it goes on when the time is over."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)


SCENARIO = Scenario(
    name="confirm-unanswered",
    title="An operator is asked before the failover and does not answer: it goes on when the time is over.",
    break_it=break_it,
    parameters={"ConfirmFailover": "ProceedAfterTimeout", "ConfirmTimeoutSeconds": "5"},
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        isolated=frozenset({HOME}),
        is_decisive_only_once=True,
    ),
)

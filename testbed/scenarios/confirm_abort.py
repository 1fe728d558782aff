"""An operator is asked before the failover and says no: nothing is done, nobody is asked again soon."""

from testbed.garoon.installation import HOME
from testbed.scenarios.scenario import Expectation, Scenario, Service
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)
    stage.answer('{"proceed": false}')


SCENARIO = Scenario(
    name="confirm-abort",
    title="An operator is asked before the failover and says no: nothing is done, nobody is asked again soon.",
    break_it=break_it,
    parameters={"ConfirmFailover": "ProceedAfterTimeout"},
    expected=Expectation(
        outcome="Halted",
        verdict="halt",
        service=Service.GONE,
        decisive=2,  # the second is the schedule's look, which would wait for an answer if it asked again
    ),
)

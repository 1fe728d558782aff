"""The dead active node's instance hangs in stopping, and the stop alone fences: nothing is promoted."""

from testbed.garoon.installation import HOME
from testbed.scenarios.scenario import Expectation, Fence, Scenario, Service
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.stick_in_stopping(HOME)
    stage.lose_network(HOME)


SCENARIO = Scenario(
    name="fence-stuck",
    title="The dead active node's instance hangs in stopping, and the stop alone fences: nothing is promoted.",
    break_it=break_it,
    parameters={"FenceMethod": "StopInstance", "FenceTimeoutSeconds": "5"},
    expected=Expectation(
        outcome="Halted",
        verdict="failOver",
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        service=Service.GONE,
    ),
)

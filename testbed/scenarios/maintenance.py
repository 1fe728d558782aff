"""The active node dies during maintenance: nothing automatic happens."""

from testbed.garoon.installation import HOME
from testbed.scenarios.scenario import Expectation, Scenario, Service
from testbed.scenarios.stage import Stage


def prepare(stage: Stage) -> None:
    stage.begin_maintenance()


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)


SCENARIO = Scenario(
    name="maintenance",
    title="The active node dies during maintenance: nothing automatic happens.",
    prepare=prepare,
    break_it=break_it,
    expected=Expectation(
        outcome="Halted",
        verdict="halt",
        service=Service.GONE,
    ),
)

"""The active node dies while the standby's replica is mid-resync: nothing is promoted."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Scenario, Service
from testbed.scenarios.stage import Stage


def prepare(stage: Stage) -> None:
    stage.begin_resync(STANDBY)


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)


SCENARIO = Scenario(
    name="standby-stale",
    title="The active node dies while the standby's replica is mid-resync: nothing is promoted.",
    prepare=prepare,
    break_it=break_it,
    expected=Expectation(
        outcome="Halted",
        verdict="halt",
        service=Service.GONE,
    ),
)

"""Both nodes lose their power: nothing is promoted, nothing is fenced."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Scenario, Service
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.cut_power(HOME)
    stage.cut_power(STANDBY)


SCENARIO = Scenario(
    name="both-down",
    title="Both nodes lose their power: nothing is promoted, nothing is fenced.",
    break_it=break_it,
    expected=Expectation(
        outcome="Halted",
        verdict="halt",
        service=Service.GONE,
    ),
)

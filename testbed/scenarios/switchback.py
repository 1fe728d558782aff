"""db-02 is active; an operator moves the role home: nothing is lost, nobody is fenced."""

from testbed.garoon.installation import STANDBY
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def prepare(stage: Stage) -> None:
    stage.switch_back(STANDBY)
    stage.wait_for_outcome("SwitchedOver")
    stage.wait_until_quiet()


def break_it(stage: Stage) -> None:
    stage.switch_back()


SCENARIO = Scenario(
    name="switchback",
    title="db-02 is active; an operator moves the role home: nothing is lost, nobody is fenced.",
    prepare=prepare,
    break_it=break_it,
    expected=Expectation(
        outcome="SwitchedOver",
        verdict="switchOver",
        moves=1,
    ),
)

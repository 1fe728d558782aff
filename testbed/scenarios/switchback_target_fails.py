"""The target of a planned move cannot be promoted: the role is put back where it was."""

from testbed.garoon.installation import STANDBY
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.make_promotion_fail(STANDBY)
    stage.switch_back(STANDBY)


SCENARIO = Scenario(
    name="switchback-target-fails",
    title="The target of a planned move cannot be promoted: the role is put back where it was.",
    break_it=break_it,
    expected=Expectation(
        outcome="Restored",
        verdict="switchOver",
        moves=2,  # there, which failed, and back
    ),
)

"""Two operators order the same planned move at once: it is done once."""

from testbed.garoon.installation import STANDBY
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.switch_back(STANDBY, times=2)


SCENARIO = Scenario(
    name="switchback-twice",
    title="Two operators order the same planned move at once: it is done once.",
    break_it=break_it,
    expected=Expectation(
        outcome="SwitchedOver",
        verdict="switchOver",
        active=STANDBY,
        moves=1,
        is_decisive_only_once=True,
    ),
)

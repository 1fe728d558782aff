"""The dead active node is isolated, but the standby cannot be promoted: the old active is let in again."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.make_promotion_fail(STANDBY)
    stage.cut_power(HOME)


SCENARIO = Scenario(
    name="isolate-undone",
    title="The dead active node is isolated, but the standby cannot be promoted: the old active is let in again.",
    break_it=break_it,
    expected=Expectation(
        outcome="Restored",
        verdict="failOver",
        moves=2,  # there, which failed, and back
        fence=Fence.NEEDED,
    ),
)

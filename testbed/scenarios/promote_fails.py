"""The active node is stopped and the standby cannot be promoted: the old active is brought back."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.make_promotion_fail(STANDBY)
    stage.stop_instance(HOME)


SCENARIO = Scenario(
    name="promote-fails",
    title="The active node is stopped and the standby cannot be promoted: the old active is brought back.",
    break_it=break_it,
    expected=Expectation(
        outcome="Restored",
        verdict="failOver",
        moves=2,  # there, which failed, and back
        fence=Fence.ALLOWED,
    ),
)

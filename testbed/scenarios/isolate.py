"""The active node hangs and its instance hangs in stopping, still on: it is isolated, and the standby takes over."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.stick_in_stopping(HOME)
    stage.hang(HOME)


SCENARIO = Scenario(
    name="isolate",
    title="The active node hangs and will not stop: it is isolated, and the standby takes over.",
    break_it=break_it,
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        isolated=frozenset({HOME}),
        reason="is isolated, but its instance is not stopped",
        is_served_before_the_end=True,
    ),
)

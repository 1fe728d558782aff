"""The active node reboots and comes back demoted: it is brought into service in place."""

from testbed.garoon.installation import HOME
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.reboot(HOME)


SCENARIO = Scenario(
    name="active-reboots",
    title="The active node reboots and comes back demoted: it is brought into service in place.",
    break_it=break_it,
    expected=Expectation(
        outcome="Resumed",
        verdict="resumeActive",
        moves=1,  # promoting it again is a move of its own: commands that are still on their way have passed
    ),
)

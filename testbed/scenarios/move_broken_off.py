"""A planned move is stopped halfway, with both nodes demoted and well: the service comes back by itself."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.switch_back(STANDBY)
    stage.stop_planned_move_once_demoted(HOME)


SCENARIO = Scenario(
    name="move-broken-off",
    title="A planned move is stopped halfway, with both nodes demoted and well: the service comes back by itself.",
    break_it=break_it,
    expected=Expectation(
        outcome="Resumed",
        verdict="resumeActive",
        moves=2,  # there, which was stopped, and back
        others=frozenset({"NothingToDo", "Skipped", "Warned", "Failed"}),
    ),
)

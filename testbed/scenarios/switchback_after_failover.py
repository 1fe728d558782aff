"""db-01 dies, db-02 takes over; db-01 is repaired and an operator moves the role home."""

from testbed.garoon.installation import HOME
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage, times: int = 1) -> None:
    """The story once more, for the so many-th time in this run."""
    stage.lose_network(HOME)
    stage.wait_for_outcome("FailedOver", times)
    stage.wait_until_off(HOME)
    stage.repair_network(HOME)
    stage.switch_back()


SCENARIO = Scenario(
    name="switchback-after-failover",
    title="db-01 dies, db-02 takes over; db-01 is repaired and an operator moves the role home.",
    break_it=break_it,
    expected=Expectation(
        outcome="SwitchedOver",
        verdict="switchOver",
        moves=2,
        fence=Fence.NEEDED,
        snapshot_of=HOME,
        others=frozenset({"FailedOver", "NothingToDo", "Skipped", "Warned"}),
    ),
)

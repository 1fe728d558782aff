"""The old active wrote after it was cut off: its data is kept in a snapshot, and it follows the new one."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)
    stage.write_cut_off(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.wait_until_off(HOME)
    stage.repair_network(HOME)
    stage.start_instance(HOME)


SCENARIO = Scenario(
    name="rejoin-diverged",
    title="The old active wrote after it was cut off: its data is kept in a snapshot, and it follows the new one.",
    break_it=break_it,
    expected=Expectation(
        outcome="Rejoined",
        verdict="rejoin",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        others=frozenset({"FailedOver", "NothingToDo", "Skipped", "Warned"}),
        standby=HOME,
        is_data_discarded=True,
        snapshot_of=HOME,
    ),
)

"""Two replicated volumes: one that cannot be promoted takes nobody halfway; a failover and the way home take both."""

from testbed.garoon.installation import HOME, STANDBY, Shape
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.make_promotion_of_one_fail(STANDBY, 1)
    stage.switch_back(STANDBY)
    stage.wait_for_outcome("Restored")
    stage.check_in_service(HOME)
    stage.repair_promotion(STANDBY)
    stage.wait_for_standby(STANDBY)
    stage.wait_until_quiet()
    stage.lose_network(HOME)
    stage.write_cut_off(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.check_in_service(STANDBY)
    stage.wait_until_off(HOME)
    stage.repair_network(HOME)
    stage.switch_back()
    stage.wait_for_outcome("SwitchedOver")
    stage.check_in_service(HOME)


SCENARIO = Scenario(
    name="two-volumes",
    title="The attachments have a volume of their own, which fails alone: both go back, over and home together.",
    break_it=break_it,
    shape=Shape(
        exports=("www/cgi-bin/cbgrn/sessiondata:3771", "/mnt/DIR2/files:3772"),
        further_volumes=("/dev/xvdc1:/dev/drbd1:/mnt/DIR2",),
    ),
    expected=Expectation(
        outcome="SwitchedOver",
        verdict="switchOver",
        moves=4,  # there, which failed, and back; the failover; home
        fence=Fence.NEEDED,
        snapshot_of=HOME,
        is_data_discarded=True,
        others=frozenset({"Restored", "FailedOver", "NothingToDo", "Skipped", "Warned"}),
    ),
)

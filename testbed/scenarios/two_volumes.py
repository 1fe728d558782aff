"""The attachments have a volume of their own: both go over, come home, and stay together when one fails."""

from testbed.garoon.installation import HOME, STANDBY, Shape
from testbed.hosts.layout import SECOND_VOLUME
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)
    stage.write_cut_off(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.check_in_service(STANDBY)
    stage.wait_until_off(HOME)
    stage.repair_network(HOME)
    stage.switch_back()
    stage.wait_for_outcome("SwitchedOver")
    stage.check_in_service(HOME)
    stage.wait_until_quiet()
    stage.make_promotion_fail(STANDBY, volume=1)
    stage.switch_back(STANDBY)


SCENARIO = Scenario(
    name="two-volumes",
    title="The attachments have a volume of their own: both go over, come home, and stay together when one fails.",
    break_it=break_it,
    shape=Shape(
        exports=("www/cgi-bin/cbgrn/sessiondata:3771", "/mnt/DIR2/files:3772"),
        further_volumes=(SECOND_VOLUME,),
    ),
    expected=Expectation(
        outcome="Restored",
        verdict="switchOver",
        moves=4,  # the failover; home; there, which failed, and back
        fence=Fence.NEEDED,
        is_data_discarded=True,
        others=frozenset({"FailedOver", "SwitchedOver", "NothingToDo", "Skipped", "Warned"}),
    ),
)

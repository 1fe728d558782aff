"""The active node is lost, and the database of the other one recovers for long: it is waited for, and told of once."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios import network_loss
from testbed.scenarios.scenario import Scenario
from testbed.scenarios.stage import Stage

_RECOVERY_SECONDS = 12.0


def break_it(stage: Stage) -> None:
    stage.slow_recovery_down(STANDBY, _RECOVERY_SECONDS)
    stage.lose_network(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.check_told_once_of_recovery(STANDBY)


SCENARIO = Scenario(
    name="slow-recovery",
    title="As network-loss, and the database recovers for long: it is begun once, waited for, and told of once.",
    break_it=break_it,
    expected=network_loss.SCENARIO.expected,
    parameters={"RecoveryNoticeSeconds": "3"},
)

"""As network-loss, of an installation with another identifier: other names, another port, a third export."""

from testbed.garoon.installation import HOME, STANDBY, Shape
from testbed.scenarios import network_loss
from testbed.scenarios.scenario import Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)
    stage.wait_for_outcome("FailedOver")
    stage.check_in_service(STANDBY)


SCENARIO = Scenario(
    name="other-identifier",
    title="As network-loss, of an installation with other service names, another port and three exports.",
    break_it=break_it,
    shape=Shape(
        services=("cyde_5_0", "cyss_cbgrn_01"),
        exports=(
            "www/cgi-bin/cbgrn_01/sessiondata:3771",
            "cybozu/mysql-5.0/files:3772",
            "cybozu/mysql-5.0/archive:3773",
        ),
        database_port=3771,
    ),
    expected=network_loss.SCENARIO.expected,
)

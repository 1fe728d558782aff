"""The database service dies and a restart does not help: the role moves gracefully, without a fence."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.break_service(HOME, "cyde_5_0")


SCENARIO = Scenario(
    name="service-broken",
    title="The database service dies and a restart does not help: the role moves gracefully, without a fence.",
    break_it=break_it,
    expected=Expectation(
        outcome="Moved",
        verdict="restartServices",
        active=STANDBY,
        moves=1,
    ),
)

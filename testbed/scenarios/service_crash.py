"""The database service of the active node dies once: it is restarted in place."""

from testbed.garoon.installation import HOME
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.kill_service(HOME, "cyde_5_0")


SCENARIO = Scenario(
    name="service-crash",
    title="The database service of the active node dies once: it is restarted in place.",
    break_it=break_it,
    expected=Expectation(
        outcome="ServicesRestarted",
        verdict="restartServices",
    ),
)

"""The active node cannot reach AWS but serves on: a warning, no failover."""

from testbed.garoon.installation import HOME
from testbed.scenarios.scenario import Expectation, Scenario, Service
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_aws_path(HOME)


SCENARIO = Scenario(
    name="aws-path-lost",
    title="The active node cannot reach AWS but serves on: a warning, no failover.",
    break_it=break_it,
    expected=Expectation(
        outcome="Warned",
        verdict="warn",
        service=Service.KEPT,
        decisive=2,
    ),
)

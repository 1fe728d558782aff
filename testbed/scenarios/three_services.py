"""A third service, by LifeKeeper's scripts, whose failure only warns: it is told of, and goes with the role."""

from testbed.garoon.installation import HOME, Shape
from testbed.scenarios import other_identifier
from testbed.scenarios.scenario import Scenario
from testbed.scenarios.stage import Stage


def prepare(stage: Stage) -> None:
    stage.kill_service(HOME, "search")
    stage.wait_for_findings({"service-stopped"})


SCENARIO = Scenario(
    name="three-services",
    title="As network-loss, with a search server whose failure only warns: it is told of, and goes with the role.",
    prepare=prepare,
    break_it=other_identifier.break_it,
    shape=Shape(services=("cyde_5_0", "cyss_cbgrn", "/opt/search:on-failure=warn")),
    expected=other_identifier.SCENARIO.expected,
)

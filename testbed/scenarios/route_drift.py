"""Somebody repoints one route table: the route is repaired in place."""

from testbed.installation import STANDBY
from testbed.scenario import Expectation, Scenario
from testbed.stage import Stage


def break_it(stage: Stage) -> None:
    stage.repoint_route("app-1c", STANDBY)
    stage.start_workflow({"reason": "a route points to the wrong node"})


SCENARIO = Scenario(
    name="route-drift",
    title="Somebody repoints one route table: the route is repaired in place.",
    break_it=break_it,
    expected=Expectation(
        outcome="RoutesRepaired",
        verdict="repairRoutes",
    ),
)

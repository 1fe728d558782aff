"""Somebody repoints one route table: the regular look finds it, and the route is repaired in place."""

from testbed.garoon.installation import STANDBY
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.repoint_route("app-1c", STANDBY)


SCENARIO = Scenario(
    name="route-drift",
    title="Somebody repoints one route table: the route is repaired in place.",
    break_it=break_it,
    expected=Expectation(
        outcome="RoutesRepaired",
        verdict="repairRoutes",
    ),
)

"""Each situation ends, without a fault on top, as it is told: otherwise its cases would show nothing."""

import json
import re

import pytest

from testbed.campaign.case import End, run_case
from testbed.campaign.cases import record
from testbed.campaign.faults import SleptUntilRehearsed
from testbed.campaign.install import Controller
from testbed.campaign.points import Point
from testbed.campaign.situations import ALL


@pytest.mark.parametrize("name", ALL)
def test_situation_ends_as_told(controller: Controller, name: str) -> None:
    situation = ALL[name]
    world = record(controller, situation)
    outcomes = {
        json.loads(one["output"] or "{}").get("outcome") or one.get("error") for one in world.engine.executions()
    }
    assert situation.outcome in outcomes
    assert world.observer.broken == []


@pytest.mark.parametrize("name", ALL)
def test_operator_brings_it_to_a_good_end(controller: Controller, name: str) -> None:
    situation = ALL[name]
    report = run_case(controller, name, situation, [], "none")
    assert report.broken == ()
    assert report.end is (End.SURVIVED if situation.is_served_at_the_end else End.HALTED)


def test_same_case_runs_the_same_way_twice(controller: Controller) -> None:
    situation = ALL["service-broken"]
    first, second = (run_case(controller, "seed", situation, [], "none", is_logged=True) for _ in range(2))
    assert first.lines == second.lines
    assert len(first.lines) > 30


@pytest.mark.parametrize("where", ["FenceNode", "RecordOutcome", "RequestConfirmation", "record_abort"])
def test_function_that_slept_is_met_by_a_rehearsal_and_awake_when_it_is_needed(
    controller: Controller, where: str
) -> None:
    fault = SleptUntilRehearsed(Point(where))
    report = run_case(controller, f"slept/{where}", ALL["power-loss"], [fault], "none")
    step = re.sub(r"(?<!^)(?=[A-Z])", "_", where).lower()
    assert [list(one["troubles"]) for one in fault.rehearsals] == [[step], []]
    assert "Lambda is initializing your function" in fault.rehearsals[0]["troubles"][step][0]
    assert report.broken == ()
    assert report.outage_seconds < 60

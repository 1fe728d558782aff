"""What once broke a promise does not again."""

import pytest

from testbed.campaign import cases, faults
from testbed.campaign.case import End
from testbed.campaign.cases import Case
from testbed.campaign.install import Controller
from testbed.campaign.points import Point
from testbed.campaign.regressions import CASES, WALKS
from testbed.campaign.walk import run_walk


@pytest.mark.parametrize("name", CASES)
def test_case_keeps_its_promises_now(controller: Controller, name: str) -> None:
    report = cases.run(controller, CASES[name])
    assert report.has_fired, "the fault found no occasion: the case shows nothing any more"
    assert report.broken == ()


_DETECTED_AND_DONE_SECONDS = 60.0


@pytest.mark.parametrize("kind", [faults.Slept, faults.SleptDeeply])
@pytest.mark.parametrize("state", ["AcquireLock", "AssessCluster", "FenceNode", "PromoteReplica", "SwapRoute"])
def test_function_that_slept_delays_the_failover_by_its_sleep_and_no_more(
    controller: Controller, kind: type[faults.Slept], state: str
) -> None:
    """An error that no Retry named, and the minimum interval that the failed attempt used up, made it 20 minutes."""
    case = Case("network-loss", "sleeping function", kind.__name__, Point(state))
    report = cases.run(controller, case)
    assert (report.end, report.has_fired) == (End.SURVIVED, True)
    assert report.outage_seconds <= kind.seconds + _DETECTED_AND_DONE_SECONDS


@pytest.mark.parametrize(
    ("situation", "state", "seconds"),
    [
        ("network-loss", "PromoteReplica", 120),
        ("power-loss", "PromoteReplica", 120),
        ("switchback", "SwapRoute", 120),
        ("switchback-of-a-fenced-node", "DemoteNode", 120),
    ],
)
def test_reads_that_stay_a_minute_old_undo_no_move_that_works(
    controller: Controller, situation: str, state: str, seconds: float
) -> None:
    """A fence and a route that EC2 showed late ended in a way back that nobody needed: 240 to 943 s."""
    report = cases.run(controller, Case(situation, "lasting lag", "LagsByAMinute", Point(state)))
    assert (report.end, report.has_fired, report.broken) == (End.SURVIVED, True, ())
    assert report.outage_seconds <= seconds


def test_route_is_repaired_though_the_active_node_has_no_path_to_aws(controller: Controller) -> None:
    """The standby sees it serve: the clients of one zone were left outside until the path was mended."""
    name = "route-drifts-while-the-active-node-has-no-path-to-aws"
    assert run_walk(controller, WALKS[name], name).outcome is End.SURVIVED


@pytest.mark.parametrize("name", WALKS)
def test_walk_keeps_its_promises_now(controller: Controller, name: str) -> None:
    assert run_walk(controller, WALKS[name], name).broken == []

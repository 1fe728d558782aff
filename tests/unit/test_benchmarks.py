"""What the detection benchmark simulates: a metric as CloudWatch holds it; an agent that is too slow is found."""

import random
from typing import Any

import pytest

from benchmarks import cloudwatch, end_to_end, quiet_month
from benchmarks.cloudwatch import Metric, read_node
from benchmarks.detection import FAILURES, Failure, detect, read_alarms
from benchmarks.layer import ROOT


def test_point_counts_in_its_period_once_it_can_be_seen() -> None:
    metric = Metric()
    for taken, seen, value in ((1.0, 2.0, 1.0), (9.9, 30.0, 0.0), (10.0, 11.0, 1.0)):
        metric.add(taken, seen, value)
    assert metric.minimum(0.0, 10.0, now=20.0) == 1.0
    assert metric.minimum(0.0, 10.0, now=30.0) == 0.0
    assert metric.minimum(10.0, 20.0, now=10.5) is None
    assert [metric.newest(now) for now in (1.5, 10.5, 20.0)] == [None, 1.0, 10.0]


def test_points_come_in_order() -> None:
    metric = Metric()
    metric.add(2.0, 3.0, 1.0)
    with pytest.raises(ValueError, match="before"):
        metric.add(1.0, 3.0, 1.0)


def test_failure_comes_anywhere_in_a_period_of_its_alarm() -> None:
    """One that always came at the beginning of a period made the alarm look ten seconds faster than it is."""
    failure = next(one for one in FAILURES if one.is_node_lost and not one.does_standby_arrive)
    assert 33 < max(_starts(failure)) < 41


def test_dead_node_is_noticed_within_30_seconds_though_the_sign_is_lost() -> None:
    """What the standby says in a metric comes to an alarm a period earlier than what the dead node does not say."""
    failure = next(one for one in FAILURES if one.is_node_lost and not one.do_signs_arrive and one.does_standby_arrive)
    assert 20 < max(_starts(failure)) < 30


def _starts(failure: Failure) -> list[float]:
    node, alarms, dice = read_node(), read_alarms(), random.Random(1)
    return [detect(failure, node, alarms, cloudwatch.Delays(), dice).started for _ in range(300)]


def test_beat_that_travels_slowly_is_false_evidence_on_a_healthy_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet_month, "DAY_SECONDS", 3600.0)
    assert quiet_month._simulate_healthy_day("fast").lost_beats == 0
    slow = cloudwatch.Delays(metric_extraction=(0.5, 45.0))
    monkeypatch.setattr(quiet_month, "_DELAYS", slow)
    assert quiet_month._simulate_healthy_day("slow").lost_beats > 0


# --- whole drills, and beside them an older commit's --------------------------------------------------------------


def told(**different: Any) -> dict[str, Any]:
    return {
        "outcome": "FailedOver", "promises": {"1": True}, "dataIntact": True, "outageSeconds": 20.0,
        "controllerSeconds": 30.0, "phases": {}, **different,
    }  # fmt: skip


@pytest.mark.parametrize(
    "different",
    [{"outcome": "Halted"}, {"promises": {"1": True, "6": False}}, {"dataIntact": False}, {"outageSeconds": None}],
)
def test_a_drill_that_went_otherwise_gives_no_figure(different: dict[str, Any]) -> None:
    assert end_to_end.read_run(told(**different), "network-loss") is None


def result(outage: float, **phases: float) -> end_to_end.Run:
    run = end_to_end.read_run(told(outageSeconds=outage, phases=phases), "network-loss")
    assert run is not None
    return run


def test_parts_of_an_outage_follow_each_other_and_add_up_to_it() -> None:
    runs = [result(16.0, detect=3.0, assess=5.0, route=0.2, targets=20.0, firstGoodRequest=16.0) for _ in range(3)]
    assert end_to_end.parts(runs) == {"detect": 3.0, "assess": 5.0, "route": 0.2, "between": pytest.approx(7.8)}


def test_a_phase_that_goes_on_after_users_are_served_is_cut_there() -> None:
    """The other services are started when the database serves."""
    assert end_to_end.parts([result(10.0, detect=3.0, promote=5.0, startServices=6.0)]) == {
        "detect": 3.0, "promote": 5.0, "startServices": 2.0,
    }  # fmt: skip


def test_ratio_is_of_the_medians_and_none_without_a_baseline() -> None:
    own = [result(seconds) for seconds in (9.0, 10.0, 30.0)]
    assert end_to_end.Pair(own).ratio is None
    assert end_to_end.Pair(own, [result(20.0), result(22.0), result(5.0)]).ratio == pytest.approx(0.5)


def test_a_commit_is_checked_out_into_a_folder_of_its_own_that_is_gone_afterwards() -> None:
    with end_to_end.checked_out("HEAD") as folder:
        assert folder is not None
        assert (folder / "testbed/__main__.py").exists()
        assert folder.resolve() != ROOT
    assert not folder.exists()
    with pytest.raises(LookupError, match="no-such-commit"), end_to_end.checked_out("no-such-commit"):
        pass

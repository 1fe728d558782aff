"""What a recovery's time went into is told phase by phase."""

from __future__ import annotations

from dataclasses import replace

from testbed.judges.history import Execution, HostState, Sample, Step
from testbed.judges.phases import measure_phases

OFF = HostState(is_on=False, is_primary=False, is_mounted=False, has_services=False, data="current")
STANDBY = HostState(is_on=True, is_primary=False, is_mounted=False, has_services=False, data="current")
PRIMARY = HostState(is_on=True, is_primary=True, is_mounted=False, has_services=False, data="current")
MOUNTED = replace(PRIMARY, is_mounted=True)
RECOVERED = replace(MOUNTED, has_services=True, has_database=True)


def execution(*steps: Step) -> Execution:
    return Execution("arn:x", 140.0, 200.0, "SUCCEEDED", {}, {}, steps)


def samples() -> list[Sample]:
    seen = {100.0: STANDBY, 161.0: STANDBY, 163.0: PRIMARY, 164.5: MOUNTED, 170.0: RECOVERED}
    return [Sample(time, {"db-01": OFF, "db-02": host}) for time, host in seen.items()]


def test_a_failover_is_told_from_the_failure_to_the_first_good_request() -> None:
    decisive = execution(
        Step("AssessCluster", 140.0, 145.0, "NotYet"),
        Step("AssessCluster", 150.0, 152.0),
        Step("FenceNode", 152.0, 160.0),
        Step("PromoteReplica", 161.0, 166.0),
        Step("StartServices", 166.0, 176.0),
    )

    phases = measure_phases(decisive, samples(), broken_at=100.0, served_again_at=180.0)

    assert phases == {
        "detect": 40.0,
        "assess": 12.0,
        "fence": 8.0,
        "promote": 2.0,
        "mount": 1.5,
        "databaseRecovery": 5.5,
        "startServices": 10.0,
        "firstGoodRequest": 80.0,
    }


def test_a_database_that_answers_before_its_step_began_is_timed_as_well() -> None:
    decisive = execution(Step("PromoteReplica", 161.0, 171.0), Step("StartServices", 172.0, 176.0))

    assert measure_phases(decisive, samples(), broken_at=100.0, served_again_at=None)["databaseRecovery"] == 5.5


def test_what_did_not_take_place_is_not_told() -> None:
    assert measure_phases(None, samples(), broken_at=100.0, served_again_at=None) == {}

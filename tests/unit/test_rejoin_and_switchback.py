"""The whole life of the cluster: a node comes back, what it alone held is kept, and the role moves back by order."""

from datetime import UTC, datetime
from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.adapters import snapshots
from failover.adapters.snapshots import DataVolume, SnapshotState
from failover.conclusion import Progress, conclude
from failover.errors import DataNotKept, Failed, InvalidInput, LockLost, NotYet, Refused
from failover.failure import Failure
from failover.models import (
    Answer,
    AutomaticLimit,
    Decision,
    Evidence,
    Fence,
    InstanceState,
    Lock,
    NodeEvidence,
    OutcomeKind,
    PeerView,
    Replica,
    Routes,
    StatusChecks,
    Trigger,
    Verdict,
)
from failover.planned_decision import decide_rejoin, decide_switchback
from failover.settings import Node, Settings
from failover.steps.keep_data import KeepDataInput, keep_data
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.record_outcome import RecordOutcomeInput, record_outcome
from failover.steps.rejoin_node import RejoinNodeInput, rejoin_node
from failover.triggers import read_trigger

from tests.unit.conftest import EXECUTION, OTHER_EXECUTION
from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_nodes import FakeSsm

OPERATOR = Trigger(kind="operator", reason="planned")
STARTED = Trigger(kind="instance", reason="db-01 runs", node="db-01")


def node(name: str, **changes: Any) -> NodeEvidence:
    healthy = {
        "instance": InstanceState.ON,
        "checks": StatusChecks.PASSED,
        "answer": Answer.DEMOTED,
        "replica": Replica.UP_TO_DATE,
        "is_up_to_date_standby": True,
    }
    return NodeEvidence(name=name, **(healthy | changes))


def serving(name: str, **changes: Any) -> NodeEvidence:
    return node(name, **({"answer": Answer.SERVING, "is_up_to_date_standby": False} | changes))


def evidence(**changes: Any) -> Evidence:
    """db-02 is active, db-01 its up-to-date standby."""
    healthy = {
        "active": serving("db-02"),
        "standby": node("db-01"),
        "is_heartbeat_lost": False,
        "was_replicating": True,
        "standby_view": PeerView.SERVES,
        "routes": Routes.RIGHT,
        "is_move_unfinished": False,
        "limit": AutomaticLimit.NONE,
    }
    return Evidence(**(healthy | changes))


FENCED = node(
    "db-01",
    instance=InstanceState.OFF,
    answer=Answer.NONE,
    replica=Replica.UNKNOWN,
    is_up_to_date_standby=False,
    must_be_kept=True,
)
LAGGING = node("db-01", replica=Replica.STALE, is_up_to_date_standby=False, detail="resyncing, data stale")


# --- the decisions -----------------------------------------------------------------------------------------------


def test_an_up_to_date_standby_takes_the_role_at_once() -> None:
    decision = decide_switchback(evidence(), "db-01")
    assert (decision.verdict, decision.is_rejoin_first) == (Verdict.SWITCH_OVER, False)


def test_a_role_that_is_there_already_is_left_alone() -> None:
    decision = decide_switchback(evidence(), "db-02")
    assert decision.verdict is Verdict.NOTHING_TO_DO
    assert "already" in decision.reason


def test_a_target_that_is_active_and_does_not_serve_is_no_success() -> None:
    decision = decide_switchback(evidence(active=serving("db-02", answer=Answer.NOT_SERVING)), "db-02")
    assert decision.verdict is Verdict.WARN
    assert "failover workflow" in decision.next_step


@pytest.mark.parametrize(("standby", "is_kept"), [(FENCED, True), (LAGGING, False)])
def test_a_target_that_is_no_up_to_date_standby_rejoins_first(standby: NodeEvidence, is_kept: bool) -> None:
    decision = decide_switchback(evidence(standby=standby), "db-01")
    assert (decision.verdict, decision.is_rejoin_first) == (Verdict.SWITCH_OVER, True)
    assert decision.is_data_kept_first is is_kept


HALTS: dict[str, Evidence] = {
    "the active node does not answer": evidence(active=serving("db-02", answer=Answer.NONE)),
    "the active node is demoted": evidence(active=serving("db-02", answer=Answer.DEMOTED)),
    "both are primary": evidence(standby=node("db-01", answer=Answer.SERVING)),
    "a move is unfinished": evidence(active=node("db-02", answer=Answer.NOT_SERVING), is_move_unfinished=True),
    "the standby's disk is broken": evidence(
        standby=node("db-01", replica=Replica.UNUSABLE, is_up_to_date_standby=False)
    ),
}


@pytest.mark.parametrize("seen", HALTS.values(), ids=HALTS.keys())
def test_in_doubt_nothing_planned_is_done(seen: Evidence) -> None:
    for decision in (decide_switchback(seen, "db-01"), decide_rejoin(seen, OPERATOR)):
        if decision.verdict is not Verdict.NOTHING_TO_DO:  # a standby that is fine has nothing to rejoin
            assert decision.verdict is Verdict.HALT
            assert decision.next_step


@pytest.mark.parametrize(
    "seen",
    [
        evidence(active=serving("db-02", answer=Answer.UNKNOWN), standby=LAGGING),
        evidence(standby=node("db-01", answer=Answer.UNKNOWN, is_up_to_date_standby=False)),
        evidence(standby=node("db-01", instance=InstanceState.GOING_OFF, is_up_to_date_standby=False)),
        # It may be isolated and write to itself: what is kept of it now could lack that.
        evidence(standby=FENCED.model_copy(update={"instance": InstanceState.ON, "is_isolated": None})),
    ],
)
def test_what_could_not_be_asked_is_asked_again(seen: Evidence) -> None:
    assert decide_switchback(seen, "db-01").verdict is Verdict.NOT_YET
    assert decide_rejoin(seen, OPERATOR).verdict is Verdict.NOT_YET


def test_a_fenced_node_that_runs_again_rejoins_with_its_data_kept() -> None:
    decision = decide_rejoin(evidence(standby=FENCED.model_copy(update={"instance": InstanceState.ON})), STARTED)
    assert (decision.verdict, decision.is_data_kept_first) == (Verdict.REJOIN, True)


def test_an_isolated_node_that_may_still_write_is_stopped_before_its_data_is_kept() -> None:
    isolated = FENCED.model_copy(update={"instance": InstanceState.ON, "is_isolated": True})
    for decision in (
        decide_rejoin(evidence(standby=isolated), OPERATOR),
        decide_switchback(evidence(standby=isolated), "db-01"),
    ):
        assert decision.verdict in (Verdict.REJOIN, Verdict.SWITCH_OVER)
        assert not decision.is_data_kept_first
    stopped = isolated.model_copy(update={"instance": InstanceState.OFF})
    assert decide_rejoin(evidence(standby=stopped), OPERATOR).is_data_kept_first


def test_the_active_node_never_rejoins() -> None:
    event = Trigger(kind="instance", reason="db-02 runs", node="db-02")
    assert decide_rejoin(evidence(standby=FENCED), event).verdict is Verdict.NOTHING_TO_DO


def test_a_standby_that_is_fine_has_nothing_to_rejoin() -> None:
    assert decide_rejoin(evidence(), STARTED).verdict is Verdict.NOTHING_TO_DO


def test_in_maintenance_only_an_operator_lets_a_node_rejoin() -> None:
    assert decide_rejoin(evidence(standby=LAGGING, limit=AutomaticLimit.MAINTENANCE), STARTED).verdict is Verdict.HALT
    assert decide_rejoin(evidence(standby=LAGGING), OPERATOR).verdict is Verdict.REJOIN


# --- inputs ------------------------------------------------------------------------------------------------------


def test_a_switchback_goes_home_or_where_the_input_says(settings: Settings) -> None:
    assert read_trigger("switchback", {}, settings).node == "db-01"
    assert read_trigger("switchback", {"target": "db-02"}, settings).node == "db-02"


@pytest.mark.parametrize("given", [{"target": "db-03"}, {"target": 1}, {"targets": "db-02"}, {"acceptDataLoss": True}])
def test_an_unusable_switchback_is_refused_with_what_is_allowed(settings: Settings, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="Allowed are"):
        read_trigger("switchback", given, settings)


def test_a_rejoin_takes_no_target(settings: Settings) -> None:
    assert read_trigger("rejoin", {}, settings).kind == "operator"
    with pytest.raises(InvalidInput, match="Allowed are"):
        read_trigger("rejoin", {"target": "db-01"}, settings)


# --- keeping what a node holds -----------------------------------------------------------------------------------


@pytest.fixture
def lock(cluster_table: Any, settings: Settings) -> None:
    """This execution owns the lock; db-02 is active and db-01 was fenced."""
    table.acquire_lock(settings, EXECUTION, datetime.now(UTC))
    epoch = table.begin_move(settings, EXECUTION, "db-02")
    table.record_fence(settings, EXECUTION, "db-01", is_off_proven=True)
    table.complete_move(settings, EXECUTION, "db-02", epoch)


class FakeSnapshots:
    def __init__(self) -> None:
        self.taken: list[str] = []
        self.state = SnapshotState.PENDING
        self.states: dict[str, SnapshotState] = {}
        self.attached_to: str | None = "i-0a"
        self.device = "/dev/xvdb"

    def read_data_volumes(self, node: Node) -> tuple[DataVolume, ...]:
        return tuple(
            DataVolume(volume_id=volume_id, exists=True, instance_id=self.attached_to, device=self.device)
            for volume_id in node.data_volume_ids
        )

    def take_snapshots(self, node: Node, _settings: Settings, _execution: str, _reason: str) -> tuple[str, ...]:
        self.taken.append(node.name)
        return tuple(f"snap-{number}" for number, _ in enumerate(node.data_volume_ids, 1))

    def read_snapshot(self, snapshot_id: str) -> tuple[SnapshotState, str]:
        return self.states.get(snapshot_id, self.state), "42%"


@pytest.fixture
def ebs(monkeypatch: pytest.MonkeyPatch) -> FakeSnapshots:
    fake = FakeSnapshots()
    monkeypatch.setattr(snapshots, "read_data_volumes", fake.read_data_volumes)
    monkeypatch.setattr(snapshots, "take_snapshots", fake.take_snapshots)
    monkeypatch.setattr(snapshots, "read_snapshot", fake.read_snapshot)
    return fake


@pytest.mark.usefixtures("lock")
def test_data_is_kept_once_and_only_when_the_snapshot_is_complete(settings: Settings, ebs: FakeSnapshots) -> None:
    request = KeepDataInput(execution=EXECUTION, node="db-01")
    for _ in range(2):
        with pytest.raises(NotYet, match="42%"):
            keep_data(request, settings)
    ebs.state = SnapshotState.COMPLETED
    assert keep_data(request, settings).snapshot_id == "snap-1"
    assert ebs.taken == ["db-01"]


@pytest.mark.usefixtures("lock")
def test_data_of_several_volumes_is_kept_when_each_snapshot_is_complete(settings: Settings, ebs: FakeSnapshots) -> None:
    node = settings.node_a.model_copy(update={"data_volume_id": "vol-0a,vol-1a"})
    settings = settings.model_copy(update={"node_a": node, "further_volumes": "/dev/b:/dev/mirror1:/mnt/DIR2"})
    request = KeepDataInput(execution=EXECUTION, node="db-01")
    ebs.states["snap-1"] = SnapshotState.COMPLETED
    with pytest.raises(NotYet, match="snap-2"):
        keep_data(request, settings)
    ebs.state = SnapshotState.COMPLETED
    assert keep_data(request, settings).snapshot_id == "snap-1,snap-2"
    assert ebs.taken == ["db-01"]


@pytest.mark.usefixtures("lock")
def test_a_volume_that_no_snapshot_would_hold_keeps_all_from_being_overwritten(
    settings: Settings, ebs: FakeSnapshots
) -> None:
    settings = settings.model_copy(update={"further_volumes": "/dev/b:/dev/mirror1:/mnt/DIR2"})
    with pytest.raises(Refused, match="db-01 has 2 replicated volumes by FurtherVolumes"):
        keep_data(KeepDataInput(execution=EXECUTION, node="db-01"), settings)
    assert ebs.taken == []


def test_a_fence_covers_a_machine_as_long_as_one_of_its_volumes_is_the_same() -> None:
    fence = Fence(node="db-01", execution=EXECUTION, instance_id="i-0a", volume_id="vol-0a,vol-1a")
    assert fence.covers("i-0c", "vol-0c,vol-1a")
    assert not fence.covers("i-0c", "vol-0c,vol-1c")


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(
    ("attached_to", "device", "words"),
    [
        ("i-0b", "/dev/xvdb", "vol-0a is configured as the data volume of db-01 .i-0a., but it is attached to i-0b"),
        (None, "/dev/xvdb", "attached to no instance"),
        ("i-0a", "/dev/sda1", "root volume"),
    ],
)
def test_no_snapshot_is_taken_of_a_volume_that_is_not_the_node_s(
    attached_to: str | None, device: str, words: str, settings: Settings, ebs: FakeSnapshots
) -> None:
    ebs.attached_to, ebs.device = attached_to, device
    with pytest.raises(Refused, match=words):
        keep_data(KeepDataInput(execution=EXECUTION, node="db-01"), settings)
    assert ebs.taken == []
    assert table.read_record(settings).kept_data is None


@pytest.mark.usefixtures("lock")
def test_data_whose_snapshot_failed_is_not_kept(settings: Settings, ebs: FakeSnapshots) -> None:
    ebs.state = SnapshotState.ERROR
    with pytest.raises(Failed, match="nothing of it is overwritten"):
        keep_data(KeepDataInput(execution=EXECUTION, node="db-01"), settings)


@pytest.mark.usefixtures("lock")
def test_without_the_lock_no_snapshot_is_taken(settings: Settings, ebs: FakeSnapshots) -> None:
    with pytest.raises(LockLost):
        keep_data(KeepDataInput(execution=OTHER_EXECUTION, node="db-01"), settings)
    assert ebs.taken == []


# --- rejoining ---------------------------------------------------------------------------------------------------


@pytest.fixture
def returned(ssm: FakeSsm) -> FakeSsm:
    """db-02 serves; db-01, which was active before, booted out of touch."""
    ssm.nodes["i-0a"].become(role="secondary", is_serving=False, was_active=True, link="apart")
    ssm.nodes["i-0b"].become(role="primary", is_serving=True, link="apart")
    return ssm


def rejoin(settings: Settings, snapshot_id: str | None = None, owner: str = EXECUTION) -> Any:
    return rejoin_node(RejoinNodeInput(execution=owner, node="db-01", snapshot_id=snapshot_id), settings)


@pytest.mark.usefixtures("lock")
def test_a_node_whose_data_nobody_kept_is_not_overwritten(settings: Settings, returned: FakeSsm) -> None:
    with pytest.raises(DataNotKept):
        rejoin(settings)
    assert returned.nodes["i-0a"].heard == ["status"]


@pytest.mark.usefixtures("lock")
def test_a_kept_node_follows_and_its_fence_is_history(settings: Settings, returned: FakeSsm) -> None:
    assert rejoin(settings, "snap-1").snapshot_id == "snap-1"
    assert returned.nodes["i-0b"].heard == ["reconnect"]
    assert returned.nodes["i-0a"].heard == ["status", "rejoin"]
    assert table.read_record(settings).fence is None


@pytest.mark.usefixtures("lock")
def test_a_node_that_catches_up_is_waited_for_and_not_told_again(settings: Settings, returned: FakeSsm) -> None:
    returned.nodes["i-0a"].replica_data = "stale"
    for _ in range(2):
        with pytest.raises(NotYet, match="catching up"):
            rejoin(settings, "snap-1")
    assert returned.nodes["i-0a"].heard == ["status", "rejoin", "status"]
    assert table.read_record(settings).fence is not None


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(
    ("trouble", "words"),
    [({"is_serving": False}, "db-02 does not serve while db-01"), ({"is_silent": True}, "db-02 did not answer")],
)
def test_a_rejoin_gives_way_to_trouble_of_the_active_node(
    trouble: dict[str, Any], words: str, settings: Settings, returned: FakeSsm
) -> None:
    returned.nodes["i-0a"].replica_data = "stale"
    with pytest.raises(NotYet, match="catching up"):
        rejoin(settings, "snap-1")
    returned.nodes["i-0b"].become(**trouble)
    with pytest.raises(Failed, match=words):
        rejoin(settings, "snap-1")


@pytest.mark.usefixtures("lock")
def test_a_rejoin_that_waits_for_a_silent_node_gives_way_as_well(settings: Settings, returned: FakeSsm) -> None:
    """Else nobody could put the active node right until the workflow's time is over."""
    returned.nodes["i-0a"].is_silent = True
    with pytest.raises(NotYet, match="db-01 did not answer"):
        rejoin(settings, "snap-1")
    returned.nodes["i-0b"].is_serving = False
    with pytest.raises(Failed, match="gave way to the failover workflow"):
        rejoin(settings, "snap-1")


@pytest.mark.usefixtures("lock")
def test_a_node_without_an_active_peer_to_follow_does_not_follow(settings: Settings, returned: FakeSsm) -> None:
    returned.nodes["i-0b"].role = "secondary"
    with pytest.raises(Refused, match="its data is not the one to follow"):
        rejoin(settings, "snap-1")
    assert "rejoin" not in returned.nodes["i-0a"].heard


@pytest.mark.usefixtures("lock")
def test_the_active_node_follows_nobody(settings: Settings, returned: FakeSsm) -> None:
    with pytest.raises(Refused, match="active"):
        rejoin_node(RejoinNodeInput(execution=EXECUTION, node="db-02", snapshot_id="snap-1"), settings)


@pytest.mark.usefixtures("lock")
def test_an_execution_without_the_lock_lets_nobody_rejoin(settings: Settings, returned: FakeSsm) -> None:
    with pytest.raises(LockLost):
        rejoin(settings, "snap-1", owner=OTHER_EXECUTION)
    assert returned.nodes["i-0a"].heard == []


def test_a_node_demoted_out_of_touch_keeps_its_peer_from_being_promoted(
    settings: Settings, cluster_table: Any, ssm: FakeSsm, machines: FakeMachines
) -> None:
    """The link broke between the look and the demotion: what was written in between is on the old active only."""
    table.acquire_lock(settings, EXECUTION, datetime.now(UTC))
    ssm.nodes["i-0a"].is_unreplicated, ssm.nodes["i-0a"].link = True, "waiting"
    with pytest.raises(Refused, match="last writes would be lost"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert "promote" not in ssm.nodes["i-0b"].heard


# --- how it ends -------------------------------------------------------------------------------------------------

MOVE = Decision(verdict=Verdict.SWITCH_OVER, reason="db-01 is to be active in place of db-02.")
FAILURE = Failure(step="PromoteReplica", error="Failed", cause='{"errorMessage": "db-01 can\'t be made primary."}')


def test_a_move_that_was_undone_says_what_failed_and_where_the_role_is() -> None:
    conclusion = conclude(MOVE, None, Progress(move_failure=FAILURE))
    assert conclusion.kind is OutcomeKind.RESTORED
    assert "PromoteReplica did not succeed: db-01 can't be made primary." in conclusion.reason
    assert "put back" in conclusion.reason


def test_a_planned_move_records_its_outage_and_the_snapshot(
    settings: Settings, lock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failover.adapters import notifications

    told: list[str] = []
    monkeypatch.setattr(notifications, "publish", lambda _settings, subject, text, attributes: told.append(text))
    stopped, moved = datetime(2026, 11, 24, 3, 0, 0, tzinfo=UTC), datetime(2026, 11, 24, 3, 0, 7, 250000, tzinfo=UTC)
    outcome = record_outcome(
        RecordOutcomeInput(
            execution=EXECUTION,
            started_at=stopped,
            lock=Lock(trigger=OPERATOR, record=table.read_record(settings), standby="db-01"),
            decision=MOVE,
            progress=Progress(is_moved=True),
            service_stopped_at=stopped,
            routes_moved_at=moved,
            snapshot_id="snap-1",
        ),
        settings,
    )
    assert (outcome.outcome, outcome.outage_seconds) == (OutcomeKind.SWITCHED_OVER, 7.2)
    assert "Outage:    7.2 s" in told[0]
    assert "snap-1" in told[0]
    recorded = table.read_record(settings).last_outcome
    assert recorded is not None
    assert float(recorded["outageSeconds"]) == 7.2

"""A machine that is gone for good: what was proven of it stays proven of it alone, and an unknown id proves nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.adapters import routes
from failover.adapters.instances import LastStart
from failover.decision import decide
from failover.errors import Failed, InvalidInput, NotYet
from failover.models import Fence, InstanceState, Trigger, Verdict
from failover.planned_decision import decide_rejoin
from failover.settings import Settings
from failover.steps import fence_node as fence_module
from failover.steps.acquire_lock import AcquireLockInput, acquire_lock
from failover.steps.assess_cluster import gather_evidence
from failover.steps.fence_node import FenceNodeInput, fence_node
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.rejoin_node import RejoinNodeInput, rejoin_node
from failover.steps.start_node import StartNodeInput, start_node
from failover.steps.watch_cluster import WatchEvent, watch_cluster

from tests.unit.conftest import EXECUTION, put_alarm
from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_nodes import FakeSsm

OPERATOR = Trigger(kind="operator", reason="by hand")
pytestmark = pytest.mark.usefixtures("lock", "network_acls")


@pytest.fixture
def survivor(machines: FakeMachines, ssm: FakeSsm) -> FakeSsm:
    """db-01 is active, has just rebooted and is demoted; of db-02 EC2 and Systems Manager know nothing any more."""
    machines.states["db-02"] = InstanceState.FORGOTTEN
    del ssm.nodes["i-0b"]
    ssm.nodes["i-0a"] = replace(ssm.nodes["i-0a"], role="Secondary", is_serving=False, was_active=True)
    return ssm


def resume(settings: Settings) -> Any:
    return promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-01"), settings)


def verdict(settings: Settings) -> Any:
    return decide(gather_evidence(OPERATOR, table.read_record(settings), settings, datetime.now(UTC)))


def test_unknown_id_proves_nothing_and_the_operator_is_told_what_would(settings: Settings, survivor: FakeSsm) -> None:
    decision = verdict(settings)
    assert decision.verdict is Verdict.NOT_YET
    assert '{"peerIsGone": "i-0b"}' in decision.reason
    with pytest.raises(NotYet):
        resume(settings)
    assert survivor.nodes["i-0a"].role == "Secondary"


def test_what_was_seen_terminated_lets_the_survivor_serve_for_ever_after(settings: Settings, survivor: FakeSsm) -> None:
    table.record_gone(settings, "i-0b")
    assert verdict(settings).verdict is Verdict.RESUME_ACTIVE
    assert resume(settings).proof == "the instance of db-02 is stopped"
    assert survivor.nodes["i-0a"].role == "Primary"


def test_what_was_proven_off_by_its_fence_lets_the_survivor_serve(settings: Settings, survivor: FakeSsm) -> None:
    table.record_fence(settings, EXECUTION, "db-02", is_off_proven=True)
    assert verdict(settings).verdict is Verdict.RESUME_ACTIVE
    assert resume(settings).epoch == 1


def test_proof_of_the_old_instance_is_none_of_the_new_one(settings: Settings, survivor: FakeSsm) -> None:
    table.record_fence(settings, EXECUTION, "db-02", is_off_proven=True)
    table.record_gone(settings, "i-0b")
    replaced = settings.model_copy(update={"node_b": settings.node_b.model_copy(update={"instance_id": "i-0c"})})
    assert verdict(replaced).verdict is Verdict.NOT_YET
    with pytest.raises(NotYet):
        resume(replaced)


def test_proof_does_not_count_against_a_node_that_answers_or_is_seen(
    settings: Settings, survivor: FakeSsm, ssm: FakeSsm
) -> None:
    table.record_fence(settings, EXECUTION, "db-02", is_off_proven=True)
    survivor.nodes["i-0a"].sees_peer = True
    with pytest.raises(NotYet):
        resume(settings)
    survivor.nodes["i-0a"].sees_peer = False
    survivor.nodes["i-0b"] = replace(survivor.nodes["i-0a"], name="db-02", role="Primary", obeys=False)
    with pytest.raises(Failed, match="demote"):
        resume(settings)
    assert survivor.nodes["i-0a"].role == "Secondary"


def acquire(settings: Settings, given: dict[str, Any]) -> Any:
    return acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input=given), settings)


def test_operator_s_word_counts_for_the_exact_id_that_ec2_has_forgotten(settings: Settings, survivor: FakeSsm) -> None:
    with pytest.raises(InvalidInput, match=r"i-0c.*is not one of this cluster's: i-0a .db-01., i-0b .db-02."):
        acquire(settings, {"peerIsGone": "i-0c"})
    with pytest.raises(InvalidInput, match="i-0a is on, so it is not gone"):
        acquire(settings, {"peerIsGone": "i-0a"})
    assert table.read_record(settings).gone_instances == frozenset()
    held = acquire(settings, {"peerIsGone": "i-0b"})
    assert held.record.gone_instances == {"i-0b"}
    assert resume(settings).node == "db-01"


def test_fence_of_a_machine_that_ec2_has_forgotten_ends_with_what_the_operator_may_say(
    settings: Settings, machines: FakeMachines, ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch, network_acls: Any
) -> None:
    clock = SimpleNamespace(seconds=0.0)
    passing = SimpleNamespace(
        monotonic=lambda: clock.seconds, sleep=lambda seconds: setattr(clock, "seconds", clock.seconds + seconds)
    )
    monkeypatch.setattr(fence_module, "time", passing)
    machines.states["db-01"] = machines.stop_leads_to = InstanceState.FORGOTTEN
    network_acls.shows_no_interfaces = True
    request = FenceNodeInput(execution=EXECUTION, node="db-01", started_at=datetime.now(UTC))
    with pytest.raises(Failed, match="peerIsGone"):
        fence_node(request, settings)
    assert clock.seconds <= 30
    table.record_gone(settings, "i-0a")
    del ssm.nodes["i-0a"]
    assert fence_node(request, settings).is_off


def test_terminated_instance_is_put_on_record_while_ec2_still_shows_it(
    settings: Settings, machines: FakeMachines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "read_entries", lambda _settings: [])
    put_alarm("garoon-db-01-heartbeat-lost", "OK")
    machines.states["db-02"] = InstanceState.GONE
    watch_cluster(WatchEvent(), settings)
    assert table.read_record(settings).gone_instances == {"i-0b"}


def test_machine_that_is_gone_is_neither_started_nor_waited_for(settings: Settings, machines: FakeMachines) -> None:
    machines.states["db-02"] = InstanceState.GONE
    with pytest.raises(Failed, match=r"i-0b of db-02 is terminated.*another one takes its place"):
        start_node(StartNodeInput(execution=EXECUTION, node="db-02"), settings)
    assert machines.calls == []


def test_rejoin_of_a_machine_that_is_gone_halts(settings: Settings, survivor: FakeSsm) -> None:
    survivor.nodes["i-0a"] = replace(survivor.nodes["i-0a"], role="Primary", is_serving=True)
    evidence = gather_evidence(OPERATOR, table.read_record(settings), settings, datetime.now(UTC))
    decision = decide_rejoin(evidence, OPERATOR)
    assert decision.verdict is Verdict.HALT
    assert "lost for good" in decision.next_step


# --- a successor -------------------------------------------------------------------------------------------------


def test_successor_was_never_fenced_and_rejoins_without_a_snapshot_of_what_it_never_held(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    table.record_fence(settings, EXECUTION, "db-02", is_off_proven=True)
    changes = {"instance_id": "i-0c", "data_volume_id": "vol-0c"}
    replaced = settings.model_copy(update={"node_b": settings.node_b.model_copy(update=changes)})
    ssm.nodes["i-0c"] = ssm.nodes.pop("i-0b")
    evidence = gather_evidence(OPERATOR, table.read_record(settings), replaced, datetime.now(UTC))
    assert not evidence.standby.must_be_kept
    rejoin_node(RejoinNodeInput(execution=EXECUTION, node="db-02"), replaced)
    assert table.read_record(settings).fence is None


def test_new_machine_with_the_old_volume_is_kept_as_the_fenced_one(settings: Settings, ssm: FakeSsm) -> None:
    fence = Fence(node="db-02", execution=EXECUTION, instance_id="i-0b", volume_id="vol-0b", is_off_proven=True)
    assert fence.covers("i-0c", "vol-0b")
    assert not fence.covers("i-0c", "vol-0c")
    assert not fence.proves_off("i-0c")


# --- an instance that does not stay on ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error", "starts"),
    [("Server.InternalError", Failed, 1), ("Server.InsufficientInstanceCapacity", NotYet, 1)],
)
def test_instance_that_goes_off_again_tells_why_and_is_not_started_sixty_times(
    code: str, error: type[Exception], starts: int, settings: Settings, machines: FakeMachines
) -> None:
    machines.states["db-02"] = machines.start_leads_to = InstanceState.OFF
    machines.last_start = LastStart(
        at=datetime.now(UTC) - timedelta(days=1), reason_code=code, reason=f"{code}: try later"
    )
    with pytest.raises(NotYet, match="is starting"):
        start_node(StartNodeInput(execution=EXECUTION, node="db-02"), settings)
    with pytest.raises(error, match=f"went off again: {code}"):
        start_node(StartNodeInput(execution=EXECUTION, node="db-02"), settings)
    assert machines.calls.count(("start", "db-02")) == starts


def test_instance_that_was_stopped_on_purpose_is_started(settings: Settings, machines: FakeMachines) -> None:
    machines.states["db-02"] = InstanceState.OFF
    machines.last_start = LastStart(at=datetime.now(UTC), reason_code="Client.UserInitiatedShutdown", reason="by you")
    with pytest.raises(NotYet, match="is starting"):
        start_node(StartNodeInput(execution=EXECUTION, node="db-02"), settings)
    assert machines.calls == [("start", "db-02")]

"""A machine that is gone for good: what was proven of it stays proven of it alone, and an unknown id proves nothing."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.adapters import executions, routes
from failover.adapters.instances import LastStart
from failover.decision import decide
from failover.errors import Failed, InvalidInput, NotYet
from failover.models import Fence, InstanceState, Outcome, OutcomeKind, Trigger, Verdict
from failover.planned_decision import decide_rejoin
from failover.settings import RejoinPolicy, Settings
from failover.steps import fence_node as fence_module
from failover.steps.acquire_lock import AcquireLockInput, acquire_lock
from failover.steps.assess_cluster import gather_evidence
from failover.steps.fence_node import FenceNodeInput, fence_node
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.rejoin_node import RejoinNodeInput, rejoin_node
from failover.steps.start_node import StartNodeInput, start_node
from failover.steps.watch_cluster import WatchEvent, watch_cluster
from failover.triggers import read_trigger

from tests.unit.conftest import EXECUTION, put_alarm
from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_nodes import FakeNode, FakeSsm

OPERATOR = Trigger(kind="operator", reason="by hand")
pytestmark = pytest.mark.usefixtures("lock", "network_acls")


@pytest.fixture
def survivor(machines: FakeMachines, ssm: FakeSsm) -> FakeSsm:
    """db-01 is active, has just rebooted and is demoted; of db-02 EC2 and Systems Manager know nothing any more."""
    machines.states["db-02"] = InstanceState.FORGOTTEN
    del ssm.nodes["i-0b"]
    ssm.nodes["i-0a"].become(role="secondary", is_serving=False, was_active=True)
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
    assert survivor.nodes["i-0a"].role == "secondary"


def test_what_was_seen_terminated_lets_the_survivor_serve_for_ever_after(settings: Settings, survivor: FakeSsm) -> None:
    table.record_gone(settings, "i-0b")
    assert verdict(settings).verdict is Verdict.RESUME_ACTIVE
    assert (
        resume(settings).proof
        == "the instance i-0b, which EC2 does not know any more, was off, and db-01 sees nothing of it"
    )
    assert survivor.nodes["i-0a"].role == "primary"


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
    survivor.nodes["i-0b"] = FakeNode("db-02", role="primary", obeys=False)
    with pytest.raises(Failed, match="demote"):
        resume(settings)
    assert survivor.nodes["i-0a"].role == "secondary"


def acquire(settings: Settings, given: dict[str, Any]) -> Any:
    return acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input=given), settings)


def test_operator_s_word_counts_for_the_exact_id_that_ec2_has_forgotten(settings: Settings, survivor: FakeSsm) -> None:
    with pytest.raises(InvalidInput, match=r"i-0c.*is not one of this cluster's: i-0a .db-01., i-0b .db-02."):
        acquire(settings, {"peerIsGone": "i-0c"})
    with pytest.raises(InvalidInput, match="i-0a is running, so it is not gone"):
        acquire(settings, {"peerIsGone": "i-0a"})
    assert table.read_record(settings).gone_instances == frozenset()
    held = acquire(settings, {"peerIsGone": "i-0b"})
    assert held.record.gone_instances == {"i-0b"}
    assert resume(settings).node == "db-01"


def let_time_pass(monkeypatch: pytest.MonkeyPatch) -> Any:
    clock = SimpleNamespace(seconds=0.0)
    passing = SimpleNamespace(
        monotonic=lambda: clock.seconds, sleep=lambda seconds: setattr(clock, "seconds", clock.seconds + seconds)
    )
    monkeypatch.setattr(fence_module, "time", passing)
    return clock


def test_fence_that_ec2_took_is_waited_for_though_it_shows_no_such_machine_just_now(
    settings: Settings, machines: FakeMachines, ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch, network_acls: Any
) -> None:
    let_time_pass(monkeypatch)
    machines.states["db-01"] = machines.stop_leads_to = InstanceState.FORGOTTEN
    network_acls.shows_no_interfaces = True
    request = FenceNodeInput(execution=EXECUTION, node="db-01", started_at=datetime.now(UTC))
    with pytest.raises(NotYet, match="does not know i-0a"):
        fence_node(request, settings)
    machines.states["db-01"] = InstanceState.OFF
    assert fence_node(request, settings).is_off


def test_fence_of_a_machine_that_ec2_has_forgotten_ends_with_what_the_operator_may_say(
    settings: Settings, machines: FakeMachines, ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch, network_acls: Any
) -> None:
    clock = let_time_pass(monkeypatch)
    machines.states["db-01"] = InstanceState.FORGOTTEN
    machines.knows_no_ids = network_acls.shows_no_interfaces = True
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


def test_machine_that_ec2_does_not_know_just_now_is_waited_for(settings: Settings, machines: FakeMachines) -> None:
    machines.states["db-02"] = InstanceState.FORGOTTEN
    request = StartNodeInput(execution=EXECUTION, node="db-02")
    with pytest.raises(NotYet, match="i-0b of db-02 is not known to EC2"):
        start_node(request, settings)
    table.record_gone(settings, "i-0b")
    with pytest.raises(Failed, match="another one takes its place"):
        start_node(request, settings)


def test_rejoin_of_a_machine_that_is_gone_halts(settings: Settings, survivor: FakeSsm) -> None:
    survivor.nodes["i-0a"].become(role="primary", is_serving=True)
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


# --- a standby that was late -------------------------------------------------------------------------------------


@pytest.fixture
def started(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What is started: the state machine's name, and the input. db-01 says that it does not replicate."""
    found: list[tuple[str, dict[str, Any]]] = []

    class Machines:
        def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803
            found.append((stateMachineArn.rpartition(":")[2], json.loads(input)))

    monkeypatch.setattr(executions, "client", lambda _service: Machines())
    monkeypatch.setattr(executions, "has_ended", lambda _arn: True)
    monkeypatch.setattr(routes, "read_entries", lambda _settings: [])
    put_alarm("garoon-db-01-replication-degraded", "ALARM")
    return found


@pytest.fixture
def late_standby(machines: FakeMachines, ssm: FakeSsm) -> FakeSsm:
    """db-02 runs again, and is out of touch until somebody says which data stands."""
    ssm.nodes["i-0b"].become(was_active=True, link="apart")
    return ssm


def test_standby_whose_agent_came_late_is_found_by_the_schedule_and_rejoins(
    settings: Settings, late_standby: FakeSsm, started: list[Any]
) -> None:
    late_standby.nodes["i-0b"].is_silent = True
    assert not watch_cluster(WatchEvent(), settings).is_started
    late_standby.nodes["i-0b"].is_silent = False
    assert watch_cluster(WatchEvent(), settings).is_started
    [(workflow, given)] = started
    assert workflow == "garoon-rejoin"
    assert "db-02 runs and has not rejoined (apart" in read_trigger("rejoin", given, settings).reason


def test_rejoin_that_did_not_help_is_not_tried_again_every_minute(
    settings: Settings, late_standby: FakeSsm, started: list[Any]
) -> None:
    execution = EXECUTION.replace("garoon-failover", "garoon-rejoin")
    outcome = Outcome(
        outcome=OutcomeKind.FAILED, verdict=None, reason="no", next_step="look", active_before=None, active_after=None,
        epoch_before=None, epoch_after=None, execution=execution, started_at=datetime.now(UTC),
        ended_at=datetime.now(UTC) - timedelta(minutes=9),
    )  # fmt: skip
    table.release_lock(settings, EXECUTION, outcome, is_automatic_failover=False)
    assert not watch_cluster(WatchEvent(), settings).is_started
    table.acquire_lock(settings, EXECUTION, datetime.now(UTC))
    before = outcome.model_copy(update={"ended_at": datetime.now(UTC) - timedelta(minutes=11)})
    table.release_lock(settings, EXECUTION, before, is_automatic_failover=False)
    assert watch_cluster(WatchEvent(), settings).is_started


@pytest.mark.parametrize("reason", ["it is connected", "it is off", "nothing is degraded", "operators do it by hand"])
def test_standby_that_has_nothing_to_rejoin_is_left_alone(
    reason: str, settings: Settings, late_standby: FakeSsm, machines: FakeMachines, started: list[Any]
) -> None:
    match reason:
        case "it is connected":
            late_standby.nodes["i-0b"].become(was_active=False, link="resyncing")
        case "it is off":
            machines.states["db-02"] = InstanceState.OFF
        case "nothing is degraded":
            put_alarm("garoon-db-01-replication-degraded", "OK")
        case _:
            settings = settings.model_copy(update={"rejoin_policy": RejoinPolicy.MANUAL})
    assert not watch_cluster(WatchEvent(), settings).is_started
    assert started == []


def test_fenced_node_that_runs_again_rejoins_whatever_the_alarms_say(
    settings: Settings, machines: FakeMachines, ssm: FakeSsm, started: list[Any]
) -> None:
    put_alarm("garoon-db-01-replication-degraded", "OK")
    table.record_fence(settings, EXECUTION, "db-02", is_off_proven=True)
    assert watch_cluster(WatchEvent(), settings).is_started

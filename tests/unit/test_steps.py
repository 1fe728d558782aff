"""Each step on a small account: it checks, acts, checks; twice is harmless; without the lock it does nothing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from failover.adapters import cluster_table as table
from failover.adapters import executions, routes
from failover.errors import Failed, InvalidInput, LockHeld, LockLost, NotYet, Recovering, Refused
from failover.models import (
    Assessment,
    ClusterRecord,
    Evidence,
    InstanceState,
    Lock,
    OutcomeKind,
    Replication,
    Trigger,
    Verdict,
)
from failover.settings import ConfirmFailover, Settings
from failover.step_catalogue import Step
from failover.steps.acquire_lock import AcquireLockInput, acquire_lock
from failover.steps.assess_cluster import AssessClusterInput, assess_cluster, gather_evidence
from failover.steps.demote_node import DemoteNodeInput, demote_node
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.record_abort import ExecutionEndedEvent, record_abort
from failover.steps.record_outcome import RecordOutcomeInput, record_outcome
from failover.steps.restart_services import restart_services
from failover.steps.start_node import StartNodeInput, start_node
from failover.steps.start_services import start_services
from failover.steps.swap_route import SwapRouteInput, swap_route
from failover.steps.verbs import ServiceInput
from failover.steps.watch_cluster import WatchEvent, watch_cluster
from failover.triggers import read_trigger

from testbed.stack.steps import CHANGING_STEPS, function_of, sample_input
from tests.unit.conftest import EXECUTION, OTHER_EXECUTION, put_alarm, put_last_word, put_metrics
from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_network import FakeNetwork
from tests.unit.fake_nodes import FakeSsm
from tests.unit.test_signs import line_of, log_of

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


# --- the lock ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cluster_table")
def test_unusable_input_is_refused_before_anything_is_changed(settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={"force": True}), settings)
    assert table.read_record(settings).lock_owner is None


@pytest.mark.usefixtures("cluster_table")
def test_lock_of_a_running_execution_is_respected_and_of_an_ended_one_taken(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.acquire_lock(settings, OTHER_EXECUTION, datetime.now(UTC))
    monkeypatch.setattr(executions, "has_ended", lambda _arn: False)
    with pytest.raises(LockHeld):
        acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), settings)
    monkeypatch.setattr(executions, "has_ended", lambda arn: arn == OTHER_EXECUTION)
    lock = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), settings)
    assert (lock.record.active, lock.standby, lock.trigger.kind) == ("db-01", "db-02", "operator")


def service_input(owner: str, node: str, seconds_ago: float = 0) -> ServiceInput:
    return ServiceInput(execution=owner, node=node, started_at=datetime.now(UTC) - timedelta(seconds=seconds_ago))


@pytest.mark.parametrize("step", CHANGING_STEPS.values(), ids=CHANGING_STEPS.keys())
@pytest.mark.usefixtures("lock")
def test_step_that_lost_the_lock_does_nothing(
    step: Step, settings: Settings, ssm: FakeSsm, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    function, request = function_of(step)
    given = sample_input(step, execution=OTHER_EXECUTION, node="db-01", started_at=NOW.isoformat())
    before = table.read_record(settings)
    with pytest.raises(LockLost):
        function(request.model_validate(given), settings)
    assert ssm.sent == []
    assert machines.calls == []
    assert network_acls.replaced == []
    assert table.read_record(settings) == before


# --- demote and promote ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lock", "machines")
def test_promotion_believes_nobody_and_demotes_the_peer_itself(settings: Settings, ssm: FakeSsm) -> None:
    request = PromoteReplicaInput(execution=EXECUTION, node="db-02")
    promoted = promote_replica(request, settings)
    assert ssm.nodes["i-0a"].heard == ["demote"]
    assert ssm.nodes["i-0a"].role == "secondary"
    assert ssm.nodes["i-0b"].role == "primary"
    assert promoted.proof == "db-01 is demoted"
    record = table.read_record(settings)
    assert (record.active, record.epoch, record.moving_to) == ("db-02", 1, None)


@pytest.mark.usefixtures("lock", "machines")
def test_verbs_of_one_step_wait_less_than_its_function_may_run(settings: Settings, ssm: FakeSsm) -> None:
    """The peer is at work on an earlier order for half a minute, and then the target does not answer."""
    ssm.nodes["i-0a"].busy_for, ssm.nodes["i-0b"].is_silent = 15, True
    begun_at = ssm.now()
    with pytest.raises(NotYet, match="db-02 did not answer"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert 40 < ssm.now() - begun_at < 60


@pytest.mark.usefixtures("lock")
def test_stopped_peer_is_proof_enough(settings: Settings, ssm: FakeSsm, machines: FakeMachines) -> None:
    machines.states["db-01"] = InstanceState.OFF
    put_last_word(settings.node_a)
    promoted = promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert ssm.nodes["i-0a"].heard == []
    assert promoted.proof == "EC2 says that the instance i-0a of db-01 is stopped"


@pytest.mark.usefixtures("lock", "machines")
def test_silent_peer_that_is_not_off_forbids_the_promotion(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0a"].is_silent = True
    with pytest.raises(NotYet, match="db-01 did not answer"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert ssm.nodes["i-0b"].heard == []
    record = table.read_record(settings)
    assert (record.active, record.moving_to) == ("db-01", "db-02")


@pytest.mark.usefixtures("lock", "machines")
def test_peer_that_cannot_be_demoted_forbids_the_promotion(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0a"].obeys = False
    with pytest.raises(Failed, match="demote went wrong"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert ssm.nodes["i-0b"].heard == []


@pytest.mark.usefixtures("lock")
def test_late_command_of_an_earlier_move_is_refused_by_the_node(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    """An aborted execution's `promote` of db-02 is still on its way while the next execution resumes db-01."""
    late_epoch = table.begin_move(settings, EXECUTION, "db-02")
    table.acquire_lock(settings, OTHER_EXECUTION, datetime.now(UTC), stale_owner=EXECUTION)
    ssm.nodes["i-0a"].role = "secondary"
    promote_replica(PromoteReplicaInput(execution=OTHER_EXECUTION, node="db-01"), settings)
    answer = ssm.nodes["i-0b"].run("promote", late_epoch)
    assert answer["code"] == "stale_epoch"
    assert ssm.nodes["i-0b"].role == "secondary"


@pytest.mark.usefixtures("lock")
def test_stale_replica_is_refused_unless_data_loss_is_accepted(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    machines.states["db-01"] = InstanceState.OFF
    put_last_word(settings.node_a)
    ssm.nodes["i-0b"].replica_data = "stale"
    with pytest.raises(Refused, match=r"is stale \(connected, stale\)"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02", accept_data_loss=True), settings)
    assert ssm.nodes["i-0b"].role == "primary"


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize("last_word", ["ALARM", "INSUFFICIENT_DATA"])
def test_active_that_wrote_alone_after_it_was_assessed_forbids_the_promotion(
    last_word: str, settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    """Its network came back for a moment while it was being stopped, and its replication did not."""
    machines.states["db-01"] = InstanceState.OFF
    put_alarm("garoon-db-01-replication-degraded", last_word)
    with pytest.raises(Refused, match="db-01 was no longer replicating to db-02"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert ssm.nodes["i-0b"].heard == ["status"]
    promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02", accept_data_loss=True), settings)
    assert ssm.nodes["i-0b"].role == "primary"


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(
    "words",
    [
        [],
        [(10 * 3600, {"Heartbeat": 1, "ReplicationHealthy": 1})],
        [(60, {"Heartbeat": 1, "ReplicationHealthy": 1}), (30, {"Heartbeat": 1})],
        [(60, {"Heartbeat": 1, "ReplicationHealthy": 1}), (30, {"Heartbeat": 1, "ReplicationHealthy": 0})],
    ],
    ids=["never heard", "hours before it died", "not with its last beat", "gone bad, and the alarm has not looked yet"],
)
def test_alarm_that_is_ok_is_no_last_word_without_the_metric(
    words: list[tuple[float, dict[str, float]]], settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    """Replication ended seconds before the node died, between two evaluations; or nothing was heard of it for long."""
    machines.states["db-01"] = InstanceState.OFF
    put_alarm("garoon-db-01-replication-degraded", "OK")
    for seconds_ago, metrics in words:
        put_metrics(settings.node_a, seconds_ago, **metrics)
    with pytest.raises(Refused, match="db-01 was no longer replicating to db-02"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert ssm.nodes["i-0b"].role == "secondary"


@pytest.mark.usefixtures("lock")
def test_last_word_of_a_node_that_died_an_hour_ago_is_still_known(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    machines.states["db-01"] = InstanceState.OFF
    put_last_word(settings.node_a, seconds_ago=3600)
    assert promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings).node == "db-02"


@pytest.mark.usefixtures("lock")
def test_last_word_of_a_copy_of_the_node_is_not_the_nodes(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    machines.states["db-01"] = InstanceState.OFF
    put_alarm("garoon-db-01-replication-degraded", "OK")
    copy = settings.node_a.model_copy(update={"instance_id": "i-0123456789abcdef0"})
    put_metrics(copy, 30, Heartbeat=1, ReplicationHealthy=1)
    with pytest.raises(Refused, match="db-01 was no longer replicating to db-02"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)


@pytest.mark.usefixtures("lock", "machines")
def test_active_that_lost_its_link_before_it_was_demoted_forbids_the_promotion(
    settings: Settings, ssm: FakeSsm
) -> None:
    ssm.nodes["i-0a"].link = "waiting"
    put_alarm("garoon-db-01-replication-degraded", "ALARM")
    with pytest.raises(Refused, match="its last writes would be lost if db-02 were promoted"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert ssm.nodes["i-0b"].role == "secondary"
    # The way back is open: the active node itself holds everything.
    promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-01"), settings)
    assert ssm.nodes["i-0a"].role == "primary"


@pytest.mark.usefixtures("lock")
def test_promotion_that_was_done_is_finished_whatever_the_last_word(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    machines.states["db-01"] = InstanceState.OFF
    put_alarm("garoon-db-01-replication-degraded", "ALARM")
    ssm.nodes["i-0b"].role = "primary"
    assert promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings).node == "db-02"


@pytest.mark.usefixtures("lock")
def test_demote_is_the_node_s_own_word(settings: Settings, ssm: FakeSsm, machines: FakeMachines) -> None:
    demoted = demote_node(DemoteNodeInput(execution=EXECUTION, node="db-01"), settings)
    assert ssm.nodes["i-0a"].role == "secondary"
    assert demoted.epoch == 1
    assert table.read_record(settings).moving_to == "db-02"


# --- services, machine -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lock")
def test_services_that_do_not_serve_after_the_start_are_a_failure(settings: Settings, ssm: FakeSsm) -> None:
    with pytest.raises(Failed, match="they need the promoted, mounted volume"):
        start_services(service_input(EXECUTION, "db-02"), settings)  # db-02 is secondary
    ends_at_once = {'"cyde_5_0": "running"': '"cyde_5_0": "stopped"', '"isServing": true': '"isServing": false'}
    ssm.garble = lambda output: reduce(lambda text, words: text.replace(*words), ends_at_once.items(), output)
    with pytest.raises(Failed, match="cyde_5_0 is stopped"):
        restart_services(service_input(EXECUTION, "db-01"), settings)
    ssm.garble = lambda output: output
    assert restart_services(service_input(EXECUTION, "db-01"), settings).node == "db-01"


@pytest.mark.parametrize("step", [start_services, restart_services])
@pytest.mark.usefixtures("lock")
def test_operators_are_told_once_of_a_recovery_that_takes_long(
    step: Callable[[ServiceInput, Settings], object],
    settings: Settings,
    ssm: FakeSsm,
    published: list[dict[str, Any]],
) -> None:
    """One message in an execution, however often the step is retried; a short recovery needs none."""
    ssm.nodes["i-0a"].is_recovering = True
    for seconds_ago, messages in ((5, 0), (59, 0), (61, 1), (120, 1), (1700, 1)):
        with pytest.raises(Recovering, match="12 MiB read"):
            step(service_input(EXECUTION, "db-01", seconds_ago), settings)
        assert len(published) == messages
    assert published[0]["attention"] == "needed"
    assert "12 MiB read" in published[0]["text"]
    assert "Next step: none" in published[0]["text"]
    with pytest.raises(Failed, match=r"RecoveryTimeoutSeconds.*12 MiB read"):
        step(service_input(EXECUTION, "db-01", 1801), settings)
    ssm.nodes["i-0a"].is_recovering = False
    step(service_input(EXECUTION, "db-01", 1802), settings)
    assert len(published) == 1


@pytest.mark.usefixtures("lock")
def test_a_later_execution_tells_of_its_own_recovery(
    settings: Settings, ssm: FakeSsm, published: list[dict[str, Any]]
) -> None:
    ssm.nodes["i-0a"].is_recovering = True
    with pytest.raises(Recovering):
        start_services(service_input(EXECUTION, "db-01", 70), settings)
    table.acquire_lock(settings, OTHER_EXECUTION, datetime.now(UTC), stale_owner=EXECUTION)
    with pytest.raises(Recovering):
        start_services(service_input(OTHER_EXECUTION, "db-01", 70), settings)
    assert len(published) == 2


@pytest.mark.usefixtures("lock")
def test_node_is_started_and_awaited(settings: Settings, ssm: FakeSsm, machines: FakeMachines) -> None:
    machines.states["db-01"] = InstanceState.OFF
    request = StartNodeInput(execution=EXECUTION, node="db-01")
    with pytest.raises(NotYet):
        start_node(request, settings)
    ssm.nodes["i-0a"].is_silent = True
    with pytest.raises(NotYet, match="does not answer yet"):
        start_node(request, settings)
    ssm.nodes["i-0a"].is_silent = False
    start_node(request, settings)
    assert machines.calls == [("start", "db-01")]


# --- assessing ---------------------------------------------------------------------------------------------------


def assess(settings: Settings, record_changes: dict[str, Any] | None = None) -> Any:
    record = table.read_record(settings).model_copy(update=record_changes or {})
    trigger = read_trigger("failover", {}, settings)
    return assess_cluster(
        AssessClusterInput(execution=EXECUTION, workflow="failover", trigger=trigger, record=record), settings
    )


@pytest.mark.usefixtures("cluster_table", "machines")
def test_sources_that_fail_are_unknown_and_not_death(settings: Settings, ssm: FakeSsm) -> None:
    """Routes and alarms do not exist in this account, so both sources fail; the nodes answer."""
    assessment = assess(settings)
    assert assessment.decision.verdict is Verdict.NOTHING_TO_DO
    assert assessment.evidence.routes == "unknown"
    assert assessment.evidence.is_heartbeat_lost is None


@pytest.mark.usefixtures("cluster_table", "machines")
def test_silence_without_other_signs_is_not_yet(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0a"].is_silent = True
    with pytest.raises(NotYet, match="no second, independent sign"):
        assess(settings)


@pytest.mark.usefixtures("cluster_table", "machines")
def test_node_that_could_not_be_asked_is_unknown_and_not_silent(settings: Settings, ssm: FakeSsm) -> None:
    """What comes back makes no sense: Run Command says nothing of the nodes."""
    ssm.garble = lambda _output: "garbage"
    with pytest.raises(NotYet, match="could not be asked for its status"):
        assess(settings)


@pytest.mark.usefixtures("cluster_table")
@pytest.mark.parametrize("moving_to", ["db-02", "db-01"])
def test_move_that_promoted_the_standby_is_finished_also_when_the_way_back_from_it_was_begun(
    moving_to: str, settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    """The standby was promoted, could not be reached then, was given up for the old active node, and came back."""
    ssm.nodes["i-0a"].role, ssm.nodes["i-0a"].is_serving = "secondary", False
    ssm.nodes["i-0b"].role = "primary"
    decision = assess(settings, {"moving_to": moving_to}).decision
    assert (decision.verdict, "did not finish; finishing it" in decision.reason) == (Verdict.FAIL_OVER, True)


@pytest.mark.usefixtures("cluster_table")
def test_stopped_instance_is_failed_over_only_with_the_last_word_on_replication(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    machines.states["db-01"] = InstanceState.OFF
    del ssm.nodes["i-0a"]
    ssm.nodes["i-0b"].link = "waiting"
    assert assess(settings).decision.verdict is Verdict.HALT
    put_last_word(settings.node_a)
    assert assess(settings).decision.verdict is Verdict.FAIL_OVER


# --- the operator's answer ---------------------------------------------------------------------------------------

ALARM_EVENT = {
    "detail-type": "CloudWatch Alarm State Change",
    "detail": {"alarmName": "garoon-db-01-heartbeat-lost", "state": {"value": "ALARM"}},
}
NO = {"isAnswered": True, "answer": {"proceed": False}}
YES = {"isAnswered": True, "answer": {"proceed": True}}
SILENCE = {"isAnswered": False}


@pytest.fixture
def asking(settings: Settings) -> Settings:
    return settings.model_copy(update={"confirm_failover": ConfirmFailover.ABORT})


@pytest.fixture
def dead_db_01(ssm: FakeSsm, machines: FakeMachines) -> None:
    machines.states["db-01"] = InstanceState.OFF
    ssm.nodes["i-0a"].is_silent = True


def assess_after(asked: dict[str, Any] | None, settings: Settings) -> Any:
    """The alarm's execution takes the lock (again) and looks at the cluster."""
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input=ALARM_EVENT), settings)
    request = {
        "execution": EXECUTION,
        "workflow": "failover",
        "trigger": held.trigger.to_json(),
        "record": held.record.to_json(),
    }
    return assess_cluster(AssessClusterInput.model_validate(request | {"asked": asked}), settings)


def end_after(asked: dict[str, Any] | None, settings: Settings) -> Any:
    decision = assess_after(asked, settings).decision
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input=ALARM_EVENT), settings)
    request = {
        "execution": EXECUTION,
        "startedAt": "2026-11-22T04:00:00Z",
        "lock": held.to_json(),
        "decision": decision.to_json(),
        "asked": asked,
    }
    return record_outcome(RecordOutcomeInput.model_validate(request), settings)


@pytest.mark.usefixtures("lock", "dead_db_01")
def test_question_is_asked_once(asking: Settings) -> None:
    assert assess_after(None, asking).confirmation.is_needed
    after = assess_after(YES, asking)
    assert (after.decision.verdict, after.confirmation.is_needed) == (Verdict.FAIL_OVER, False)


@pytest.mark.usefixtures("lock", "ssm", "machines")
def test_node_that_came_back_while_the_operator_thought_is_left_alone(asking: Settings) -> None:
    assert assess_after(YES, asking).decision.verdict is Verdict.NOTHING_TO_DO


@pytest.mark.usefixtures("lock", "dead_db_01")
def test_maintenance_begun_while_the_operator_thought_holds(asking: Settings, cluster_table: Any) -> None:
    cluster_table.update_item(
        Key={"clusterName": "garoon"},
        UpdateExpression="SET maintenanceUntil = :t",
        ExpressionAttributeValues={":t": (datetime.now(UTC) + timedelta(hours=1)).isoformat()},
    )
    decision = assess_after(YES, asking).decision
    assert decision.verdict is Verdict.HALT
    assert "maintenance is on" in decision.reason


@pytest.mark.parametrize(("asked", "words"), [(NO, "an operator declined"), (SILENCE, "nobody confirmed")])
@pytest.mark.usefixtures("lock", "dead_db_01")
def test_no_holds_for_the_minimum_interval_and_is_not_asked_for_again(
    asking: Settings, published: list[dict[str, Any]], asked: dict[str, Any], words: str
) -> None:
    outcome = end_after(asked, asking)
    assert outcome.outcome is OutcomeKind.HALTED
    assert words in outcome.reason
    later = assess_after(None, asking)
    assert (later.decision.verdict, later.confirmation.is_needed) == (Verdict.HALT, False)
    assert later.decision.reason == outcome.reason, "the schedule's look finds what was told already"
    over = asking.model_copy(update={"minimum_failover_interval_seconds": 0})
    assert assess_after(None, over).confirmation.is_needed


@pytest.mark.usefixtures("lock", "dead_db_01", "published")
def test_later_look_does_not_make_the_no_hold_longer(asking: Settings) -> None:
    end_after(NO, asking)
    declined_at = table.read_record(asking).declined_at
    end_after(None, asking)
    assert table.read_record(asking).declined_at == declined_at is not None


@pytest.mark.usefixtures("lock", "published", "ssm", "machines")
def test_no_to_what_is_over_is_not_kept(asking: Settings) -> None:
    """The node is back when the answer comes: the next trouble is asked for again."""
    assert end_after(NO, asking).outcome is OutcomeKind.NOTHING_TO_DO
    assert table.read_record(asking).declined_at is None


@pytest.mark.usefixtures("lock", "dead_db_01", "published")
def test_operator_who_changed_their_mind_fails_over_and_the_no_is_gone(asking: Settings) -> None:
    end_after(NO, asking)
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), asking)
    by_hand = AssessClusterInput(execution=EXECUTION, workflow="failover", trigger=held.trigger, record=held.record)
    assert assess_cluster(by_hand, asking).decision.verdict is Verdict.FAIL_OVER
    table.complete_move(asking, EXECUTION, "db-02", table.begin_move(asking, EXECUTION, "db-02"))
    assert table.read_record(asking).declined_at is None


@pytest.mark.usefixtures("lock", "dead_db_01")
def test_answer_that_is_not_understood_ends_in_refused_and_is_not_kept_as_a_no(
    asking: Settings, published: list[dict[str, Any]]
) -> None:
    sent = {"isAnswered": True, "answer": "yes"}
    with pytest.raises(InvalidInput) as refusal:
        assess_after(sent, asking)
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input=ALARM_EVENT), asking)
    request = {
        "execution": EXECUTION,
        "startedAt": "2026-11-22T04:00:00Z",
        "lock": held.to_json(),
        "decision": {"verdict": "failOver", "reason": "db-01 is dead."},
        "failure": {"step": "AssessCluster", "error": "InvalidInput", "cause": str(refusal.value)},
        "asked": sent,
    }
    outcome = record_outcome(RecordOutcomeInput.model_validate(request), asking)
    assert outcome.outcome is OutcomeKind.REFUSED
    assert "only {" in outcome.reason
    assert table.read_record(asking).declined_at is None
    assert assess_after(None, asking).confirmation.is_needed


# --- routes ------------------------------------------------------------------------------------------------------


@pytest.fixture
def network(aws: None, settings: Settings) -> Settings:
    """Two App route tables whose virtual IP points to db-01, and the settings with their real ids."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.3.0/24")["Subnet"]["SubnetId"]
    enis = [
        ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        for _node in settings.nodes
    ]
    machines = [
        ec2.run_instances(
            ImageId="ami-1", MinCount=1, MaxCount=1, NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": eni}]
        )["Instances"][0]["InstanceId"]
        for eni in enis
    ]
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _zone in "ac"]
    for table_id in tables:
        ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="10.1.0.10/32", NetworkInterfaceId=enis[0])
        ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="198.18.0.0/24", NetworkInterfaceId=enis[0])
    node_a, node_b = (
        node.model_copy(update={"eth0_interface_id": eni, "instance_id": machine, "eth0_subnet_id": subnet})
        for node, eni, machine in zip(settings.nodes, enis, machines, strict=True)
    )
    return settings.model_copy(update={"node_a": node_a, "node_b": node_b, "route_table_ids": tuple(tables)})


def route_targets(settings: Settings, cidr: str) -> list[str | None]:
    tables = boto3.client("ec2").describe_route_tables(RouteTableIds=list(settings.route_table_ids))["RouteTables"]
    return [
        next(
            (route["NetworkInterfaceId"] for route in table["Routes"] if route.get("DestinationCidrBlock") == cidr),
            None,
        )
        for table in tables
    ]


def swap(node: str, settings: Settings) -> Any:
    return swap_route(SwapRouteInput(execution=EXECUTION, node=node), settings)


@pytest.mark.usefixtures("lock")
def test_every_route_moves_and_no_other_route_is_touched(network: Settings) -> None:
    swapped = swap("db-02", network)
    assert route_targets(network, "10.1.0.10/32") == [network.node_b.eth0_interface_id] * 2
    assert route_targets(network, "198.18.0.0/24") == [network.node_a.eth0_interface_id] * 2
    assert sorted(swapped.changed) == sorted(network.route_table_ids)
    assert swapped.was_source_dest_check_on
    again = swap("db-02", network)
    assert again.changed == []
    assert not again.was_source_dest_check_on


@pytest.mark.usefixtures("lock")
def test_route_that_ec2_does_not_show_yet_is_looked_at_again(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "point_entries_to", lambda *_: None)
    with pytest.raises(NotYet, match="does not point to db-02 yet in rtb-"):
        swap("db-02", network)


@pytest.mark.usefixtures("lock")
def test_missing_entry_is_made_and_right_ones_left_alone(network: Settings) -> None:
    missing, right = network.route_table_ids
    boto3.client("ec2").delete_route(RouteTableId=missing, DestinationCidrBlock="10.1.0.10/32")
    swapped = swap("db-01", network)
    assert (swapped.changed, swapped.already_right) == ([missing], [right])
    assert route_targets(network, "10.1.0.10/32") == [network.node_a.eth0_interface_id] * 2


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instance_id": "i-0ff"}, "attached to i-.*wrong place"),
        ({"eth0_subnet_id": "subnet-0ff"}, "in subnet-0ff, but it is in"),
    ],
)
def test_routes_stay_as_they_are_when_the_configured_interface_is_not_the_node_s_eth0(
    network: Settings, change: dict[str, str], words: str
) -> None:
    wrong = network.model_copy(update={"node_b": network.node_b.model_copy(update=change)})
    with pytest.raises(Refused, match=words):
        swap("db-02", wrong)
    assert route_targets(network, "10.1.0.10/32") == [network.node_a.eth0_interface_id] * 2


@pytest.mark.usefixtures("lock")
def test_eth1_given_as_eth0_gets_no_routes(network: Settings) -> None:
    ec2 = boto3.client("ec2")
    eth1 = ec2.create_network_interface(SubnetId=network.node_b.eth0_subnet_id)["NetworkInterface"]
    ec2.attach_network_interface(
        NetworkInterfaceId=eth1["NetworkInterfaceId"], InstanceId=network.node_b.instance_id, DeviceIndex=1
    )
    wrong = network.node_b.model_copy(update={"eth0_interface_id": eth1["NetworkInterfaceId"]})
    with pytest.raises(Refused, match="interface number 1, and eth0 is number 0"):
        swap("db-02", network.model_copy(update={"node_b": wrong}))
    assert route_targets(network, "10.1.0.10/32") == [network.node_a.eth0_interface_id] * 2


@pytest.mark.usefixtures("lock")
def test_route_table_that_does_not_exist_is_named(network: Settings) -> None:
    wrong = network.model_copy(update={"route_table_ids": (*network.route_table_ids, "rtb-0dead")})
    with pytest.raises(Failed, match="rtb-0dead"):
        swap("db-02", wrong)
    assert route_targets(network, "10.1.0.10/32") == [network.node_a.eth0_interface_id] * 2


# --- the end -----------------------------------------------------------------------------------------------------


def test_outcome_is_recorded_published_and_the_lock_is_free(
    settings: Settings, lock: None, published: list[dict[str, Any]]
) -> None:
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), settings)
    request = RecordOutcomeInput.model_validate(
        {
            "execution": EXECUTION,
            "startedAt": "2026-11-22T04:00:00Z",
            "lock": held.to_json(),
            "decision": {"verdict": "failOver", "reason": "It was down."},
            "progress": {"isMoved": True},
        }
    )
    outcome = record_outcome(request, settings)
    assert outcome.outcome is OutcomeKind.FAILED_OVER
    assert table.read_record(settings).lock_owner is None
    [message] = published
    assert message["subject"] == "[garoon] FailedOver"
    assert message["attention"] == "needed"
    assert "Next step: Bring db-01 back" in message["text"]
    assert "By hand:" not in message["text"]


FAILED_PROMOTION = {"step": "PromoteReplica", "error": "Lambda.CodeArtifactUserPendingException", "cause": "It slept."}


@pytest.mark.parametrize(
    ("progress", "failure", "is_used_up"),
    [
        ({"isMoved": True}, None, True),
        ({"isMoved": True}, {"step": "StartServices", "error": "Failed", "cause": "MySQL does not start."}, True),
        ({}, {"step": "FenceNode", "error": "Failed", "cause": "It slept."}, False),
        ({"moveFailure": FAILED_PROMOTION}, None, False),
        ({"moveFailure": FAILED_PROMOTION}, {"step": "StartNode", "error": "Failed", "cause": "It is dead."}, False),
    ],
)
@pytest.mark.usefixtures("lock", "published")
def test_only_a_role_that_moved_uses_up_the_minimum_interval(
    settings: Settings, progress: dict[str, Any], failure: dict[str, Any] | None, is_used_up: bool
) -> None:
    """An attempt that moved nothing and used it up kept the service away for 15 more minutes."""
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input=ALARM_EVENT), settings)
    request = {
        "execution": EXECUTION,
        "startedAt": "2026-11-22T04:00:00Z",
        "lock": held.to_json(),
        "decision": {"verdict": "failOver", "reason": "It was down."},
        "progress": progress,
        "failure": failure,
    }
    record_outcome(RecordOutcomeInput.model_validate(request), settings)
    assert (table.read_record(settings).last_failover_at is not None) == is_used_up


@pytest.mark.usefixtures("cluster_table")
def test_refused_input_is_told_and_changes_nothing(settings: Settings, published: list[dict[str, Any]]) -> None:
    failure = {
        "step": "AcquireLock",
        "error": "InvalidInput",
        "cause": '{"errorMessage": "The input is not usable.", "errorType": "InvalidInput"}',
    }
    request = RecordOutcomeInput.model_validate(
        {"execution": EXECUTION, "startedAt": "2026-11-22T04:00:00Z", "failure": failure}
    )
    before = table.read_record(settings)
    outcome = record_outcome(request, settings)
    assert (outcome.outcome, outcome.reason) == (OutcomeKind.REFUSED, "The input is not usable.")
    assert table.read_record(settings) == before
    [message] = published
    state_machine = "arn:aws:states:ap-northeast-1:123456789012:stateMachine:garoon-failover"
    assert f"start-execution --state-machine-arn {state_machine} --input '{{}}'" in message["text"]


HALT = {"verdict": "halt", "reason": "Both are down.", "nextStep": "Look."}
RESYNCS = Replication(role="secondary", link="resyncing", data="stale", sync_percent=42.5).words


def find_twice(settings: Settings, decision: dict[str, Any]) -> None:
    """The schedule finds trouble, and later finds the same."""
    standing = {"detail-type": "Garoon Failover Standing Trouble", "detail": {"signs": ["x"]}}
    for _look in range(2):
        held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input=standing), settings)
        request = RecordOutcomeInput.model_validate(
            {
                "execution": EXECUTION,
                "startedAt": "2026-11-22T04:00:00Z",
                "lock": held.to_json(),
                "decision": decision,
            }
        )
        record_outcome(request, settings)


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize("halt", [HALT, HALT | {"reason": RESYNCS.to_json()}], ids=["words", "with a number in it"])
def test_repeated_finding_of_the_schedule_asks_for_no_attention(
    settings: Settings, published: list[dict[str, Any]], halt: dict[str, Any]
) -> None:
    find_twice(settings, halt)
    assert [message["attention"] for message in published] == ["needed", "none"]


@pytest.mark.usefixtures("lock")
def test_what_was_put_right_and_comes_again_asks_for_attention(
    settings: Settings, published: list[dict[str, Any]]
) -> None:
    find_twice(settings, {"verdict": "restartServices", "reason": "MySQL was dead."})
    assert [message["attention"] for message in published] == ["needed", "needed"]


@pytest.mark.usefixtures("lock")
def test_what_was_found_long_ago_asks_for_attention(
    settings: Settings, published: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failover.quiet.STANDS_FOR", timedelta(0))
    find_twice(settings, HALT)
    assert [message["attention"] for message in published] == ["needed", "needed"]


def make_unreadable(cluster_table: Any, **fields: Any) -> None:
    cluster_table.put_item(Item={"clusterName": "garoon", "active": "db-01", "epoch": "many", **fields})


def test_outcome_is_told_though_the_record_cannot_be_read(
    settings: Settings, cluster_table: Any, published: list[dict[str, Any]]
) -> None:
    make_unreadable(cluster_table)
    with pytest.raises(Failed) as unreadable:
        acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), settings)
    failure = {"step": "AcquireLock", "error": "Failed", "cause": json.dumps({"errorMessage": str(unreadable.value)})}
    request = RecordOutcomeInput.model_validate(
        {"execution": EXECUTION, "startedAt": "2026-11-22T04:00:00Z", "failure": failure}
    )
    assert record_outcome(request, settings).outcome is OutcomeKind.FAILED
    assert "cannot be read: epoch" in published[0]["text"]


def test_lock_is_given_back_though_the_record_became_unreadable(
    settings: Settings, lock: None, cluster_table: Any, published: list[dict[str, Any]]
) -> None:
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), settings)
    make_unreadable(cluster_table, lockOwner=EXECUTION)
    decision = {"verdict": "failOver", "reason": "It was down."}
    request = RecordOutcomeInput.model_validate(
        {"execution": EXECUTION, "startedAt": "2026-11-22T04:00:00Z", "lock": held.to_json(), "decision": decision}
    )
    outcome = record_outcome(request, settings)
    assert (outcome.active_before, outcome.active_after) == ("db-01", None)
    assert len(published) == 1
    assert "lockOwner" not in cluster_table.get_item(Key={"clusterName": "garoon"})["Item"]


def ended(status: str, error: str | None = None) -> ExecutionEndedEvent:
    detail = {
        "executionArn": EXECUTION, "status": status, "startDate": 1_795_320_751_000, "error": error, "cause": None,
    }  # fmt: skip
    return ExecutionEndedEvent.model_validate({"id": "1", "detail": detail})


def test_execution_stopped_by_somebody_is_recorded_and_its_lock_freed(
    settings: Settings, lock: None, published: list[dict[str, Any]]
) -> None:
    assert not record_abort(ended("ABORTED"), settings).was_recorded_before
    assert table.read_record(settings).lock_owner is None
    assert "was stopped by somebody" in published[0]["text"]


@pytest.mark.usefixtures("cluster_table")
def test_failed_execution_with_a_recorded_outcome_is_not_told_twice(
    settings: Settings, published: list[dict[str, Any]]
) -> None:
    assert record_abort(ended("FAILED", "Halted"), settings).was_recorded_before
    assert published == []


@pytest.mark.parametrize(
    ("told", "is_recorded"),
    [({"error": "Halted", "cause": "It is."}, True), ({"error": "OutcomeNotRecorded"}, False), ({}, False)],
)
@pytest.mark.usefixtures("cluster_table")
def test_event_that_names_no_error_is_made_up_for(
    told: dict[str, str],
    is_recorded: bool,
    settings: Settings,
    published: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The Developer Guide's examples have none: a Halted execution was told a second time, as a crash."""
    answer = SimpleNamespace(describe_execution=lambda executionArn: {"status": "FAILED", **told})  # noqa: N803
    monkeypatch.setattr(executions, "client", lambda _service: answer)
    assert record_abort(ended("FAILED"), settings).was_recorded_before == is_recorded
    assert len(published) == (not is_recorded)
    assert all("None" not in message["text"] for message in published)


@pytest.mark.usefixtures("cluster_table")
@pytest.mark.parametrize("owner", [None, OTHER_EXECUTION])
def test_end_that_nobody_recorded_is_told_though_its_lock_is_gone(
    owner: str | None, settings: Settings, published: list[dict[str, Any]]
) -> None:
    """The next execution may have taken the lock over, or RecordOutcome may have died between release and message."""
    if owner:
        table.acquire_lock(settings, owner, datetime.now(UTC))
    assert not record_abort(ended("FAILED", "OutcomeNotRecorded"), settings).was_recorded_before
    assert table.read_record(settings).lock_owner == owner
    assert len(published) == 1


@pytest.mark.parametrize(
    ("status", "error", "is_told"),
    [
        ("FAILED", "OutcomeNotRecorded", True),
        ("FAILED", "States.Runtime", True),
        ("TIMED_OUT", None, True),
        ("ABORTED", None, True),
        ("FAILED", "Halted", False),
        ("FAILED", "Failed", False),
        ("FAILED", "Refused", False),
    ],
)
def test_end_that_nobody_recorded_is_told_though_the_record_cannot_be_read(
    status: str,
    error: str | None,
    is_told: bool,
    settings: Settings,
    cluster_table: Any,
    published: list[dict[str, Any]],
) -> None:
    make_unreadable(cluster_table)
    record_abort(ended(status, error), settings)
    assert len(published) == is_told


def test_end_is_told_though_the_table_is_out_of_order(
    settings: Settings, aws: None, published: list[dict[str, Any]]
) -> None:
    """There is no table: what could not be recorded is an error, for Lambda to try again, but not before it is told."""
    with pytest.raises(Failed, match="ResourceNotFoundException"):
        record_abort(ended("TIMED_OUT"), settings)
    assert "ran out of time" in published[0]["text"]


# --- the schedule's look -----------------------------------------------------------------------------------------


@pytest.fixture
def started(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    inputs: list[dict[str, Any]] = []
    monkeypatch.setattr(executions, "has_ended", lambda _arn: True)

    def start(_settings: Settings, _name: str, given: dict[str, Any]) -> bool:
        inputs.append(given)
        return True

    monkeypatch.setattr(executions, "start_failover", start)
    return inputs


@pytest.mark.usefixtures("cluster_table")
def test_lost_event_is_made_up_for(network: Settings, started: list[dict[str, Any]]) -> None:
    put_alarm("garoon-db-01-heartbeat-lost", "ALARM")
    assert watch_cluster(WatchEvent(), network).is_started
    assert read_trigger("failover", started[0], network).reason.endswith("the alarm garoon-db-01-heartbeat-lost")


@pytest.mark.usefixtures("cluster_table")
def test_route_that_drifted_is_seen_without_any_event(network: Settings, started: list[dict[str, Any]]) -> None:
    assert not watch_cluster(WatchEvent(), network).is_started
    [drifted, _right] = network.route_table_ids
    boto3.client("ec2").replace_route(
        RouteTableId=drifted,
        DestinationCidrBlock="10.1.0.10/32",
        NetworkInterfaceId=network.node_b.eth0_interface_id,
    )
    assert watch_cluster(WatchEvent(), network).is_started
    assert drifted in read_trigger("failover", started[0], network).reason


@pytest.mark.usefixtures("cluster_table")
def test_alarm_of_the_standby_starts_nothing(network: Settings, started: list[dict[str, Any]]) -> None:
    put_alarm("garoon-db-02-heartbeat-lost", "ALARM")
    assert not watch_cluster(WatchEvent(), network).is_started
    assert started == []


@pytest.mark.usefixtures("cluster_table")
def test_peer_that_stays_lost_starts_nothing_again(network: Settings, started: list[dict[str, Any]]) -> None:
    """Its change started a look. A peer that is well, only out of the standby's sight, is not looked at each minute."""
    put_alarm("garoon-db-02-peer-lost", "ALARM")
    assert not watch_cluster(WatchEvent(), network).is_started
    assert started == []


def test_nothing_is_started_in_maintenance_or_beside_a_running_execution(
    network: Settings, cluster_table: Any, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_alarm("garoon-db-01-heartbeat-lost", "ALARM")
    table.acquire_lock(network, OTHER_EXECUTION, datetime.now(UTC))
    monkeypatch.setattr(executions, "has_ended", lambda _arn: False)
    assert watch_cluster(WatchEvent(), network).reason == "an execution is running"
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    cluster_table.put_item(Item={"clusterName": "garoon", "active": "db-01", "epoch": 0, "maintenanceUntil": until})
    assert watch_cluster(WatchEvent(), network).reason == "maintenance is on"
    assert started == []


def test_move_that_broke_off_is_seen_though_both_nodes_are_well(
    network: Settings, cluster_table: Any, started: list[dict[str, Any]]
) -> None:
    """Both are demoted: no alarm stands, no route is wrong, and nobody serves."""
    table.acquire_lock(network, OTHER_EXECUTION, datetime.now(UTC))
    table.begin_move(network, OTHER_EXECUTION, "db-02")
    assert watch_cluster(WatchEvent(), network).is_started
    assert read_trigger("failover", started[0], network).reason.endswith("a move to db-02 that did not end")


@pytest.mark.usefixtures("cluster_table", "machines")
def test_move_of_which_nothing_came_is_forgotten_once_the_active_node_serves(
    settings: Settings, ssm: FakeSsm, published: list[dict[str, Any]], started: list[dict[str, Any]]
) -> None:
    """Else the schedule would start the workflow once a minute for ever."""
    table.acquire_lock(settings, OTHER_EXECUTION, datetime.now(UTC))
    table.begin_move(settings, OTHER_EXECUTION, "db-02")
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), settings)
    seen = assess_held(settings, held)
    assert seen.decision.verdict is Verdict.NOTHING_TO_DO
    record_outcome(end_of(held, seen), settings)
    assert table.read_record(settings).moving_to is None


@pytest.mark.usefixtures("cluster_table", "machines")
def test_move_that_this_execution_began_stays_on_record(
    settings: Settings, ssm: FakeSsm, published: list[dict[str, Any]], started: list[dict[str, Any]]
) -> None:
    table.acquire_lock(settings, OTHER_EXECUTION, datetime.now(UTC))
    table.begin_move(settings, OTHER_EXECUTION, "db-02")
    held = acquire_lock(AcquireLockInput(execution=EXECUTION, workflow="failover", input={}), settings)
    seen = assess_held(settings, held)
    table.begin_move(settings, EXECUTION, "db-02")
    record_outcome(end_of(held, seen), settings)
    assert table.read_record(settings).moving_to == "db-02"


def assess_held(settings: Settings, held: Lock) -> Assessment:
    return assess_cluster(
        AssessClusterInput(execution=EXECUTION, workflow="failover", trigger=held.trigger, record=held.record), settings
    )


def end_of(held: Lock, seen: Assessment) -> RecordOutcomeInput:
    return RecordOutcomeInput(execution=EXECUTION, started_at=datetime.now(UTC), lock=held, decision=seen.decision)


@pytest.mark.usefixtures("cluster_table")
def test_sign_of_a_node_starts_a_look_without_any_alarm(network: Settings, started: list[dict[str, Any]]) -> None:
    sign = WatchEvent(awslogs=log_of(line_of(network, "db-02", "peerLost")))
    assert watch_cluster(sign, network).is_started
    assert read_trigger("failover", started[0], network).reason.endswith("db-02 reaches db-01 on neither path")
    harmless = WatchEvent(awslogs=log_of(line_of(network, "db-01", "peerLost")))
    assert not watch_cluster(harmless, network).is_started


# --- the heartbeat, sooner than its alarm ------------------------------------------------------------------------


def put_beats(settings: Settings, **seconds_ago: float) -> None:
    for node, seconds in seconds_ago.items():
        put_metrics(settings.node(node.replace("_", "-")), seconds, Heartbeat=1)


@pytest.mark.parametrize(
    ("beats", "is_lost"),
    [
        ({"db_01": 40, "db_02": 3}, True),
        ({"db_01": 10, "db_02": 3}, False),
        ({"db_01": 40, "db_02": 40}, False),
        ({"db_01": 40}, False),
        ({"db_02": 3}, True),
        ({}, False),
    ],
    ids=[
        "the active's stopped and the standby's goes on",
        "one beat of the active is late",
        "CloudWatch is late with both",
        "the standby's never came, which proves nothing",
        "the active's is gone for minutes",
        "nothing at all, which proves nothing",
    ],
)
def test_heartbeat_is_lost_before_its_alarm_says_so_only_beside_a_living_one(
    beats: dict[str, float], is_lost: bool, network: Settings, ssm: FakeSsm
) -> None:
    put_alarm("garoon-db-01-heartbeat-lost", "OK")
    put_beats(network, **beats)
    ssm.nodes["i-0a"].is_silent = True
    assert gather(network).is_heartbeat_lost is is_lost


def test_beats_are_not_asked_for_while_the_active_node_answers(network: Settings, ssm: FakeSsm) -> None:
    put_alarm("garoon-db-01-heartbeat-lost", "OK")
    put_beats(network, db_01=40, db_02=3)
    ssm.nodes |= {network.node_a.instance_id: ssm.nodes["i-0a"], network.node_b.instance_id: ssm.nodes["i-0b"]}
    assert gather(network).is_heartbeat_lost is False


def gather(settings: Settings) -> Evidence:
    trigger = Trigger(kind="schedule", reason="a sign")
    return gather_evidence(trigger, ClusterRecord(active="db-01", epoch=0), settings, datetime.now(UTC))

"""What operators hear seldom: of nodes that say half of it, of steps that fail late, of ends that nobody expects.

Each is said by the step or the judgement that says it, in both languages; docs/messages.md shows it as it was said.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from failover.adapters import routes
from failover.conclusion import Progress, conclude
from failover.errors import (
    CloudUnavailable,
    Failed,
    FailoverError,
    InvalidInput,
    LockLost,
    NotYet,
    StateUnknown,
    read_said,
)
from failover.failure import Failure
from failover.messages import Language, Message, parts_of, say
from failover.models import (
    Answer,
    ClusterRecord,
    Decision,
    InstanceState,
    Outcome,
    OutcomeKind,
    Replica,
    Replication,
    Routes,
    Said,
    StatusChecks,
    Trigger,
    Unknown,
    Value,
    Verdict,
)
from failover.planned_decision import decide_rejoin
from failover.readiness import judge_readiness
from failover.runtime import lambda_step
from failover.settings import NotificationLanguage, Settings
from failover.status import judge
from failover.step_catalogue import STEPS
from failover.steps import operate, set_maintenance, show_cluster
from failover.steps.check_readiness import gather_readiness
from failover.steps.demote_node import DemoteNodeInput, demote_node
from failover.steps.keep_data import KeepDataInput, keep_data
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.record_abort import outcome_of_abort
from failover.steps.record_outcome import describe_outcome
from failover.steps.rejoin_node import RejoinNodeInput, rejoin_node
from failover.steps.restart_services import restart_services
from failover.steps.show_cluster import WidgetRequest
from failover.steps.start_services import start_services

from tests.unit.conftest import EXECUTION, OTHER_EXECUTION, put_alarm
from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_nodes import FakeSsm
from tests.unit.test_announce import CONTEXT
from tests.unit.test_decision import evidence as evidence_of
from tests.unit.test_readiness import evidence, of, replica_of, status_of
from tests.unit.test_steps import service_input
from tests.unit.test_widget import AT_WORK, shown

JA = Language.JAPANESE
RUNNING = {"cyde_5_0": "running", "cyss_cbgrn": "running"}


def half_said(ssm: FakeSsm, node: str, verb: str, **said: Any) -> None:
    """From now on the node's answer to this verb says this instead; None for the status is an answer without one."""

    def garble(output: str) -> str:
        report = json.loads(output)
        if report["verb"] == verb and report["status"]["node"] == node:
            replication = report["status"]["replication"] | said.pop("replication", {})
            report["status"] |= {"replication": replication} | said
        return json.dumps(report)

    ssm.garble = garble


def told(call: Callable[[], object], error: type[FailoverError]) -> str:
    """The code of the error that it raises, said in both languages."""
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value.said)
    assert not say(raised.value.said, JA).isascii()
    return raised.value.said.code


# --- nodes that say half of it --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lock", "machines")
def test_demote_after_which_the_volume_is_mounted_is_none(settings: Settings, ssm: FakeSsm) -> None:
    request = DemoteNodeInput(execution=EXECUTION, node="db-01")
    half_said(ssm, "db-01", "demote", isMounted=True)
    assert told(lambda: demote_node(request, settings), Failed) == "error.demoted-but-mounted"
    half_said(ssm, "db-01", "demote", isMounted=None)
    assert told(lambda: demote_node(request, settings), StateUnknown) == "error.demoted-but-unseen"


@pytest.mark.parametrize(
    ("node", "verb", "is_mounted", "error", "code"),
    [
        ("db-01", "demote", None, StateUnknown, "error.peer-demoted-but-unseen"),
        ("db-01", "demote", True, Failed, "error.peer-not-harmless"),
        ("db-02", "promote", None, StateUnknown, "error.promoted-but-unseen"),
        ("db-02", "promote", False, Failed, "error.promoted-but"),
    ],
)
@pytest.mark.usefixtures("lock", "machines")
def test_promotion_believes_what_is_seen_and_not_what_was_ordered(
    node: str, verb: str, is_mounted: bool | None, error: type[FailoverError], code: str, settings: Settings,
    ssm: FakeSsm,
) -> None:  # fmt: skip
    half_said(ssm, node, verb, isMounted=is_mounted)
    request = PromoteReplicaInput(execution=EXECUTION, node="db-02")
    assert told(lambda: promote_replica(request, settings), error) == code


@pytest.mark.usefixtures("lock")
def test_target_that_says_nothing_may_have_been_promoted_before(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    machines.states["db-01"] = InstanceState.OFF
    put_alarm("garoon-db-01-replication-degraded", "ALARM")
    ssm.nodes["i-0b"].is_silent = True
    request = PromoteReplicaInput(execution=EXECUTION, node="db-02")
    assert told(lambda: promote_replica(request, settings), NotYet) == "error.replication-ended-unknown"


@pytest.mark.usefixtures("lock", "machines")
def test_node_that_refuses_an_epoch_and_does_not_say_which_is_asked_again(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0a"].epoch = 9

    def garble(output: str) -> str:
        report = json.loads(output)
        return json.dumps(report | {"status": None}) if report["verb"] == "status" else output

    ssm.garble = garble
    request = DemoteNodeInput(execution=EXECUTION, node="db-01")
    assert told(lambda: demote_node(request, settings), NotYet) == "error.higher-epoch"


@pytest.mark.parametrize(
    ("step", "verb"), [(start_services, "start"), (restart_services, "restart")], ids=["start", "restart"]
)
@pytest.mark.usefixtures("lock")
def test_services_are_up_when_the_node_saw_it(step: Any, verb: str, settings: Settings, ssm: FakeSsm) -> None:
    half_said(ssm, "db-01", verb, isServing=None, isExported=None, hasVirtualIp=None)
    request = service_input(EXECUTION, "db-01")
    assert told(lambda: step(request, settings), StateUnknown) == f"error.{verb}-but-unseen"
    services = {"cyde_5_0": "running", "cyss_cbgrn": "starting"}
    half_said(ssm, "db-01", verb, isServing=False, services=services, nfsAnswers=False)
    assert told(lambda: step(request, settings), Failed) == f"error.{verb}-but-failing"


@pytest.mark.usefixtures("lock", "machines")
def test_node_that_catches_up_and_cannot_say_how_far_it_is(settings: Settings, ssm: FakeSsm) -> None:
    half_said(ssm, "db-02", "status", replication={"link": "resyncing", "data": "stale", "syncPercent": None})
    request = RejoinNodeInput(execution=EXECUTION, node="db-02")
    assert told(lambda: rejoin_node(request, settings), NotYet) == "error.catching-up"


@pytest.mark.usefixtures("lock", "machines")
def test_the_active_node_is_overwritten_by_nobody(settings: Settings) -> None:
    request = KeepDataInput(execution=EXECUTION, node="db-01")
    assert told(lambda: keep_data(request, settings), Failed) == "error.active-not-overwritten"


@pytest.mark.usefixtures("lock", "machines")
def test_an_execution_that_lost_its_lock_says_so(settings: Settings) -> None:
    request = KeepDataInput(execution=OTHER_EXECUTION, node="db-02")
    assert told(lambda: keep_data(request, settings), LockLost) == "error.lock-lost"


# --- AWS that does not show yet what it took ------------------------------------------------------------------------


def test_an_interface_that_ec2_does_not_show_yet_is_no_wrong_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = SimpleNamespace(describe_network_interfaces=lambda **_: {"NetworkInterfaces": []})
    monkeypatch.setattr(routes, "client", lambda _service: answer)
    assert told(lambda: routes.read_interface(settings.node_a), CloudUnavailable) == "error.interface-not-shown"


@pytest.mark.usefixtures("aws", "cluster_table")
def test_a_node_that_answers_without_a_status_is_unknown_with_its_words(settings: Settings, ssm: FakeSsm) -> None:
    ssm.garble = lambda output: json.dumps(json.loads(output) | {"status": None, "message": "Not installed."})
    found = gather_readiness(settings, datetime.now(UTC)).statuses["db-01"]
    assert isinstance(found, Unknown)
    assert Message.of(found.why).code == "error.node-answered"
    assert say(found.why, JA) == "db-01 の応答: 「Not installed.」"


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        (WidgetRequest, show_cluster.ALLOWED),
        (operate.OperateRequest, operate.ALLOWED),
        (set_maintenance.SetMaintenanceInput, set_maintenance.ALLOWED),
    ],
)
def test_what_a_function_takes_is_told_in_both_languages(
    model: type[Value], allowed: Message, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failover.runtime.settings", lambda: settings)
    handler: Any = lambda_step(model, allowed=allowed)(lambda _request, _settings: "done")
    given = {"describe": [], "minutes": "x"}
    with pytest.raises(InvalidInput) as raised:
        handler(given, CONTEXT)
    assert say(allowed, JA) in say(read_said(str(raised.value)), JA)


# --- how it ends ----------------------------------------------------------------------------------------------------


def an_outcome(kind: OutcomeKind, verdict: Verdict | None, said: Said, epochs: tuple[int, int] = (1, 2)) -> Outcome:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    return Outcome(
        outcome=kind, verdict=verdict, reason=str(said.reason), next_step=str(said.next_step), said=said,
        active_before="db-01", active_after="db-02", epoch_before=epochs[0], epoch_after=epochs[1],
        execution=EXECUTION, started_at=now, ended_at=now + timedelta(seconds=9),
    )  # fmt: skip


def in_japanese(settings: Settings) -> Settings:
    return settings.model_copy(update={"notification_language": NotificationLanguage.JAPANESE})


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.state)
def test_each_step_that_fails_tells_what_to_do_next(step: Any, settings: Settings) -> None:
    failure = Failure(step=step.state, error="Failed", cause="It is broken.")
    ended = conclude(Decision(verdict=Verdict.FAIL_OVER, reason="db-01 is dead."), failure, Progress())
    codes = {part.code for part in parts_of(ended.next_step)}
    assert step.next_step.code in codes
    outcome = an_outcome(ended.kind, Verdict.FAIL_OVER, Said(reason=ended.reason, next_step=ended.next_step))
    assert f"Next step: {step.next_step}" in describe_outcome(outcome, settings, [])
    assert "次の対応: " in describe_outcome(outcome, in_japanese(settings), [])


@pytest.mark.parametrize(
    ("kind", "verdict"), [*((kind, None) for kind in OutcomeKind), *((OutcomeKind.HALTED, one) for one in Verdict)]
)
def test_each_outcome_and_verdict_has_its_words(kind: OutcomeKind, verdict: Verdict | None, settings: Settings) -> None:
    said = conclude(Decision(verdict=Verdict.NOTHING_TO_DO, reason="All is well."), None, Progress())
    outcome = an_outcome(kind, verdict, Said(reason=said.reason, next_step=said.next_step), epochs=(1, 7))
    assert f"Outcome:   {kind} (verdict: {verdict or 'none'})" in describe_outcome(outcome, settings, [])
    japanese = describe_outcome(outcome, in_japanese(settings), ["one", "two"])
    assert say(Message(f"kind.{kind}"), JA) in japanese
    assert "データの損失を受け入れて" in japanese
    assert "Epoch:     7 (before: 1): a node had obeyed a higher one" in describe_outcome(outcome, settings, [])


def test_trouble_that_stayed_too_unclear_is_a_warning() -> None:
    failure = Failure(step="AssessCluster", error="NotYet", cause="It is silent.")
    told = conclude(None, failure, Progress())
    assert (told.kind, told.reason) == (
        OutcomeKind.WARNED, "It is silent. It stayed so for as long as this execution looked.",
    )  # fmt: skip


def test_restart_that_did_not_help_where_the_role_may_not_move_is_halted() -> None:
    decision = Decision(verdict=Verdict.RESTART_SERVICES, reason="A service is down.", why_no_move="db-02 is off")
    failure = Failure(step="RestartServices", error="Failed", cause="It ends at once.")
    told = conclude(decision, failure, Progress())
    assert told.kind is OutcomeKind.HALTED
    assert "The restart did not help, and the role may not move: db-02 is off." in told.reason


@pytest.mark.parametrize(("status", "cause"), [("TIMED_OUT", "an hour"), ("ABORTED", "by hand"), ("FAILED", "why")])
def test_move_that_was_broken_off_goes_on_by_itself(status: str, cause: str, settings: Settings) -> None:
    record = ClusterRecord(active="db-01", epoch=3, moving_to="db-02")
    ended = outcome_of_abort(EXECUTION, status, datetime.now(UTC), record, error="", cause=cause)
    assert ended.messages.next_step.code == "next.move-goes-on-by-itself"
    assert cause in describe_outcome(ended, in_japanese(settings), [])


def test_node_without_room_is_no_standby_before_it_has_some() -> None:
    seen = evidence_of(standby_unwritable="/var/lib/replica", standby_replica=Replica.STALE)
    told = decide_rejoin(seen, Trigger(kind="operator", reason="by hand")).next_step
    assert told.code == "do.make-room"
    assert not say(told, JA).isascii()


def test_standby_that_lags_and_does_not_say_why_rejoins() -> None:
    told = decide_rejoin(evidence_of(standby_replica=Replica.STALE), Trigger(kind="operator", reason="by hand"))
    assert told.verdict is Verdict.REJOIN
    assert "planned.not-up-to-date" in [part.code for part in parts_of(told.reason)]


# --- what the evidence can say --------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", [one for kind in (InstanceState, Answer, Replica, Routes) for one in kind])
def test_each_thing_that_evidence_can_say_has_its_words(one: Any) -> None:
    assert not say(one.words, JA).isascii()


@pytest.mark.parametrize("link", ["connected", "resyncing", "waiting", "apart", "unknown"])
@pytest.mark.parametrize("data", ["current", "stale", "unusable", "unknown"])
def test_each_state_of_a_replica_has_its_words(link: str, data: str) -> None:
    seen = replica_of("db-02", link=link, data=data)["statuses"]["db-02"].replication
    assert isinstance(seen, Replication)
    assert not say(seen.words, JA).isascii()


@pytest.mark.parametrize("role", ["primary", "unknown"])
@pytest.mark.parametrize("is_mounted", [True, None])
def test_standby_that_acts_as_the_active_node_is_found(role: str, is_mounted: bool | None) -> None:
    replication = replica_of("db-02", role=role)["statuses"]["db-02"].replication
    found = judge_readiness(evidence(**status_of("db-02", replication=replication, is_mounted=is_mounted)))
    disagree = [one for one in found if one.id == "roles-disagree"]
    assert bool(disagree) == (role == "primary" or bool(is_mounted))
    assert all(not say(one.meaning, JA).isascii() for one in disagree)


@pytest.mark.parametrize("checks", StatusChecks)
def test_the_picture_of_a_machine_has_its_checks(checks: StatusChecks) -> None:
    cell = shown(**of("machines", "db-01", (InstanceState.ON, checks))).row("instance")[0]
    assert cell.startswith("running")


def test_the_picture_of_a_node_says_what_it_could_not_see() -> None:
    page = shown(**status_of("db-01", is_serving=None, is_exported=None, has_virtual_ip=None))
    assert page.row("says")[0] == "could not see the NFS exports, the virtual IP"


@pytest.mark.parametrize(
    ("row", "cell", "changes"),
    [
        ("says", "the volume is not mounted", {"is_serving": False, "is_mounted": False}),
        ("says", "the volume takes no write", {"is_serving": False, "is_writable": False}),
        ("database", "✖ failed does not answer", {"services": RUNNING, "database_answers": False}),
        (
            "scheduling service", "▲ degraded stopped, which only warns",
            {"services": RUNNING | {"cyss_cbgrn": "stopped"}, "only_warning": ("cyss_cbgrn",)},
        ),
    ],
)  # fmt: skip
def test_the_picture_of_a_node_says_what_is_wrong_with_a_part(row: str, cell: str, changes: dict[str, Any]) -> None:
    assert shown(**status_of("db-01", **changes)).row(row)[0] == cell


def test_the_picture_of_a_machine_that_is_off_needs_no_look_at_the_node() -> None:
    off = of("machines", "db-02", (InstanceState.OFF, StatusChecks.UNKNOWN))
    page = shown(**off, **of("statuses", "db-02", Answer.NONE))
    assert page.row("virtual IP")[1] == "✖ failed the instance is off"


def test_while_an_execution_is_at_work_what_is_down_is_on_its_way() -> None:
    status = judge(found := evidence(**status_of("db-01", has_virtual_ip=False)), judge_readiness(found), AT_WORK)
    assert shown(status).row("virtual IP")[0] == "▲ degraded not up yet"

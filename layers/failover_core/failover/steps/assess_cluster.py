"""Ask everybody who knows something about the cluster, all at once, and decide."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self, assert_never

from failover.adapters import alarms, instances, isolation, nodes, routes
from failover.asking import ask
from failover.confirmation import Asked, must_ask, read_answer
from failover.control import Control, patience_seconds
from failover.decision import decide, is_served_by_active, would_heartbeat_decide
from failover.errors import CloudUnavailable, Failed, NotYet
from failover.messages import Message
from failover.models import (
    Answer,
    Assessment,
    AutomaticLimit,
    ClusterRecord,
    Confirmation,
    Decision,
    Evidence,
    InstanceState,
    NodeEvidence,
    NodeStatus,
    PeerView,
    Replica,
    Routes,
    StatusChecks,
    Trigger,
    Unknown,
    Verdict,
    Workflow,
)
from failover.node_answers import VerbResult
from failover.planned_decision import decide_rejoin, decide_switchback
from failover.proof import Proof, Proven
from failover.runtime import StepInput, logger
from failover.settings import Node, Settings

_BEAT_SECONDS = 1.0
"""Between two looks at the heartbeat, while nothing but its loss is missing."""


class AssessClusterInput(StepInput):
    workflow: Workflow
    trigger: Trigger
    record: ClusterRecord
    asked: Asked | None = None
    """What came of asking an operator, once one was asked; nobody is asked twice."""


def assess_cluster(request: AssessClusterInput, settings: Settings) -> Assessment:
    """The decision and the evidence for it. Changes nothing.

    Where nothing but the loss of the active node's heartbeat is missing, that is looked at once a second, as long as
    an answer may take: the answers are no older then than where they were all waited for. The node is listened to
    meanwhile, and an answer that comes counts.
    Raises NotYet when the evidence is not enough for a verdict: the workflow looks again for a bounded time; and
    InvalidInput for an operator's answer that cannot be understood.
    """
    answered_limit = read_answer(request.asked, settings.confirm_failover)
    with Look(request.trigger, request.record, settings, datetime.now(UTC)) as look:
        evidence = look.gather()
        while request.workflow == "failover" and would_heartbeat_decide(evidence) and look.go_on(_BEAT_SECONDS):
            evidence = look.gather()
    if evidence.limit is AutomaticLimit.NONE:
        evidence = evidence.model_copy(update={"limit": answered_limit})
    decision = _decide(request, evidence)
    decision = decision.model_copy(update={"protocol": evidence.standby.protocol or evidence.active.protocol})
    if request.record.moving_to is not None and is_served_by_active(evidence):
        decision = decision.model_copy(update={"is_move_over": True})
    logger.info("assessed", verdict=decision.verdict, reason=decision.reason, evidence=evidence.to_json())
    if decision.verdict is Verdict.NOT_YET:
        raise NotYet(decision.reason)
    return Assessment(
        decision=decision,
        evidence=evidence,
        confirmation=Confirmation(
            is_needed=request.workflow == "failover"
            and request.asked is None
            and must_ask(decision, evidence, request.trigger, settings.confirm_failover),
            timeout_seconds=settings.confirm_timeout_seconds,
        ),
    )


def _decide(request: AssessClusterInput, evidence: Evidence) -> Decision:
    match request.workflow:
        case "failover":
            return decide(evidence)
        case "switchback":
            return decide_switchback(evidence, request.trigger.node or evidence.active.name)
        case "rejoin":
            return decide_rejoin(evidence, request.trigger)
    assert_never(request.workflow)


def gather_evidence(trigger: Trigger, record: ClusterRecord, settings: Settings, now: datetime) -> Evidence:
    """The evidence as it is at `now`. A source that fails counts as unknown, whatever it would have said."""
    with Look(trigger, record, settings, now) as look:
        return look.gather()


class Look:
    """Everybody who knows something, asked all at once; at its end nobody is waited for any more."""

    def __init__(self, trigger: Trigger, record: ClusterRecord, settings: Settings, now: datetime) -> None:
        self._trigger, self._record, self._settings, self._now = trigger, record, settings, now
        self._active, self._standby = settings.node(record.active), settings.peer_of(record.active)
        self._is_over = False
        self._pool = ThreadPoolExecutor()
        self._begun_at = time.monotonic()
        active, standby, submit = self._active, self._standby, self._pool.submit
        self._active_machine = submit(ask, instances.read_instance, active)
        self._standby_machine = submit(ask, instances.read_instance, standby)
        self._active_answer = submit(self._ask_node, active, "status")
        self._standby_answer = submit(self._ask_node, standby, "status")
        self._standby_probe = submit(self._ask_node, standby, "probe")
        self._route_entries = submit(ask, routes.read_entries, settings)
        self._alarm_states = submit(_read_alarms, active, settings)
        self._fence = (
            submit(ask, isolation.prove_isolated, standby, settings)
            if record.fence is not None and record.fence.node == standby.name
            else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._is_over = True
        self._pool.__exit__(*error)

    def gather(self) -> Evidence:
        """The evidence as soon as all have answered, or the active node's silence counts; later, as it is by then."""
        record, settings, active, standby = self._record, self._settings, self._active, self._standby
        standby_answer, _ = self._standby_answer.result()
        active_answer = self._hear_active()
        standby_evidence = _node_evidence(standby, self._standby_machine.result(), standby_answer, record)
        if self._fence is not None and record.fence is not None:
            is_replaced = not record.fence.covers(standby.instance_id, standby.data_volume_id)
            standby_evidence = _left_behind(
                standby_evidence, is_isolated=_is_isolated(self._fence.result()), is_replaced=is_replaced
            )
        return Evidence(
            active=_node_evidence(active, self._active_machine.result(), active_answer, record),
            standby=standby_evidence,
            is_heartbeat_lost=_is_heartbeat_lost(active_answer, self._alarm_states.result(), active, standby, settings),
            was_replicating=_was_replicating(standby_answer, active, settings),
            standby_view=_standby_view(self._standby_probe.result()[0]),
            routes=_judge_routes(self._route_entries.result(), active),
            # A way back that did not come as far as demoting the standby leaves it promoted, and on record as left.
            is_move_unfinished=record.moving_to == standby.name
            or (record.moving_to == active.name and standby_evidence.is_primary),
            limit=_automatic_limit(self._trigger, record, settings, self._now),
            is_data_loss_accepted=self._trigger.accept_data_loss,
        )

    def go_on(self, seconds: float) -> bool:
        """Waits so long, or until the active node answers. False: what was asked is too old to be waited with."""
        if time.monotonic() + seconds > self._begun_at + self._settings.answer_timeout_seconds:
            return False
        if self._active_answer.done():
            time.sleep(seconds)
        else:
            self._await_active(seconds)
        return True

    def _hear_active(self) -> VerbResult | Answer:
        control, limit_seconds = self._control(), float(self._settings.answer_timeout_seconds)
        patience = patience_seconds(control, limit_seconds)
        # The whole limit is kept by the question itself, which counts from when it was sent.
        self._await_active(None if patience >= limit_seconds else self._begun_at + patience - time.monotonic())
        if self._active_answer.done():
            return self._active_answer.result()[0]
        waited_seconds = time.monotonic() - self._begun_at
        logger.info(f"{self._active.name} is silent", seconds=waited_seconds, control=control.to_json())
        return Answer.NONE

    def _await_active(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            self._active_answer.result(timeout=None if seconds is None else max(seconds, 0.0))

    def _control(self) -> Control:
        """What the standby said; waits until its answers are there."""
        (answer, seconds), (probed, _) = self._standby_answer.result(), self._standby_probe.result()
        has_answered = isinstance(answer, VerbResult) and answer.status is not None
        probe = probed.probe if isinstance(probed, VerbResult) else None
        return Control(
            answered_after_seconds=seconds if has_answered else None,
            sees_active=None if probe is None else probe.sees_anything,
        )

    def _ask_node(self, node: Node, verb: nodes.Verb) -> tuple[VerbResult | Answer, float]:
        """What the node said; Answer.NONE if it was asked and is silent; Answer.UNKNOWN if it could not be asked.

        And after how many seconds.
        """
        try:
            result = nodes.run_verb(
                node,
                verb,
                self._settings,
                timeout_seconds=self._settings.answer_timeout_seconds,
                is_given_up=lambda: self._is_over,
            )
        except (CloudUnavailable, Failed) as error:
            logger.warning(f"{node.name} could not be asked for its {verb}: {error}")
            return Answer.UNKNOWN, time.monotonic() - self._begun_at
        return Answer.NONE if result is None else result, time.monotonic() - self._begun_at


def _read_alarms(active: Node, settings: Settings) -> dict[str, str]:
    states = ask(alarms.read_alarm_states, [settings.alarm_name(active.name, "heartbeat-lost")])
    return {} if isinstance(states, Unknown) else states


def _is_in_alarm(state: str | None) -> bool | None:
    return {"ALARM": True, "OK": False}.get(state or "")


def _is_heartbeat_lost(
    active_answer: VerbResult | Answer, alarm_states: dict[str, str], active: Node, standby: Node, settings: Settings
) -> bool | None:
    """Whether the active node's heartbeat stays away; None is unknown.

    Its alarm says so, but late. So for an active node that was asked and is silent the metric itself is looked at: the
    beat is lost when it stopped arriving while the standby's goes on, which shows that CloudWatch is not merely late.
    Both are one and the same sign, the node's word to CloudWatch.
    """
    in_alarm = _is_in_alarm(alarm_states.get(settings.alarm_name(active.name, "heartbeat-lost")))
    if in_alarm or active_answer is not Answer.NONE:
        return in_alarm
    # Now, not when the look began: the answer was waited for, and a beat may have come meanwhile.
    now = datetime.now(UTC)
    beats = ask(alarms.read_last_beats, settings, now)
    is_silent = not isinstance(beats, Unknown) and has_fallen_silent(
        active.name, standby.name, beats, settings.silence, now
    )
    return True if is_silent else in_alarm


def has_fallen_silent(
    active: str, standby: str, beats: Mapping[str, datetime], silence: timedelta, now: datetime
) -> bool:
    """Whether the active node's newest beat is too old while the standby's is not."""
    is_stopped = active not in beats or now - beats[active] > silence
    return is_stopped and standby in beats and now - beats[standby] <= silence


def _node_evidence(
    node: Node,
    machine: tuple[InstanceState, StatusChecks] | Unknown,
    answer: VerbResult | Answer,
    record: ClusterRecord,
) -> NodeEvidence:
    instance, checks = (InstanceState.UNKNOWN, StatusChecks.UNKNOWN) if isinstance(machine, Unknown) else machine
    if instance is InstanceState.FORGOTTEN and answer is Answer.NONE and record.was_proven_off(node.instance_id):
        instance = InstanceState.GONE
    if isinstance(answer, Answer):
        return NodeEvidence(
            name=node.name,
            instance_id=node.instance_id,
            instance=instance,
            checks=checks,
            answer=answer,
            replica=Replica.UNKNOWN,
        )
    status = answer.status
    if status is None:
        return NodeEvidence(
            name=node.name, instance_id=node.instance_id, instance=instance, checks=checks, answer=Answer.UNKNOWN,
            replica=Replica.UNKNOWN, detail=answer.message,
        )  # fmt: skip
    judged = judge_status(status)
    return NodeEvidence(
        name=node.name,
        instance_id=node.instance_id,
        instance=instance,
        checks=checks,
        answer=judged,
        replica=_judge_replica(status),
        unwritable=", ".join(status.unwritable or ()),
        detail=_describe(status, judged),
        is_up_to_date_standby=status.is_up_to_date_standby,
        must_be_kept=status.may_be_ahead,
        protocol=status.replication.protocol,
    )


def _is_isolated(proof: Proof | Unknown) -> bool | None:
    return None if isinstance(proof, Unknown) else isinstance(proof, Proven)


def _left_behind(standby: NodeEvidence, *, is_isolated: bool | None, is_replaced: bool) -> NodeEvidence:
    """A fenced node may call its replica up to date for ever: until it has rejoined, it is not.

    Another machine with another volume, which took its place, was never fenced; only its subnets may still be isolated.
    """
    if is_replaced:
        return standby.model_copy(update={"is_isolated": is_isolated})
    return standby.model_copy(
        update={
            "replica": Replica.STALE if standby.replica is Replica.UP_TO_DATE else standby.replica,
            "detail": Message("node.was-fenced"),
            "is_up_to_date_standby": False,
            "must_be_kept": True,
            "is_isolated": is_isolated,
        }
    )


def judge_status(status: NodeStatus) -> Answer:
    """What the node's status says of it. What it could not see of itself counts neither for nor against it."""
    if not status.is_role_seen:
        return Answer.UNKNOWN
    if status.is_serving:
        return Answer.SERVING
    if status.is_demoted:
        return Answer.DEMOTED
    return Answer.UNKNOWN if status.is_serving is None else Answer.NOT_SERVING


def _describe(status: NodeStatus, judged: Answer) -> Message:
    match judged:
        case Answer.NOT_SERVING:
            return status.failing_parts()
        case Answer.UNKNOWN:
            return Message("node.look-failed", parts=status.unseen_parts())
        case Answer.SERVING | Answer.DEMOTED | Answer.NONE:
            return status.replication.words
    assert_never(judged)


def _judge_replica(status: NodeStatus) -> Replica:
    return {
        "current": Replica.UP_TO_DATE,
        "stale": Replica.STALE,
        "unusable": Replica.UNUSABLE,
        "unknown": Replica.UNKNOWN,
    }[status.replication.data]


def _was_replicating(standby_answer: VerbResult | Answer, active: Node, settings: Settings) -> bool | None:
    """The active node's last word about its replica.

    A secondary that lost its peer still calls its own copy current, however much the primary wrote since. So a
    standby that is not connected is believed only if the active's own `ReplicationHealthy` was good until the end.
    """
    if (
        isinstance(standby_answer, VerbResult)
        and standby_answer.status
        and standby_answer.status.replication.is_connected
    ):
        return True
    # Now, when the answers have been waited for: the last line of a node that died takes its time.
    now = datetime.now(UTC)
    last_word = ask(alarms.was_replicating_to_its_end, active, settings, now)
    return None if isinstance(last_word, Unknown) else last_word


def _standby_view(answer: VerbResult | Answer) -> PeerView:
    if isinstance(answer, Answer) or answer.probe is None:
        return PeerView.UNKNOWN
    match answer.probe.sees_services:
        case True:
            return PeerView.SERVES
        case False:
            return PeerView.DOES_NOT_SERVE
        case None:
            return PeerView.UNKNOWN
    assert_never(answer.probe.sees_services)


def _judge_routes(entries: list[routes.RouteEntry] | Unknown, active: Node) -> Routes:
    if isinstance(entries, Unknown):
        return Routes.UNKNOWN
    return Routes.RIGHT if all(entry.points_to(active) for entry in entries) else Routes.WRONG


def _automatic_limit(trigger: Trigger, record: ClusterRecord, settings: Settings, now: datetime) -> AutomaticLimit:
    if not trigger.is_automatic:
        return AutomaticLimit.NONE
    if record.maintenance_end(now) is not None:
        return AutomaticLimit.MAINTENANCE
    interval = timedelta(seconds=settings.minimum_failover_interval_seconds)
    since = {
        AutomaticLimit.INTERVAL: record.last_failover_at,
        AutomaticLimit.DECLINED: record.declined_at,
        AutomaticLimit.UNANSWERED: record.unanswered_at,
    }
    return next((limit for limit, at in since.items() if at is not None and now < at + interval), AutomaticLimit.NONE)

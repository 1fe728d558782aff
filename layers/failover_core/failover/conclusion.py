"""How an execution ended, in words for the operator: a pure function."""

from typing import assert_never

from failover.failure import Failure
from failover.messages import Message, together
from failover.models import Decision, Fenced, Lock, OutcomeKind, Value, Verdict
from failover.settings import ReplicationProtocol
from failover.step_catalogue import BY_STATE, LOOK_AT_THE_EXECUTION


class Progress(Value):
    """How far the execution came."""

    is_moved: bool = False
    """The role was moved away from the node that was active at the start."""
    fenced: Fenced | None = None
    """The node that was fenced, unless it is back in service."""
    move_failure: Failure | None = None
    """Why the move was given up, once the way back to the old active node was taken."""


class Conclusion(Value):
    """The kind of the outcome, with a reason and a next step that are sentences."""

    kind: OutcomeKind
    reason: Message
    next_step: Message


def conclude(
    decision: Decision | None,
    failure: Failure | None,
    progress: Progress,
    protocol: ReplicationProtocol = ReplicationProtocol.C,
    lock: Lock | None = None,
    *,
    is_move_open: bool = False,
    last_word_seconds: float | None = None,
) -> Conclusion:
    """The outcome of an execution that decided so, failed there (or not), and came that far.

    `lock` has the names of the nodes as they were at the start. With `is_move_open`, the record has a move that this or
    an earlier execution began and that did not end. What the nodes said of the protocol counts; the stack's `protocol`
    only where they said nothing of it. `last_word_seconds` is the longest time between a node's last word on its
    replication and its end.
    """
    conclusion = _conclude(decision, failure, progress, lock)
    if failure is not None and is_move_open and conclusion.kind is not OutcomeKind.SKIPPED:
        next_step = together(conclusion.next_step, Message("outcome.schedule-goes-on"))
        conclusion = conclusion.model_copy(update={"next_step": next_step})
    reason, active = conclusion.reason, _old_active(lock)
    if progress.is_moved and decision is not None and decision.accepted_loss:
        reason = together(reason, Message("outcome.loss-accepted", loss=decision.accepted_loss, active=active))
    running = (decision and decision.protocol) or protocol
    if progress.is_moved and progress.fenced is not None and running != ReplicationProtocol.C:
        reason = together(reason, Message("outcome.last-writes-may-be-missing", protocol=str(running)))
    elif progress.is_moved and progress.fenced is not None and last_word_seconds is not None:
        # Promise 3 rests on the lost node's last word; what it did between that and its end, it could tell nobody.
        reason = together(reason, Message("outcome.last-word", active=active, seconds=last_word_seconds))
    return conclusion.model_copy(update={"reason": reason})


def _old_active(lock: Lock | None) -> str:
    return Message("outcome.the-old-active") if lock is None else lock.record.active


def _conclude(decision: Decision | None, failure: Failure | None, progress: Progress, lock: Lock | None) -> Conclusion:
    if failure is not None:
        return _conclude_failure(decision, failure, progress)
    if decision is None:
        raise ValueError("an execution without a failure has a decision")
    if progress.move_failure is not None:
        put_back = Message("outcome.put-back", active=_old_active(lock))
        story = together(decision.reason, _what_failed(progress.move_failure), put_back)
        next_step = together(Message("next.find-why-it-could-not-take-the-role"), *_and_start_it(progress.fenced))
        return Conclusion(
            kind=OutcomeKind.RESTORED,
            reason=_with_the_fence(story, progress.fenced, is_told_always=True),
            next_step=_with_the_stop(next_step, progress.fenced),
        )
    return _conclude_success(decision, progress, lock)


def _conclude_failure(decision: Decision | None, failure: Failure, progress: Progress) -> Conclusion:
    match failure.error:
        case "InvalidInput" if failure.step == "AssessCluster":
            return Conclusion(
                kind=OutcomeKind.REFUSED,
                reason=failure.message,
                next_step=Message("next.asked-again"),
            )
        case "InvalidInput":
            return Conclusion(
                kind=OutcomeKind.REFUSED,
                reason=failure.message,
                next_step=Message("next.correct-the-input"),
            )
        case "LockHeld":
            return Conclusion(
                kind=OutcomeKind.SKIPPED,
                reason=failure.message,
                next_step=Message("next.other-execution-reports"),
            )
        case "StateUnknown" if failure.step == "RestartServices":
            return Conclusion(
                kind=OutcomeKind.WARNED,
                reason=failure.message,
                next_step=Message("next.see-status-on-the-node"),
            )
        case "NotYet" if failure.step == "AssessCluster":
            return Conclusion(
                kind=OutcomeKind.WARNED,
                reason=together(failure.message, Message("outcome.stayed-so")),
                next_step=BY_STATE[failure.step].next_step,
            )
    step = BY_STATE.get(failure.step)
    story: list[str] = [decision.reason] if decision else []
    is_in_place = decision is not None and _IN_PLACE.get(decision.verdict) == failure.step
    if decision and is_in_place and decision.why_no_move:
        is_restart = decision.verdict is Verdict.RESTART_SERVICES
        what = "outcome.restart-did-not-help" if is_restart else "outcome.in-place-did-not-help"
        kind = OutcomeKind.HALTED
        story.append(Message(what, why=decision.why_no_move))
    else:
        kind = OutcomeKind.FAILED if step is None else step.failed_as
    if progress.move_failure is not None:
        story.append(_what_failed(progress.move_failure))
    story.append(_what_failed(failure))
    next_step = LOOK_AT_THE_EXECUTION if step is None else step.next_step
    if failure.error == "NotFenced":
        kind, next_step = OutcomeKind.HALTED, Message("step.FenceNode")
    return Conclusion(
        kind=kind,
        reason=_with_the_fence(together(*story), progress.fenced),
        next_step=_with_the_stop(next_step, progress.fenced),
    )


_IN_PLACE = {Verdict.RESTART_SERVICES: "RestartServices", Verdict.RESUME_ACTIVE: "StartServices"}
"""What is done on the active node, by the step whose failure lets the role move."""


def _what_failed(failure: Failure) -> Message:
    return Message("outcome.step-failed", step=failure.step, why=failure.message)


def _conclude_success(decision: Decision, progress: Progress, lock: Lock | None) -> Conclusion:
    reason, next_step = decision.reason, decision.next_step or Message("next.nothing")
    match decision.verdict:
        case Verdict.NOTHING_TO_DO:
            kind = OutcomeKind.NOTHING_TO_DO
        case Verdict.WARN:
            kind = OutcomeKind.WARNED
        case Verdict.HALT | Verdict.NOT_YET:
            kind = OutcomeKind.HALTED
        case Verdict.REPAIR_ROUTES:
            kind = OutcomeKind.ROUTES_REPAIRED
            next_step = Message("next.find-who-changed-the-route")
        case Verdict.RESUME_ACTIVE if progress.is_moved:
            kind = OutcomeKind.MOVED
            reason = together(reason, Message("outcome.moved-after-resume"))
        case Verdict.RESUME_ACTIVE:
            kind = OutcomeKind.RESUMED
            next_step = together(Message("next.find-what-took-it-out"), *_and_start_it(progress.fenced))
        case Verdict.RESTART_SERVICES if progress.is_moved:
            kind = OutcomeKind.MOVED
            reason = together(reason, Message("outcome.moved-after-restart"))
        case Verdict.RESTART_SERVICES:
            kind = OutcomeKind.SERVICES_RESTARTED
            next_step = Message("next.find-cause-in-the-journal")
        case Verdict.FAIL_OVER:
            kind = OutcomeKind.FAILED_OVER
        case Verdict.SWITCH_OVER:
            return Conclusion(kind=OutcomeKind.SWITCHED_OVER, reason=reason, next_step=next_step)
        case Verdict.REJOIN:
            kind = OutcomeKind.REJOINED
        case _:
            assert_never(decision.verdict)
    if kind is OutcomeKind.MOVED and progress.fenced is None:
        next_step = Message("next.repair-the-demoted", active=_old_active(lock))
    elif progress.is_moved:
        next_step = Message("next.bring-back-as-standby", active=_old_active(lock))
    return Conclusion(
        kind=kind,
        reason=_with_the_fence(reason, progress.fenced),
        next_step=_with_the_stop(next_step, progress.fenced),
    )


def _and_start_it(fenced: Fenced | None) -> list[Message]:
    return [] if fenced is None else [Message("next.start-the-instance", node=fenced.node)]


def _with_the_fence(reason: Message, fenced: Fenced | None, *, is_told_always: bool = False) -> Message:
    """The reason, and what of the fence is not as it should be; of an unexpected fence, that there was one."""
    if fenced is not None and is_told_always:
        reason = together(reason, Message("outcome.undemoted-was-fenced", node=fenced.node, proof=fenced.proof))
    if fenced is not None and not fenced.is_off:
        return together(reason, Message("outcome.isolated-not-stopped", node=fenced.node))
    if fenced is not None and fenced.why_not_isolated:
        why = fenced.why_not_isolated
        return together(reason, Message("outcome.fenced-by-stop-alone", node=fenced.node, why=why))
    return reason


def _with_the_stop(next_step: Message, fenced: Fenced | None) -> Message:
    if fenced is None or fenced.is_off:
        return next_step
    return together(Message("next.stop-the-isolated", node=fenced.node), next_step)

"""How an execution ended, in words for the operator: a pure function."""

from typing import assert_never

from failover.models import Decision, Failure, Fenced, Lock, OutcomeKind, Value, Verdict
from failover.settings import ReplicationProtocol
from failover.step_catalogue import BY_STATE, LOOK_AT_THE_EXECUTION

_SCHEDULE_GOES_ON = (
    "The failover workflow starts by itself within a minute, and again while the trouble stands, and finishes or "
    "undoes the move; during maintenance start it by hand."
)

_LAST_WRITES_MAY_BE_MISSING = (
    "Replication is asynchronous (protocol {protocol}): what users wrote in the last moments before the failure may be "
    "missing."
)


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
    reason: str
    next_step: str


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
        conclusion = conclusion.model_copy(update={"next_step": f"{conclusion.next_step} {_SCHEDULE_GOES_ON}"})
    if progress.is_moved and decision is not None and decision.accepted_loss:
        conclusion = conclusion.model_copy(update={"reason": f"{conclusion.reason} {_with_loss(decision, lock)}"})
    running = (decision and decision.protocol) or protocol
    if progress.is_moved and progress.fenced is not None and running != ReplicationProtocol.C:
        words = _LAST_WRITES_MAY_BE_MISSING.format(protocol=running)
        return conclusion.model_copy(update={"reason": f"{conclusion.reason} {words}"})
    if progress.is_moved and progress.fenced is not None and last_word_seconds is not None:
        words = _what_no_word_covers(lock, last_word_seconds)
        return conclusion.model_copy(update={"reason": f"{conclusion.reason} {words}"})
    return conclusion


def _what_no_word_covers(lock: Lock | None, seconds: float) -> str:
    """Promise 3 rests on the lost node's last word; what it did between that and its end, it could tell nobody."""
    return (
        f"By its last word {_old_active(lock)} was replicating; had that ended in the {seconds:.0f} s or less between "
        "this word and its failure, what was written meanwhile would be missing."
    )


def _with_loss(decision: Decision, lock: Lock | None) -> str:
    return (
        f"An operator accepted the loss of data: {decision.accepted_loss}. What {_old_active(lock)} alone holds is not "
        "in service; it is kept in a snapshot when that node rejoins."
    )


def _old_active(lock: Lock | None) -> str:
    return "the old active node" if lock is None else lock.record.active


def _conclude(decision: Decision | None, failure: Failure | None, progress: Progress, lock: Lock | None) -> Conclusion:
    if failure is not None:
        return _conclude_failure(decision, failure, progress)
    if decision is None:
        raise ValueError("an execution without a failure has a decision")
    if progress.move_failure is not None:
        return Conclusion(
            kind=OutcomeKind.RESTORED,
            reason=_with_the_fence(
                f"{decision.reason} {_what_failed(progress.move_failure)} The role was put back: {_old_active(lock)} "
                "is in service again.",
                progress.fenced,
                is_told_always=True,
            ),
            next_step=_with_the_stop(
                "Find out why the other node could not take the role, before the next failure needs it."
                + _and_start_it(progress.fenced),
                progress.fenced,
            ),
        )
    return _conclude_success(decision, progress, lock)


def _conclude_failure(decision: Decision | None, failure: Failure, progress: Progress) -> Conclusion:
    match failure.error:
        case "InvalidInput" if failure.step == "AssessCluster":
            return Conclusion(
                kind=OutcomeKind.REFUSED,
                reason=failure.message,
                next_step="Nothing was changed. You are asked again while the trouble stands.",
            )
        case "InvalidInput":
            return Conclusion(
                kind=OutcomeKind.REFUSED,
                reason=failure.message,
                next_step="Nothing was changed. Correct the input and start the workflow again.",
            )
        case "LockHeld":
            return Conclusion(
                kind=OutcomeKind.SKIPPED, reason=failure.message, next_step="Nothing: the other execution reports."
            )
        case "StateUnknown" if failure.step == "RestartServices":
            return Conclusion(
                kind=OutcomeKind.WARNED,
                reason=failure.message,
                next_step="Nothing was changed by that. This workflow starts again while an alarm stands; if it stays "
                "so, see `garoon-node status` on the node.",
            )
        case "NotYet" if failure.step == "AssessCluster":
            return Conclusion(
                kind=OutcomeKind.WARNED,
                reason=f"{failure.message} It stayed so for as long as this execution looked.",
                next_step=BY_STATE[failure.step].next_step,
            )
    step = BY_STATE.get(failure.step)
    story = [decision.reason] if decision else []
    is_in_place = decision is not None and _IN_PLACE.get(decision.verdict) == failure.step
    if decision and is_in_place and decision.why_no_move:
        what = "The restart" if decision.verdict is Verdict.RESTART_SERVICES else "Bringing it into service in place"
        kind, lead = OutcomeKind.HALTED, f"{what} did not help, and the role may not move: {decision.why_no_move}."
        story.append(lead)
    else:
        kind = OutcomeKind.FAILED if step is None else step.failed_as
    if progress.move_failure is not None:
        story.append(_what_failed(progress.move_failure))
    story.append(_what_failed(failure))
    next_step = LOOK_AT_THE_EXECUTION if step is None else step.next_step
    return Conclusion(
        kind=kind,
        reason=_with_the_fence(" ".join(story), progress.fenced),
        next_step=_with_the_stop(next_step, progress.fenced),
    )


_IN_PLACE = {Verdict.RESTART_SERVICES: "RestartServices", Verdict.RESUME_ACTIVE: "StartServices"}
"""What is done on the active node, by the step whose failure lets the role move."""


def _what_failed(failure: Failure) -> str:
    return f"{failure.step} did not succeed: {failure.message}"


def _conclude_success(decision: Decision, progress: Progress, lock: Lock | None) -> Conclusion:
    reason, next_step = decision.reason, decision.next_step or "Nothing."
    match decision.verdict:
        case Verdict.NOTHING_TO_DO:
            kind = OutcomeKind.NOTHING_TO_DO
        case Verdict.WARN:
            kind = OutcomeKind.WARNED
        case Verdict.HALT | Verdict.NOT_YET:
            kind = OutcomeKind.HALTED
        case Verdict.REPAIR_ROUTES:
            kind = OutcomeKind.ROUTES_REPAIRED
            next_step = "Find the cause: who changed the route (CloudTrail, ReplaceRoute)? Nothing else is to be done."
        case Verdict.RESUME_ACTIVE if progress.is_moved:
            kind = OutcomeKind.MOVED
            reason = f"{reason} That did not help, so the role was moved."
        case Verdict.RESUME_ACTIVE:
            kind = OutcomeKind.RESUMED
            next_step = "Find out what took it out of service. Nothing else is to be done." + _and_start_it(
                progress.fenced
            )
        case Verdict.RESTART_SERVICES if progress.is_moved:
            kind = OutcomeKind.MOVED
            reason = f"{reason} A restart in place did not help, so the role was moved."
        case Verdict.RESTART_SERVICES:
            kind = OutcomeKind.SERVICES_RESTARTED
            next_step = "Find the cause in the journal and the log of what was down. Nothing else is to be done."
        case Verdict.FAIL_OVER:
            kind = OutcomeKind.FAILED_OVER
        case Verdict.SWITCH_OVER:
            return Conclusion(kind=OutcomeKind.SWITCHED_OVER, reason=reason, next_step=next_step)
        case Verdict.REJOIN:
            kind = OutcomeKind.REJOINED
        case _:
            assert_never(decision.verdict)
    if kind is OutcomeKind.MOVED and progress.fenced is None:
        next_step = (
            f"Repair what was down on {_old_active(lock)}, before it is needed again: it was demoted in good order and "
            "is the standby now. garoon-check-readiness says whether it is up to date."
        )
    elif progress.is_moved:
        next_step = f"Bring {_old_active(lock)} back as an up-to-date standby: until then there is none."
    return Conclusion(
        kind=kind,
        reason=_with_the_fence(reason, progress.fenced),
        next_step=_with_the_stop(next_step, progress.fenced),
    )


def _and_start_it(fenced: Fenced | None) -> str:
    return "" if fenced is None else f" Start the instance of {fenced.node}: it rejoins, and until then is no standby."


def _with_the_fence(reason: str, fenced: Fenced | None, *, is_told_always: bool = False) -> str:
    """The reason, and what of the fence is not as it should be; of an unexpected fence, that there was one."""
    if fenced is not None and is_told_always:
        reason = f"{reason} {fenced.node} could not be demoted and was fenced: {fenced.proof}."
    if fenced is not None and not fenced.is_off:
        return f"{reason} {fenced.node} is isolated, but its instance is not stopped."
    if fenced is not None and fenced.why_not_isolated:
        return f"{reason} {fenced.node} was fenced by its stop alone: {fenced.why_not_isolated}."
    return reason


def _with_the_stop(next_step: str, fenced: Fenced | None) -> str:
    if fenced is None or fenced.is_off:
        return next_step
    return (
        f"Stop the instance of {fenced.node} in the EC2 console (Force stop, skipping the OS shutdown), or wait until "
        f"EC2 has stopped it; until then leave its subnets' network ACLs as they are. {next_step}"
    )

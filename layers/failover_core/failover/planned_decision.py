"""What to do about a planned move or a rejoin: pure functions, beside `decision.decide` for the unplanned.

Both need an active node that answers, for there is nothing to hurry: whatever is in doubt halts, and changes nothing.
"""

from failover.decision import (
    describe_two_primaries,
    halt,
    is_move_open,
    not_yet,
    warn,
)
from failover.evidence_words import tell
from failover.messages import Message
from failover.models import (
    Answer,
    AutomaticLimit,
    Decision,
    Evidence,
    InstanceState,
    NodeEvidence,
    Replica,
    Routes,
    Trigger,
    Verdict,
)


def decide_switchback(evidence: Evidence, target: str) -> Decision:
    """Whether the active role moves to `target` now, and whether `target` must rejoin first."""
    active, standby = evidence.active, evidence.standby
    if target == active.name:
        return _decide_already_there(evidence)
    if obstacle := _why_nothing_planned_is_possible(evidence):
        return obstacle
    if standby.is_up_to_date_standby:
        return Decision(verdict=Verdict.SWITCH_OVER, reason=tell(evidence, "planned.move"))
    if obstacle := _why_standby_cannot_rejoin(evidence):
        return obstacle
    return Decision(
        verdict=Verdict.SWITCH_OVER,
        reason=tell(evidence, "planned.move-after-rejoin", why=_what_it_is_not(evidence)),
        is_rejoin_first=True,
        is_data_kept_first=_is_data_kept_first(standby),
    )


def decide_rejoin(evidence: Evidence, trigger: Trigger) -> Decision:
    """Whether the standby is brought back as an up-to-date one, and whether its data must be kept first."""
    active, standby = evidence.active, evidence.standby
    if trigger.node == active.name:
        return Decision(
            verdict=Verdict.NOTHING_TO_DO,
            reason=tell(evidence, "planned.nothing-to-rejoin"),
        )
    if standby.is_up_to_date_standby and not standby.must_be_kept:
        return Decision(verdict=Verdict.NOTHING_TO_DO, reason=tell(evidence, "planned.standby-already"))
    if evidence.limit is AutomaticLimit.MAINTENANCE:
        return halt(
            tell(evidence, "planned.rejoin-maintenance"),
            Message("do.bring-it-back-or-end-maintenance"),
        )
    if obstacle := _why_nothing_planned_is_possible(evidence) or _why_standby_cannot_rejoin(evidence):
        return obstacle
    return Decision(
        verdict=Verdict.REJOIN,
        reason=tell(evidence, "planned.rejoin", why=_what_it_is_not(evidence)),
        is_data_kept_first=_is_data_kept_first(standby),
    )


def _decide_already_there(evidence: Evidence) -> Decision:
    active = evidence.active
    if active.answer is Answer.SERVING and evidence.routes is not Routes.WRONG:
        return Decision(verdict=Verdict.NOTHING_TO_DO, reason=tell(evidence, "planned.active-already"))
    return warn(
        tell(
            evidence,
            "planned.active-already-but",
            detail=active.detail or active.answer.words,
            routes=evidence.routes.words,
        ),
        Message("do.start-failover"),
        is_for_failover=True,
    )


def _why_nothing_planned_is_possible(evidence: Evidence) -> Decision | None:
    active, standby = evidence.active, evidence.standby
    if standby.is_primary:
        return describe_two_primaries(evidence)
    if is_move_open(evidence):
        return halt(
            tell(evidence, "planned.unfinished"),
            Message("do.finish-then-this"),
            is_for_failover=True,
        )
    if active.answer is Answer.UNKNOWN:
        return not_yet(Message("planned.just-so", why=active.why_unknown))
    if not active.is_primary:
        return halt(
            tell(evidence, "planned.active-not-in-service"),
            Message("do.start-failover"),
            is_for_failover=True,
        )
    return None


def _why_standby_cannot_rejoin(evidence: Evidence) -> Decision | None:
    standby = evidence.standby
    if standby.answer is Answer.UNKNOWN:
        return not_yet(Message("planned.just-so", why=standby.why_unknown))
    if standby.unwritable:
        return halt(
            Message("planned.just-so", why=tell(evidence, "why.unwritable", folders=standby.unwritable)),
            tell(evidence, "do.make-room"),
        )
    if standby.replica is Replica.UNUSABLE:
        return halt(
            tell(evidence, "planned.unusable", detail=standby.detail),
            tell(evidence, "do.repair-the-disk"),
        )
    if standby.instance in (InstanceState.GONE, InstanceState.FORGOTTEN) and standby.answer is Answer.NONE:
        return halt(
            tell(evidence, "planned.cannot-come-back"),
            Message("do.give-a-successor"),
        )
    if standby.instance in (InstanceState.GOING_OFF, InstanceState.UNKNOWN):
        return not_yet(tell(evidence, "planned.instance-is"))
    if standby.must_be_kept and standby.is_isolated is None and standby.instance is not InstanceState.OFF:
        # If it is, it may still write to itself, and what is kept of it now would lack that.
        return not_yet(tell(evidence, "planned.isolation-unknown"))
    return None


def _is_data_kept_first(standby: NodeEvidence) -> bool:
    """An isolated node that is on may write to itself: it is stopped first, and its data kept before it follows."""
    may_still_write = bool(standby.is_isolated) and standby.instance is InstanceState.ON
    return standby.must_be_kept and not may_still_write


def _what_it_is_not(evidence: Evidence) -> Message:
    standby = evidence.standby
    if standby.instance is InstanceState.OFF:
        return Message("planned.is-stopped")
    if standby.answer is Answer.NONE:
        return Message("planned.does-not-answer-yet")
    if standby.detail:
        return Message("planned.not-up-to-date-because", detail=standby.detail)
    return Message("planned.not-up-to-date")

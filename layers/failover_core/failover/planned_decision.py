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
    what = f"{standby.name} is to be active in place of {active.name}"
    if standby.is_up_to_date_standby:
        return Decision(verdict=Verdict.SWITCH_OVER, reason=f"{what}; it is an up-to-date standby.")
    if obstacle := _why_standby_cannot_rejoin(evidence):
        return obstacle
    return Decision(
        verdict=Verdict.SWITCH_OVER,
        reason=f"{what}; it rejoins first, because it {_what_it_is_not(evidence)}.",
        is_rejoin_first=True,
        is_data_kept_first=_is_data_kept_first(standby),
    )


def decide_rejoin(evidence: Evidence, trigger: Trigger) -> Decision:
    """Whether the standby is brought back as an up-to-date one, and whether its data must be kept first."""
    active, standby = evidence.active, evidence.standby
    if trigger.node == active.name:
        return Decision(
            verdict=Verdict.NOTHING_TO_DO,
            reason=f"{active.name} runs and is the active node; it has nothing to rejoin.",
        )
    if standby.is_up_to_date_standby and not standby.must_be_kept:
        return Decision(
            verdict=Verdict.NOTHING_TO_DO, reason=f"{standby.name} is an up-to-date standby of {active.name} already."
        )
    if evidence.limit is AutomaticLimit.MAINTENANCE:
        return halt(
            f"{standby.name} is not an up-to-date standby; maintenance is on, so nothing happens automatically.",
            "Start this workflow by hand to bring it back, or end the maintenance.",
        )
    if obstacle := _why_nothing_planned_is_possible(evidence) or _why_standby_cannot_rejoin(evidence):
        return obstacle
    return Decision(
        verdict=Verdict.REJOIN,
        reason=f"{standby.name} rejoins as the standby of {active.name}, because it {_what_it_is_not(evidence)}.",
        is_data_kept_first=_is_data_kept_first(standby),
    )


def _decide_already_there(evidence: Evidence) -> Decision:
    active = evidence.active
    if active.answer is Answer.SERVING and evidence.routes is not Routes.WRONG:
        return Decision(
            verdict=Verdict.NOTHING_TO_DO, reason=f"{active.name} is the active node already, and it serves."
        )
    return warn(
        f"{active.name} is the active node already, but it does not serve as it should "
        f"({active.detail or active.answer}; routes: {evidence.routes}).",
        "Start the failover workflow with {}: it finds out what is wrong and puts it right.",
        is_for_failover=True,
    )


def _why_nothing_planned_is_possible(evidence: Evidence) -> Decision | None:
    active, standby = evidence.active, evidence.standby
    if standby.is_primary:
        return describe_two_primaries(active, standby)
    if is_move_open(evidence):
        return halt(
            f"An earlier move to {standby.name} is unfinished.",
            "Start the failover workflow with {} to finish it, then this one again.",
            is_for_failover=True,
        )
    if active.answer is Answer.UNKNOWN:
        return not_yet(f"{active.why_unknown}.")
    if not active.is_primary:
        return halt(
            f"{active.name} is the active node and is not in service ({active.instance.words}, answer: "
            f"{active.answer}), so there is nothing to follow. Nothing was changed.",
            "Start the failover workflow with {}: it finds out what is wrong and puts it right.",
            is_for_failover=True,
        )
    return None


def _why_standby_cannot_rejoin(evidence: Evidence) -> Decision | None:
    standby = evidence.standby
    if standby.answer is Answer.UNKNOWN:
        return not_yet(f"{standby.why_unknown}.")
    if standby.unwritable:
        return halt(
            f"{standby.unwritable} of {standby.name} takes no write (full or read-only), so it could not be promoted.",
            f"Make room on {standby.name}, then start this workflow again.",
        )
    if standby.replica is Replica.UNUSABLE:
        return halt(
            f"{standby.name} is {standby.replica} ({standby.detail}).",
            f"Repair the disk of {standby.name} or replace the node, then start this workflow again.",
        )
    if standby.instance in (InstanceState.GONE, InstanceState.FORGOTTEN) and standby.answer is Answer.NONE:
        return halt(
            f"The instance {standby.instance_id} of {standby.name} is {standby.instance.words}: it cannot come back.",
            'Give it a successor (docs/operations.md, "A node is lost for good").',
        )
    if standby.instance in (InstanceState.GOING_OFF, InstanceState.UNKNOWN):
        return not_yet(f"The instance of {standby.name} is {standby.instance.words}.")
    if standby.must_be_kept and standby.is_isolated is None and standby.instance is not InstanceState.OFF:
        # If it is, it may still write to itself, and what is kept of it now would lack that.
        return not_yet(f"{standby.name} was fenced, and it is not known whether it is still isolated.")
    return None


def _is_data_kept_first(standby: NodeEvidence) -> bool:
    """An isolated node that is on may write to itself: it is stopped first, and its data kept before it follows."""
    may_still_write = bool(standby.is_isolated) and standby.instance is InstanceState.ON
    return standby.must_be_kept and not may_still_write


def _what_it_is_not(evidence: Evidence) -> str:
    standby = evidence.standby
    if standby.instance is InstanceState.OFF:
        return "is stopped"
    if standby.answer is Answer.NONE:
        return "does not answer yet"
    return f"is not up to date yet ({standby.detail})" if standby.detail else "is not up to date yet"

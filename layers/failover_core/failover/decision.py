"""What to do about the evidence: a pure function, one row of docs/architecture.md's table after the other.

Two rules stand above all rows. Unknown is never evidence of death: a row that fails over asks for positive evidence
from independent sources. And whatever would move the active role passes `why_standby_cannot_take_over` first.
"""

from failover.models import (
    Answer,
    AutomaticLimit,
    Decision,
    Evidence,
    InstanceState,
    NodeEvidence,
    PeerView,
    Replica,
    Routes,
    StatusChecks,
    Verdict,
)


def decide(evidence: Evidence) -> Decision:
    """The verdict on the evidence, always with a reason. Never raises, never looks at anything but its argument."""
    active, standby = evidence.active, evidence.standby
    if is_move_open(evidence) and standby.answer is not Answer.DEMOTED:
        return _decide_unfinished_move(evidence)
    if standby.is_primary:
        return describe_two_primaries(active, standby)
    match active.answer:
        case Answer.SERVING:
            return _decide_serving(evidence)
        case Answer.NOT_SERVING:
            return _decide_services_down(evidence)
        case Answer.DEMOTED:
            return _decide_active_demoted(evidence)
        case Answer.NONE | Answer.UNKNOWN:
            return _decide_not_answering(evidence)


def is_move_open(evidence: Evidence) -> bool:
    """An earlier move is unfinished, and it is not plain that nothing came of it.

    Where the active node serves, nothing did: before a move's target is promoted, the active node is demoted or fenced,
    and it serves again only after a move of its own, which proves the target to be demoted or fenced.
    """
    return evidence.is_move_unfinished and not is_served_by_active(evidence)


def is_served_by_active(evidence: Evidence) -> bool:
    """The active node serves, and the other does not say that it is primary as well."""
    return evidence.active.answer is Answer.SERVING and not evidence.standby.is_primary


def why_standby_cannot_take_over(evidence: Evidence) -> str:
    """Why the standby may not be promoted now; empty if it may. A sentence without its full stop."""
    standby = evidence.standby
    if evidence.limit is AutomaticLimit.MAINTENANCE:
        return "maintenance is on, so nothing happens automatically"
    if evidence.limit is AutomaticLimit.INTERVAL:
        return "the last automatic failover ended less than the minimum interval ago, so another one needs an operator"
    if evidence.limit is AutomaticLimit.DECLINED:
        return "an operator declined the failover, which holds for the minimum interval"
    if evidence.limit is AutomaticLimit.UNANSWERED:
        return "nobody confirmed the failover in time, which holds for the minimum interval"
    # One that EC2 does not know just now, and that answers, is there: its answer is the better word.
    if standby.instance not in (InstanceState.ON, InstanceState.FORGOTTEN):
        return f"the standby {standby.name} is {instance_words(standby)}"
    if standby.answer is Answer.NONE:
        return f"the standby {standby.name} does not answer"
    if standby.answer is Answer.UNKNOWN:
        return f"it is not known whether the standby {standby.name} could take over" + (
            f" ({standby.detail})" if standby.detail else ""
        )
    if standby.replica is Replica.UNUSABLE:
        return f"{standby.name} is {standby.replica}"
    if standby.unwritable:
        return f"{standby.unwritable} of {standby.name} takes no write (full or read-only), so it could not be promoted"
    return "" if evidence.is_data_loss_accepted else why_data_would_be_lost(evidence)


def why_data_would_be_lost(evidence: Evidence) -> str:
    """Why the standby may lack what users were told is safe; empty if it lacks nothing. Without its full stop."""
    active, standby = evidence.active, evidence.standby
    if standby.replica is not Replica.UP_TO_DATE:
        return f"the replica on {standby.name} is {standby.replica}" + (
            f" ({standby.detail})" if standby.detail else ""
        )
    if evidence.was_replicating is None:
        return f"it is not known whether {active.name} was still replicating to {standby.name} when it was last heard"
    if not evidence.was_replicating:
        return (
            f"{active.name} was no longer replicating to {standby.name} when it was last heard, so data would be lost"
        )
    return ""


def describe_two_primaries(active: NodeEvidence, standby: NodeEvidence) -> Decision:
    """Halt: the standby is primary, whatever the active node is."""
    return halt(
        f"The record says that {active.name} is active, but {standby.name} is primary; somebody moved the role "
        "by hand, or both are primary.",
        f"Find out which node holds the newest data, demote the other (garoon-node demote), and set `active` in "
        f"the cluster table if {standby.name} is to stay.",
    )


def _decide_unfinished_move(evidence: Evidence) -> Decision:
    """An earlier execution began to promote the standby: from here the only safe way is forward."""
    active, standby = evidence.active, evidence.standby
    if active.is_primary and standby.is_primary:
        return halt(
            f"Both {active.name} and {standby.name} are primary after a move that did not finish.",
            "Stop one of them by hand; keep its volume: both may hold data that the other lacks.",
        )
    if standby.is_primary and evidence.limit is AutomaticLimit.MAINTENANCE:
        return halt(
            f"A move to {standby.name} is unfinished and maintenance is on.",
            "Start this workflow by hand to finish the move, or end the maintenance.",
        )
    if standby.is_primary:
        return Decision(
            verdict=Verdict.FAIL_OVER,
            reason=f"An earlier move to {standby.name} promoted it and did not finish; finishing it.",
        )
    if standby.answer is Answer.UNKNOWN:
        return not_yet(f"A move to {standby.name} is unfinished, and {standby.name} could not be asked how far it got.")
    if evidence.limit is not AutomaticLimit.MAINTENANCE and _may_go_back(evidence):
        return _go_back(evidence)
    if _is_fit_to_go_back(active):
        return halt(
            f"A move to {standby.name} is unfinished and {standby.name} does not answer: it may be promoted, and "
            f"nothing else says that it is lost, so {active.name} is not brought back.{if_gone(standby)}",
            f"Bring {standby.name} back, or stop its instance (Force stop): within a minute the service comes back by "
            "itself, unless maintenance is on.",
        )
    return halt(
        f"A move to {standby.name} is unfinished, {standby.name} does not answer, and {active.name} is not fit to be "
        f"active again ({instance_words(active)}, answer: {active.answer}), so neither is promoted.{if_gone(standby)}",
        f"Bring {standby.name} or {active.name} back, then start this workflow by hand.",
    )


def _may_go_back(evidence: Evidence) -> bool:
    """The standby is lost, and the active node can have the role back.

    Nothing is lost by that, however far the move came: services are started only on a node that is on record as
    active, so what users were told is safe is on that one.
    """
    active, standby = evidence.active, evidence.standby
    is_standby_lost = standby.instance.is_off or standby.checks is StatusChecks.FAILED
    return _is_fit_to_go_back(active) and (is_standby_lost or standby.is_isolated is True)


def _is_fit_to_go_back(active: NodeEvidence) -> bool:
    return active.answer is Answer.DEMOTED and active.replica is Replica.UP_TO_DATE


def _go_back(evidence: Evidence) -> Decision:
    active, standby = evidence.active, evidence.standby
    is_safe = standby.instance.is_off or standby.is_isolated
    lost = instance_words(standby) if standby.instance.is_off else "isolated" if is_safe else "lost"
    return Decision(
        verdict=Verdict.RESUME_ACTIVE,
        reason=f"A move to {standby.name} did not end and {standby.name} is {lost}; {active.name}, which users were "
        "served by last, is brought back into service.",
        is_standby_fenced_first=not is_safe,
        why_no_move=f"{standby.name} does not answer",
    )


def _decide_serving(evidence: Evidence) -> Decision:
    active, standby = evidence.active, evidence.standby
    if active.instance is InstanceState.GOING_OFF or active.instance.is_off:
        return not_yet(f"{active.name} still answers, but EC2 says that its instance is {instance_words(active)}.")
    if evidence.routes is Routes.WRONG:
        if evidence.limit is AutomaticLimit.MAINTENANCE:
            return halt(
                f"{active.name} serves, but a route of the virtual IP does not point to it, and maintenance is on.",
                "Start this workflow by hand to repair the routes, or end the maintenance.",
            )
        return Decision(
            verdict=Verdict.REPAIR_ROUTES,
            reason=f"{active.name} serves, but a route of the virtual IP does not point to it.",
        )
    if standby.is_down or standby.instance is not InstanceState.ON:
        return warn(
            f"{active.name} serves, but its standby {standby.name} is lost "
            f"({instance_words(standby)}, answer: {standby.answer}), so a failover would not work now.",
            f"Bring {standby.name} back as an up-to-date standby.",
        )
    if evidence.is_heartbeat_lost:
        return warn(
            f"{active.name} answers and serves, but its heartbeat does not arrive in CloudWatch.",
            f"Check garoon-node-watch and the CloudWatch agent on {active.name}.",
        )
    return Decision(
        verdict=Verdict.NOTHING_TO_DO, reason=f"{active.name} answers and serves, and the routes are right."
    )


def _decide_services_down(evidence: Evidence) -> Decision:
    active = evidence.active
    what = f"{active.name} answers but does not serve: {active.detail or 'a service is down'}"
    if evidence.limit is AutomaticLimit.MAINTENANCE:
        return halt(
            f"{what}; maintenance is on, so nothing happens automatically.",
            "Start this workflow by hand to restart the services, or end the maintenance.",
        )
    return _in_place(Verdict.RESTART_SERVICES, f"{what}.", evidence)


def _decide_active_demoted(evidence: Evidence) -> Decision:
    """The active node is up but demoted: into service in place, unless the standby is in its way."""
    active, standby = evidence.active, evidence.standby
    how = f"a move to {standby.name} did not end" if evidence.is_move_unfinished else "as after a reboot"
    what = f"{active.name} is up but demoted, {how}"
    if evidence.limit is AutomaticLimit.MAINTENANCE:
        return halt(
            f"{what}; maintenance is on, so nothing happens automatically.",
            "Start this workflow by hand to bring it into service, or end the maintenance.",
        )
    if standby.answer is not Answer.DEMOTED and not standby.instance.is_off and not standby.is_isolated:
        if standby.answer is Answer.NONE and _may_go_back(evidence):
            return Decision(
                verdict=Verdict.RESUME_ACTIVE,
                reason=f"{what}, and {standby.name} failed its EC2 status checks and does not answer; it is fenced, "
                f"and {active.name} is brought into service in place.",
                is_standby_fenced_first=True,
                why_no_move=f"{standby.name} does not answer",
            )
        return not_yet(
            f"{what}, and there is no proof that {standby.name} is not promoted: it does not answer.{if_gone(standby)}"
        )
    if active.replica is Replica.UP_TO_DATE:
        return _in_place(Verdict.RESUME_ACTIVE, f"{what}; bringing it into service in place.", evidence)
    why_not = why_standby_cannot_take_over(evidence)
    if why_not:
        return halt(
            f"{what}, its own replica is {active.replica}, and {why_not}.",
            "Wait for the replicas to catch up, or start this workflow by hand with acceptDataLoss.",
            is_data_loss_in_the_way=why_not == why_data_would_be_lost(evidence),
        )
    return Decision(
        verdict=Verdict.FAIL_OVER,
        reason=f"{what} and its replica is {active.replica}; {standby.name} takes over.",
        accepted_loss=_accepted_loss(evidence),
    )


def _decide_not_answering(evidence: Evidence) -> Decision:
    active, standby = evidence.active, evidence.standby
    if active.instance.is_off:
        return _fail_over(evidence, f"The instance of {active.name} is {instance_words(active)}")
    if active.answer is Answer.NONE and standby.is_down:
        return halt(
            f"Neither {active.name} nor {standby.name} answers: both are down, or Run Command is out of order. "
            "Nothing is promoted, nothing is fenced.",
            "Look at both instances in the EC2 console and bring one of them back.",
        )
    if evidence.standby_view is PeerView.SERVES:
        return warn(
            (
                f"{active.name} could not say how it is ({active.detail}), but {standby.name} reaches its services."
                if active.detail
                else f"{active.name} does not answer over AWS, but {standby.name} reaches its services: its path to "
                "AWS is broken, not the node."
            ),
            f"Check the network path from {active.name} to Systems Manager and CloudWatch (NAT gateway, agents).",
        )
    if active.answer is Answer.UNKNOWN:
        return not_yet(f"{describe_unknown(active)}, which says nothing about it.")
    if active.checks is StatusChecks.FAILED:
        return _fail_over(evidence, f"{active.name} failed its EC2 status checks and does not answer")
    if evidence.is_heartbeat_lost and evidence.standby_view is PeerView.DOES_NOT_SERVE:
        return _fail_over(
            evidence,
            f"{active.name} does not answer, its heartbeat is lost, and {standby.name} cannot reach its services",
        )
    return not_yet(
        f"{active.name} does not answer, but there is no second, independent sign that it is down.{if_gone(active)}"
    )


def _fail_over(evidence: Evidence, what: str) -> Decision:
    standby = evidence.standby
    why_not = why_standby_cannot_take_over(evidence)
    if not why_not:
        return Decision(
            verdict=Verdict.FAIL_OVER,
            reason=f"{what}; {standby.name} takes over.",
            accepted_loss=_accepted_loss(evidence),
        )
    if standby.answer is Answer.UNKNOWN and evidence.limit is AutomaticLimit.NONE:
        return not_yet(f"{what}, and {why_not}.")
    is_data_loss_in_the_way = why_not == why_data_would_be_lost(evidence)
    return halt(
        f"{what}, but {why_not}.",
        f"Bring {evidence.active.name} or an up-to-date {standby.name} back, or start this workflow by hand"
        + (" with acceptDataLoss, if its data is to be used as it is." if is_data_loss_in_the_way else "."),
        is_data_loss_in_the_way=is_data_loss_in_the_way,
    )


def _in_place(verdict: Verdict, reason: str, evidence: Evidence) -> Decision:
    """Puts the active node right where it is; if that does not help, the role moves unless something forbids it."""
    why_not = why_standby_cannot_take_over(evidence)
    return Decision(
        verdict=verdict,
        reason=reason,
        why_no_move=why_not,
        accepted_loss="" if why_not else _accepted_loss(evidence),
        is_data_loss_in_the_way=bool(why_not) and why_not == why_data_would_be_lost(evidence),
    )


def _accepted_loss(evidence: Evidence) -> str:
    return why_data_would_be_lost(evidence) if evidence.is_data_loss_accepted else ""


def halt(
    reason: str, next_step: str, *, is_data_loss_in_the_way: bool = False, is_for_failover: bool = False
) -> Decision:
    """Nothing is changed, and an operator is needed."""
    return Decision(
        verdict=Verdict.HALT,
        reason=reason,
        next_step=next_step,
        is_data_loss_in_the_way=is_data_loss_in_the_way,
        is_for_failover=is_for_failover,
    )


def warn(reason: str, next_step: str, *, is_for_failover: bool = False) -> Decision:
    """Nothing is changed, and an operator should know."""
    return Decision(verdict=Verdict.WARN, reason=reason, next_step=next_step, is_for_failover=is_for_failover)


def not_yet(reason: str) -> Decision:
    """Look again: the evidence is not enough for a verdict."""
    return Decision(verdict=Verdict.NOT_YET, reason=reason, next_step="Look again in a minute; see docs/operations.md.")


def describe_unknown(node: NodeEvidence) -> str:
    """Why it is not known how the node is. A sentence without its full stop."""
    if node.detail:
        return f"{node.name} could not say how it is ({node.detail})"
    return f"{node.name} could not be asked for its status"


def if_gone(node: NodeEvidence) -> str:
    """What an operator may say of an instance that EC2 does not know: a sentence, with a blank before it."""
    if node.instance is not InstanceState.FORGOTTEN:
        return ""
    return (
        f" EC2 does not know its instance {node.instance_id}, which alone is no proof: if it is gone for good, start "
        f'this workflow with {{"peerIsGone": "{node.instance_id}"}}.'
    )


def instance_words(node: NodeEvidence) -> str:
    """What EC2 says of its machine, e.g. "stopped"."""
    return {
        InstanceState.ON: "running",
        InstanceState.GOING_OFF: "stopping",
        InstanceState.OFF: "stopped",
        InstanceState.GONE: "terminated",
        InstanceState.FORGOTTEN: "not known to EC2",
        InstanceState.UNKNOWN: "in an unknown state",
    }[node.instance]

"""What to do about the evidence: a pure function, which takes the first row of `TABLE` that fits.

docs/architecture.md shows the same table, and a test holds the two together. Two rules stand above all rows. Unknown is
never evidence of death: a row that fails over asks for positive evidence from independent sources. And whatever would
move the active role passes `why_standby_cannot_take_over` first.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
    part = next(part for part in TABLE if part.when(evidence))
    row = next(row for row in part.rows if row.when(evidence))
    return row.then.decide(evidence)


def is_move_open(evidence: Evidence) -> bool:
    """An earlier move is unfinished, and it is not plain that nothing came of it.

    Where the active node serves, nothing did: before a move's target is promoted, the active node is demoted or fenced,
    and it serves again only after a move of its own, which proves the target to be demoted or fenced.
    """
    return evidence.is_move_unfinished and not is_served_by_active(evidence)


def is_served_by_active(evidence: Evidence) -> bool:
    """The active node serves, and the other does not say that it is primary as well."""
    return evidence.active.answer is Answer.SERVING and not evidence.standby.is_primary


def would_heartbeat_decide(evidence: Evidence) -> bool:
    """Nothing but the loss of the active node's heartbeat is missing for a verdict."""
    if decide(evidence).verdict is not Verdict.NOT_YET:
        return False
    return decide(evidence.model_copy(update={"is_heartbeat_lost": True})).verdict is not Verdict.NOT_YET


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
        return f"the standby {standby.name} is {standby.instance.words}"
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


# --- what a row leads to -----------------------------------------------------------------------------------------
# Reasons and next steps are the operator's words. They may name anything of the evidence, as str.format reads it:
# {active...} and {standby...} are the two nodes' evidence, {seen...} the whole.


@dataclass(frozen=True)
class Then:
    """What is done, in the page's words, and the decision that says so."""

    words: str
    decide: Callable[[Evidence], Decision]


@dataclass(frozen=True)
class Row:
    """What the evidence says, in the page's words and as a predicate, and what follows."""

    says: str
    when: Callable[[Evidence], bool]
    then: Then


@dataclass(frozen=True)
class Part:
    """The rows of one situation; the last of them fits whatever is left of it."""

    says: str
    when: Callable[[Evidence], bool]
    rows: tuple[Row, ...]


def _fill(text: str, seen: Evidence) -> str:
    return text.format(active=seen.active, standby=seen.standby, seen=seen)


def _halt(reason: str, next_step: str) -> Then:
    return Then("halt and tell", lambda seen: halt(_fill(reason, seen), _fill(next_step, seen)))


def _warn(reason: str, next_step: str) -> Then:
    return Then("warn", lambda seen: warn(_fill(reason, seen), _fill(next_step, seen)))


def _look_again(reason: str) -> Then:
    return Then("look again for a bounded time, then warn", lambda seen: not_yet(_fill(reason, seen)))


def _simply(words: str, verdict: Verdict, reason: str) -> Then:
    return Then(words, lambda seen: Decision(verdict=verdict, reason=_fill(reason, seen)))


def _in_place(words: str, verdict: Verdict, reason: str) -> Then:
    """Puts the active node right where it is; if that does not help, the role moves unless something forbids it."""

    def decided(seen: Evidence) -> Decision:
        why_not = why_standby_cannot_take_over(seen)
        return Decision(
            verdict=verdict,
            reason=_fill(reason, seen),
            why_no_move=why_not,
            accepted_loss="" if why_not else _accepted_loss(seen),
            is_data_loss_in_the_way=bool(why_not) and why_not == why_data_would_be_lost(seen),
        )

    return Then(f"{words}; if that does not help, move the role", decided)


def _resume_alone(reason: str, *, is_standby_fenced_first: bool = False) -> Then:
    """The active node serves without its standby, to which the role cannot move."""

    def decided(seen: Evidence) -> Decision:
        return Decision(
            verdict=Verdict.RESUME_ACTIVE,
            reason=_fill(reason, seen),
            is_standby_fenced_first=is_standby_fenced_first,
            why_no_move=f"{seen.standby.name} does not answer",
        )

    fence = "fence the standby, then " if is_standby_fenced_first else ""
    return Then(f"{fence}bring the active node into service in place", decided)


def _fail_over(what: str) -> Then:
    """Moves the role, if the standby can take it."""

    def decided(seen: Evidence) -> Decision:
        why_not, what_ = why_standby_cannot_take_over(seen), _fill(what, seen)
        if not why_not:
            return Decision(
                verdict=Verdict.FAIL_OVER,
                reason=f"{what_}; {seen.standby.name} takes over.",
                accepted_loss=_accepted_loss(seen),
            )
        if seen.standby.answer is Answer.UNKNOWN and seen.limit is AutomaticLimit.NONE:
            return not_yet(f"{what_}, and {why_not}.")
        is_data_loss_in_the_way = why_not == why_data_would_be_lost(seen)
        return halt(
            f"{what_}, but {why_not}.",
            f"Bring {seen.active.name} or an up-to-date {seen.standby.name} back, or start this workflow by hand"
            + (" with acceptDataLoss, if its data is to be used as it is." if is_data_loss_in_the_way else "."),
            is_data_loss_in_the_way=is_data_loss_in_the_way,
        )

    return Then("fail over; halt and tell if the standby may not take over", decided)


def _halt_behind(reason: str) -> Then:
    """Neither replica may be promoted as it is. The reason is followed by what forbids it for the standby."""

    def decided(seen: Evidence) -> Decision:
        why_not = why_standby_cannot_take_over(seen)
        return halt(
            f"{_fill(reason, seen)}, and {why_not}.",
            "Wait for the replicas to catch up, or start this workflow by hand with acceptDataLoss.",
            is_data_loss_in_the_way=why_not == why_data_would_be_lost(seen),
        )

    return Then("halt and tell", decided)


# --- the table ---------------------------------------------------------------------------------------------------


def _is_in_maintenance(seen: Evidence) -> bool:
    return seen.limit is AutomaticLimit.MAINTENANCE


def _may_resume(seen: Evidence) -> bool:
    """The active node can have the role back, and nobody forbids it.

    Nothing is lost by that, however far a move came: services are started only on a node that is on record as active,
    so what users were told is safe is on that one.
    """
    return _is_fit_to_resume(seen.active) and not _is_in_maintenance(seen)


def _is_fit_to_resume(active: NodeEvidence) -> bool:
    return active.answer is Answer.DEMOTED and active.replica is Replica.UP_TO_DATE


def _is_standby_harmless(standby: NodeEvidence) -> bool:
    """It is demoted by its own word, off, or cut off: not promoted where anybody could see it."""
    return standby.answer is Answer.DEMOTED or standby.instance.is_off or standby.is_isolated is True


def _otherwise(_seen: Evidence) -> bool:
    return True


_UNFINISHED = "A move to {standby.name} is unfinished"
_GONE_BACK = (
    "A move to {{standby.name}} did not end and {{standby.name}} is {lost}; {{active.name}}, which users were served "
    "by last, is brought back into service."
)
_CHECK_THE_PATH = "Check the network path from {active.name} to Systems Manager and CloudWatch (NAT gateway, agents)."
_DEMOTED = "{active.name} is up but demoted, {seen.why_demoted}"

TABLE = (
    Part(
        "an earlier move is unfinished",
        lambda seen: is_move_open(seen) and seen.standby.answer is not Answer.DEMOTED,
        (
            Row(
                "both are primary",
                lambda seen: seen.active.is_primary and seen.standby.is_primary,
                _halt(
                    "Both {active.name} and {standby.name} are primary after a move that did not finish.",
                    "Stop one of them by hand; keep its volume: both may hold data that the other lacks.",
                ),
            ),
            Row(
                "the standby was promoted, maintenance is on",
                lambda seen: seen.standby.is_primary and _is_in_maintenance(seen),
                _halt(
                    f"{_UNFINISHED} and maintenance is on.",
                    "Start this workflow by hand to finish the move, or end the maintenance.",
                ),
            ),
            Row(
                "the standby was promoted",
                lambda seen: seen.standby.is_primary,
                _simply(
                    "finish the move",
                    Verdict.FAIL_OVER,
                    "An earlier move to {standby.name} promoted it and did not finish; finishing it.",
                ),
            ),
            Row(
                "the standby could not be asked",
                lambda seen: seen.standby.answer is Answer.UNKNOWN,
                _look_again(f"{_UNFINISHED}, and {{standby.name}} could not be asked how far it got."),
            ),
            Row(
                "the active node is demoted and up to date, the standby off",
                lambda seen: _may_resume(seen) and seen.standby.instance.is_off,
                _resume_alone(_GONE_BACK.format(lost="{standby.instance.words}")),
            ),
            Row(
                "the same, the standby isolated",
                lambda seen: _may_resume(seen) and seen.standby.is_isolated is True,
                _resume_alone(_GONE_BACK.format(lost="isolated")),
            ),
            Row(
                "the same, the standby silent with failed status checks",
                lambda seen: _may_resume(seen) and seen.standby.checks is StatusChecks.FAILED,
                _resume_alone(_GONE_BACK.format(lost="lost"), is_standby_fenced_first=True),
            ),
            Row(
                "the same, the standby only silent, or maintenance is on",
                lambda seen: _is_fit_to_resume(seen.active),
                _halt(
                    f"{_UNFINISHED} and {{standby.name}} does not answer: it may be promoted, and nothing else says "
                    "that it is lost, so {active.name} is not brought back.{standby.if_gone}",
                    "Bring {standby.name} back, or stop its instance (Force stop): within a minute the service comes "
                    "back by itself, unless maintenance is on.",
                ),
            ),
            Row(
                "the standby is silent, the active node not fit to be active again",
                _otherwise,
                _halt(
                    f"{_UNFINISHED}, {{standby.name}} does not answer, and {{active.name}} is not fit to be active "
                    "again ({active.instance.words}, answer: {active.answer}), so neither is promoted."
                    "{standby.if_gone}",
                    "Bring {standby.name} or {active.name} back, then start this workflow by hand.",
                ),
            ),
        ),
    ),
    Part(
        "the standby is primary",
        lambda seen: seen.standby.is_primary,
        (
            Row(
                "whatever the active node is",
                _otherwise,
                Then("halt and tell", lambda seen: describe_two_primaries(seen.active, seen.standby)),
            ),
        ),
    ),
    Part(
        "the active node serves",
        lambda seen: seen.active.answer is Answer.SERVING,
        (
            Row(
                "EC2 says that its instance is stopping or off",
                lambda seen: seen.active.instance is InstanceState.GOING_OFF or seen.active.instance.is_off,
                _look_again("{active.name} still answers, but EC2 says that its instance is {active.instance.words}."),
            ),
            Row(
                "a route is wrong, maintenance is on",
                lambda seen: seen.routes is Routes.WRONG and _is_in_maintenance(seen),
                _halt(
                    "{active.name} serves, but a route of the virtual IP does not point to it, and maintenance is on.",
                    "Start this workflow by hand to repair the routes, or end the maintenance.",
                ),
            ),
            Row(
                "a route is wrong",
                lambda seen: seen.routes is Routes.WRONG,
                _simply(
                    "repair the routes in place",
                    Verdict.REPAIR_ROUTES,
                    "{active.name} serves, but a route of the virtual IP does not point to it.",
                ),
            ),
            Row(
                "the standby is silent, or EC2 does not say that it runs",
                lambda seen: seen.standby.is_down or seen.standby.instance is not InstanceState.ON,
                _warn(
                    "{active.name} serves, but its standby {standby.name} is lost ({standby.instance.words}, answer: "
                    "{standby.answer}), so a failover would not work now.",
                    "Bring {standby.name} back as an up-to-date standby.",
                ),
            ),
            Row(
                "its heartbeat does not arrive",
                lambda seen: seen.is_heartbeat_lost is True,
                _warn(
                    "{active.name} answers and serves, but its heartbeat does not arrive in CloudWatch.",
                    "Check garoon-node-watch and the CloudWatch agent on {active.name}.",
                ),
            ),
            Row(
                "nothing of that",
                _otherwise,
                _simply(
                    "nothing to do",
                    Verdict.NOTHING_TO_DO,
                    "{active.name} answers and serves, and the routes are right.",
                ),
            ),
        ),
    ),
    Part(
        "the active node answers, a service is down",
        lambda seen: seen.active.answer is Answer.NOT_SERVING,
        (
            Row(
                "maintenance is on",
                _is_in_maintenance,
                _halt(
                    "{active.name} answers but does not serve: {active.trouble}; maintenance is on, so nothing happens "
                    "automatically.",
                    "Start this workflow by hand to restart the services, or end the maintenance.",
                ),
            ),
            Row(
                "maintenance is off",
                _otherwise,
                _in_place(
                    "restart the services in place",
                    Verdict.RESTART_SERVICES,
                    "{active.name} answers but does not serve: {active.trouble}.",
                ),
            ),
        ),
    ),
    Part(
        "the active node is up but demoted, as after a reboot",
        lambda seen: seen.active.answer is Answer.DEMOTED,
        (
            Row(
                "maintenance is on",
                _is_in_maintenance,
                _halt(
                    f"{_DEMOTED}; maintenance is on, so nothing happens automatically.",
                    "Start this workflow by hand to bring it into service, or end the maintenance.",
                ),
            ),
            Row(
                "it is up to date, the standby silent with failed status checks",
                lambda seen: (
                    not _is_standby_harmless(seen.standby)
                    and seen.standby.answer is Answer.NONE
                    and _may_resume(seen)
                    and seen.standby.checks is StatusChecks.FAILED
                ),
                _resume_alone(
                    f"{_DEMOTED}, and {{standby.name}} failed its EC2 status checks and does not answer; it is fenced, "
                    "and {active.name} is brought into service in place.",
                    is_standby_fenced_first=True,
                ),
            ),
            Row(
                "the standby is neither demoted nor off nor isolated",
                lambda seen: not _is_standby_harmless(seen.standby),
                _look_again(
                    f"{_DEMOTED}, and there is no proof that {{standby.name}} is not promoted: it does not answer."
                    "{standby.if_gone}"
                ),
            ),
            Row(
                "it is up to date, the standby demoted, off or isolated",
                lambda seen: seen.active.replica is Replica.UP_TO_DATE,
                _in_place(
                    "bring it into service in place",
                    Verdict.RESUME_ACTIVE,
                    f"{_DEMOTED}; bringing it into service in place.",
                ),
            ),
            Row(
                "it is not up to date, and the standby may not take over either",
                lambda seen: bool(why_standby_cannot_take_over(seen)),
                _halt_behind(f"{_DEMOTED}, its own replica is {{active.replica}}"),
            ),
            Row(
                "it is not up to date, the standby is",
                _otherwise,
                _fail_over(f"{_DEMOTED} and its replica is {{active.replica}}"),
            ),
        ),
    ),
    Part(
        "the active node does not answer, or could not be asked",
        lambda seen: seen.active.answer in (Answer.NONE, Answer.UNKNOWN),
        (
            Row(
                "its instance is stopped or terminated",
                lambda seen: seen.active.instance.is_off,
                _fail_over("The instance of {active.name} is {active.instance.words}"),
            ),
            Row(
                "it is silent, the standby is silent or off",
                lambda seen: seen.active.answer is Answer.NONE and seen.standby.is_down,
                _halt(
                    "Neither {active.name} nor {standby.name} answers: both are down, or Run Command is out of order. "
                    "Nothing is promoted, nothing is fenced.",
                    "Look at both instances in the EC2 console and bring one of them back.",
                ),
            ),
            Row(
                "the standby reaches its services; it could not say how it is",
                lambda seen: seen.standby_view is PeerView.SERVES and bool(seen.active.detail),
                _warn(
                    "{active.name} could not say how it is ({active.detail}), but {standby.name} reaches its services.",
                    _CHECK_THE_PATH,
                ),
            ),
            Row(
                "the standby reaches its services: its path to AWS is broken, not the node",
                lambda seen: seen.standby_view is PeerView.SERVES,
                _warn(
                    "{active.name} does not answer over AWS, but {standby.name} reaches its services: its path to AWS "
                    "is broken, not the node.",
                    _CHECK_THE_PATH,
                ),
            ),
            Row(
                "it could not be asked",
                lambda seen: seen.active.answer is Answer.UNKNOWN,
                _look_again("{active.why_unknown}, which says nothing about it."),
            ),
            Row(
                "it is silent and failed its status checks",
                lambda seen: seen.active.checks is StatusChecks.FAILED,
                _fail_over("{active.name} failed its EC2 status checks and does not answer"),
            ),
            Row(
                "it is silent, its heartbeat lost, **and** the standby cannot reach its services",
                lambda seen: seen.is_heartbeat_lost is True and seen.standby_view is PeerView.DOES_NOT_SERVE,
                _fail_over(
                    "{active.name} does not answer, its heartbeat is lost, and {standby.name} cannot reach its services"
                ),
            ),
            Row(
                "it is silent, and no second sign says that it is down",
                _otherwise,
                _look_again(
                    "{active.name} does not answer, but there is no second, independent sign that it is down."
                    "{active.if_gone}"
                ),
            ),
        ),
    ),
)
"""The first part that fits, and in it the first row that fits, decides."""

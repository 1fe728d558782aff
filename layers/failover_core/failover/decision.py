"""What to do about the evidence: a pure function, which takes the first row of `TABLE` that fits.

docs/architecture.md shows the same table, and a test holds the two together. Two rules stand above all rows. Unknown is
never evidence of death: a row that fails over asks for positive evidence from independent sources. And whatever would
move the active role passes `why_standby_cannot_take_over` first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from failover.evidence_words import tell
from failover.messages import NOTHING, Message, together
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


def why_standby_cannot_take_over(evidence: Evidence) -> Message:
    """Why the standby may not be promoted now; empty if it may. A sentence without its full stop."""
    standby = evidence.standby
    if evidence.limit is not AutomaticLimit.NONE:
        return Message(f"why.{evidence.limit}")
    # One that EC2 does not know just now, and that answers, is there: its answer is the better word.
    if standby.instance not in (InstanceState.ON, InstanceState.FORGOTTEN):
        return Message("why.standby-off", standby=standby.name, state=standby.instance.words)
    if standby.answer is Answer.NONE:
        return Message("why.standby-silent", standby=standby.name)
    if standby.answer is Answer.UNKNOWN and standby.detail:
        return Message("why.standby-unknown-because", standby=standby.name, detail=standby.detail)
    if standby.answer is Answer.UNKNOWN:
        return Message("why.standby-unknown", standby=standby.name)
    if standby.replica is Replica.UNUSABLE:
        return Message("why.unusable", standby=standby.name)
    if standby.unwritable:
        return Message("why.unwritable", standby=standby.name, folders=standby.unwritable)
    return NOTHING if evidence.is_data_loss_accepted else why_data_would_be_lost(evidence)


def why_data_would_be_lost(evidence: Evidence) -> Message:
    """Why the standby may lack what users were told is safe; empty if it lacks nothing. Without its full stop."""
    active, standby = evidence.active, evidence.standby
    if standby.replica is not Replica.UP_TO_DATE and standby.detail:
        detail = standby.detail
        return Message("why.stale-because", standby=standby.name, replica=standby.replica.words, detail=detail)
    if standby.replica is not Replica.UP_TO_DATE:
        return Message("why.stale", standby=standby.name, replica=standby.replica.words)
    if evidence.was_replicating is None:
        return Message("why.replicating-unknown", active=active.name, standby=standby.name)
    if not evidence.was_replicating:
        return Message("why.was-not-replicating", active=active.name, standby=standby.name)
    return NOTHING


def describe_two_primaries(evidence: Evidence) -> Decision:
    """Halt: the standby is primary, whatever the active node is."""
    return halt(tell(evidence, "decision.two-primaries"), tell(evidence, "do.settle-two-primaries"))


def _accepted_loss(evidence: Evidence) -> Message:
    return why_data_would_be_lost(evidence) if evidence.is_data_loss_accepted else NOTHING


def halt(
    reason: Message, next_step: Message, *, is_data_loss_in_the_way: bool = False, is_for_failover: bool = False
) -> Decision:
    """Nothing is changed, and an operator is needed."""
    return Decision(
        verdict=Verdict.HALT,
        reason=reason,
        next_step=next_step,
        is_data_loss_in_the_way=is_data_loss_in_the_way,
        is_for_failover=is_for_failover,
    )


def warn(reason: Message, next_step: Message, *, is_for_failover: bool = False) -> Decision:
    """Nothing is changed, and an operator should know."""
    return Decision(verdict=Verdict.WARN, reason=reason, next_step=next_step, is_for_failover=is_for_failover)


def not_yet(reason: Message) -> Decision:
    """Look again: the evidence is not enough for a verdict."""
    return Decision(verdict=Verdict.NOT_YET, reason=reason, next_step=Message("do.look-again"))


# --- what a row leads to -----------------------------------------------------------------------------------------
# Reasons and next steps are codes of the catalogue, whose words name what they need of the evidence.


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


def _halt(reason: str, next_step: str, *, if_gone: Callable[[Evidence], Message] | None = None) -> Then:
    def decided(seen: Evidence) -> Decision:
        return halt(together(tell(seen, reason), if_gone(seen) if if_gone else ""), tell(seen, next_step))

    return Then("halt and tell", decided)


def _warn(reason: str, next_step: str) -> Then:
    return Then("warn", lambda seen: warn(tell(seen, reason), tell(seen, next_step)))


def _look_again(
    reason: str,
    *,
    why: Callable[[Evidence], Message] = lambda _seen: NOTHING,
    if_gone: Callable[[Evidence], Message] = lambda _seen: NOTHING,
) -> Then:
    return Then(
        "look again for a bounded time, then warn",
        lambda seen: not_yet(together(tell(seen, reason, why=why(seen)), if_gone(seen))),
    )


def _simply(words: str, verdict: Verdict, reason: str) -> Then:
    return Then(words, lambda seen: Decision(verdict=verdict, reason=tell(seen, reason)))


def _in_place(words: str, verdict: Verdict, reason: str) -> Then:
    """Puts the active node right where it is; if that does not help, the role moves unless something forbids it."""

    def decided(seen: Evidence) -> Decision:
        why_not = why_standby_cannot_take_over(seen)
        return Decision(
            verdict=verdict,
            reason=tell(seen, reason),
            why_no_move=why_not,
            accepted_loss=NOTHING if why_not else _accepted_loss(seen),
            is_data_loss_in_the_way=bool(why_not) and why_not == why_data_would_be_lost(seen),
        )

    return Then(f"{words}; if that does not help, move the role", decided)


def _resume_alone(reason: str, *, is_standby_fenced_first: bool = False) -> Then:
    """The active node serves without its standby, to which the role cannot move."""

    def decided(seen: Evidence) -> Decision:
        return Decision(
            verdict=Verdict.RESUME_ACTIVE,
            reason=tell(seen, reason),
            is_standby_fenced_first=is_standby_fenced_first,
            why_no_move=tell(seen, "why.standby-silent"),
        )

    fence = "fence the standby, then " if is_standby_fenced_first else ""
    return Then(f"{fence}bring the active node into service in place", decided)


def _fail_over(what: str) -> Then:
    """Moves the role, if the standby can take it."""

    def decided(seen: Evidence) -> Decision:
        why_not, what_ = why_standby_cannot_take_over(seen), tell(seen, what)
        if not why_not:
            return Decision(
                verdict=Verdict.FAIL_OVER,
                reason=tell(seen, "decision.takes-over", what=what_),
                accepted_loss=_accepted_loss(seen),
            )
        if seen.standby.answer is Answer.UNKNOWN and seen.limit is AutomaticLimit.NONE:
            return not_yet(Message("decision.and", what=what_, why=why_not))
        is_data_loss_in_the_way = why_not == why_data_would_be_lost(seen)
        return halt(
            Message("decision.but", what=what_, why=why_not),
            tell(seen, "do.bring-back-or-accept" if is_data_loss_in_the_way else "do.bring-back-or-start"),
            is_data_loss_in_the_way=is_data_loss_in_the_way,
        )

    return Then("fail over; halt and tell if the standby may not take over", decided)


def _halt_behind(reason: str) -> Then:
    """Neither replica may be promoted as it is. The reason tells what forbids it for the standby, too."""

    def decided(seen: Evidence) -> Decision:
        why_not = why_standby_cannot_take_over(seen)
        return halt(
            tell(seen, reason, why=why_not),
            Message("do.wait-or-accept"),
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


def _standby_if_gone(seen: Evidence) -> Message:
    return seen.standby.if_gone


TABLE = (
    Part(
        "an earlier move is unfinished",
        lambda seen: is_move_open(seen) and seen.standby.answer is not Answer.DEMOTED,
        (
            Row(
                "both are primary",
                lambda seen: seen.active.is_primary and seen.standby.is_primary,
                _halt(
                    "decision.both-primary",
                    "do.stop-one",
                ),
            ),
            Row(
                "the standby was promoted, maintenance is on",
                lambda seen: seen.standby.is_primary and _is_in_maintenance(seen),
                _halt(
                    "decision.unfinished-maintenance",
                    "do.finish-or-end-maintenance",
                ),
            ),
            Row(
                "the standby was promoted",
                lambda seen: seen.standby.is_primary,
                _simply("finish the move", Verdict.FAIL_OVER, "decision.finishing-the-move"),
            ),
            Row(
                "the standby could not be asked",
                lambda seen: seen.standby.answer is Answer.UNKNOWN,
                _look_again("decision.unfinished-not-asked"),
            ),
            Row(
                "the active node is demoted and up to date, the standby off",
                lambda seen: _may_resume(seen) and seen.standby.instance.is_off,
                _resume_alone("decision.gone-back-off"),
            ),
            Row(
                "the same, the standby isolated",
                lambda seen: _may_resume(seen) and seen.standby.is_isolated is True,
                _resume_alone("decision.gone-back-isolated"),
            ),
            Row(
                "the same, the standby silent with failed status checks",
                lambda seen: _may_resume(seen) and seen.standby.checks is StatusChecks.FAILED,
                _resume_alone("decision.gone-back-lost", is_standby_fenced_first=True),
            ),
            Row(
                "the same, the standby only silent, or maintenance is on",
                lambda seen: _is_fit_to_resume(seen.active),
                _halt(
                    "decision.unfinished-standby-silent",
                    "do.bring-back-or-stop-standby",
                    if_gone=_standby_if_gone,
                ),
            ),
            Row(
                "the standby is silent, the active node not fit to be active again",
                _otherwise,
                _halt(
                    "decision.unfinished-neither-fit",
                    "do.bring-either-back",
                    if_gone=_standby_if_gone,
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
                Then("halt and tell", describe_two_primaries),
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
                _look_again("decision.answers-but-going-off"),
            ),
            Row(
                "a route is wrong, maintenance is on",
                lambda seen: seen.routes is Routes.WRONG and _is_in_maintenance(seen),
                _halt(
                    "decision.route-wrong-maintenance",
                    "do.repair-routes-or-end-maintenance",
                ),
            ),
            Row(
                "a route is wrong",
                lambda seen: seen.routes is Routes.WRONG,
                _simply("repair the routes in place", Verdict.REPAIR_ROUTES, "decision.route-wrong"),
            ),
            Row(
                "the standby is silent, or EC2 does not say that it runs",
                lambda seen: seen.standby.is_down or seen.standby.instance is not InstanceState.ON,
                _warn(
                    "decision.standby-lost",
                    "do.bring-standby-back",
                ),
            ),
            Row(
                "its heartbeat does not arrive",
                lambda seen: seen.is_heartbeat_lost is True,
                _warn(
                    "decision.heartbeat-does-not-arrive",
                    "do.check-watch-and-agent",
                ),
            ),
            Row(
                "nothing of that",
                _otherwise,
                _simply("nothing to do", Verdict.NOTHING_TO_DO, "decision.all-is-well"),
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
                    "decision.not-serving-maintenance",
                    "do.restart-or-end-maintenance",
                ),
            ),
            Row(
                "maintenance is off",
                _otherwise,
                _in_place(
                    "restart the services in place",
                    Verdict.RESTART_SERVICES,
                    "decision.not-serving",
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
                    "decision.demoted-maintenance",
                    "do.resume-or-end-maintenance",
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
                    "decision.demoted-standby-lost",
                    is_standby_fenced_first=True,
                ),
            ),
            Row(
                "the standby is neither demoted nor off nor isolated",
                lambda seen: not _is_standby_harmless(seen.standby),
                _look_again("decision.demoted-no-proof", if_gone=_standby_if_gone),
            ),
            Row(
                "it is up to date, the standby demoted, off or isolated",
                lambda seen: seen.active.replica is Replica.UP_TO_DATE,
                _in_place(
                    "bring it into service in place",
                    Verdict.RESUME_ACTIVE,
                    "decision.resuming",
                ),
            ),
            Row(
                "it is not up to date, and the standby may not take over either",
                lambda seen: bool(why_standby_cannot_take_over(seen)),
                _halt_behind("decision.demoted-and-stale"),
            ),
            Row(
                "it is not up to date, the standby is",
                _otherwise,
                _fail_over("what.demoted-and-stale"),
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
                _fail_over("what.instance-off"),
            ),
            Row(
                "it is silent, the standby is silent or off",
                lambda seen: seen.active.answer is Answer.NONE and seen.standby.is_down,
                _halt(
                    "decision.both-down",
                    "do.look-at-both-instances",
                ),
            ),
            Row(
                "the standby is demoted and reaches its services, a route is wrong, maintenance is off",
                lambda seen: (
                    seen.standby_view is PeerView.SERVES
                    and seen.standby.answer is Answer.DEMOTED
                    and seen.routes is Routes.WRONG
                    and not _is_in_maintenance(seen)
                ),
                _simply("repair the routes in place", Verdict.REPAIR_ROUTES, "decision.route-wrong-no-answer"),
            ),
            Row(
                "the standby reaches its services; it could not say how it is",
                lambda seen: seen.standby_view is PeerView.SERVES and bool(seen.active.detail),
                _warn(
                    "decision.could-not-say-but-serves",
                    "do.check-the-path",
                ),
            ),
            Row(
                "the standby reaches its services: its path to AWS is broken, not the node",
                lambda seen: seen.standby_view is PeerView.SERVES,
                _warn(
                    "decision.path-to-aws-broken",
                    "do.check-the-path",
                ),
            ),
            Row(
                "it could not be asked",
                lambda seen: seen.active.answer is Answer.UNKNOWN,
                _look_again("decision.says-nothing-about-it", why=lambda seen: seen.active.why_unknown),
            ),
            Row(
                "it is silent and failed its status checks",
                lambda seen: seen.active.checks is StatusChecks.FAILED,
                _fail_over("what.checks-failed"),
            ),
            Row(
                "it is silent, its heartbeat lost, **and** the standby cannot reach its services",
                lambda seen: seen.is_heartbeat_lost is True and seen.standby_view is PeerView.DOES_NOT_SERVE,
                _fail_over("what.heartbeat-lost"),
            ),
            Row(
                "it is silent, and no second sign says that it is down",
                _otherwise,
                _look_again("decision.no-second-sign", if_gone=lambda seen: seen.active.if_gone),
            ),
        ),
    ),
)
"""The first part that fits, and in it the first row that fits, decides."""

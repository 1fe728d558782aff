"""The decision over the full product of its evidence: the promises hold in every corner of it."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

import pytest
from failover.decision import TABLE, Row, decide
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

MOVES = {Verdict.FAIL_OVER}
PROMOTIONS = {Verdict.FAIL_OVER, Verdict.RESUME_ACTIVE}


def evidence(**changes: object) -> Evidence:
    """A healthy cluster, with changes: names with a prefix (`active_answer`) change that node."""
    nodes: dict[str, dict[str, object]] = {
        "active": {"name": "db-01", "answer": Answer.SERVING},
        "standby": {"name": "db-02", "answer": Answer.DEMOTED},
    }
    for node in nodes.values():
        node |= {"instance": InstanceState.ON, "checks": StatusChecks.PASSED, "replica": Replica.UP_TO_DATE}
    whole: dict[str, object] = {
        "is_heartbeat_lost": False,
        "was_replicating": True,
        "standby_view": PeerView.SERVES,
        "routes": Routes.RIGHT,
        "is_move_unfinished": False,
        "limit": AutomaticLimit.NONE,
    }
    for name, value in changes.items():
        prefix, _, field = name.partition("_")
        if prefix in nodes and field in NodeEvidence.model_fields:
            nodes[prefix][field] = value
        else:
            whole[name] = value
    return Evidence.model_validate(nodes | whole, by_name=True)


def dead_active(**changes: object) -> Evidence:
    """The active node is silent, its heartbeat lost, and the standby cannot reach its services."""
    return evidence(
        **{
            "active_answer": Answer.NONE,
            "active_replica": Replica.UNKNOWN,
            "is_heartbeat_lost": True,
            "standby_view": PeerView.DOES_NOT_SERVE,
        }
        | changes
    )


REPLICAS = {"db-01": (Replica.UP_TO_DATE, Replica.STALE), "db-02": tuple(Replica)}
OPTIONS = {
    "instance": tuple(InstanceState),
    "checks": tuple(StatusChecks),
    "answer": tuple(Answer),
    "detail": ("", "a word about it"),
    "unwritable": ("", "/tmp"),
    "instance_id": ("i-0a",),
    "is_heartbeat_lost": (True, False, None),
    "was_replicating": (True, False, None),
    "standby_view": tuple(PeerView),
    "routes": tuple(Routes),
    "is_move_unfinished": (False, True),
    "limit": tuple(AutomaticLimit),
    "is_data_loss_accepted": (False, True),
}


class Choices:
    """A walk through a tree of choices: what was chosen before, and the first option for what is chosen anew."""

    def __init__(self) -> None:
        self._chosen: list[list[object]] = []  # the options left at each fork, the one in use first
        self._depth = 0
        self.share = Fraction(1)  # of all combinations, those that this run stands for

    def choose(self, options: Sequence[object]) -> object:
        if self._depth == len(self._chosen):
            self._chosen.append(list(options))
        self._depth += 1
        self.share /= len(options)
        return self._chosen[self._depth - 1][0]

    def has_next(self) -> bool:
        """Turns to the next run: the last fork that has an option left takes it."""
        while self._chosen and len(self._chosen[-1]) == 1:
            self._chosen.pop()
        if self._chosen:
            self._chosen[-1].pop(0)
        self._depth, self.share = 0, Fraction(1)
        return bool(self._chosen)


class ChosenWhenRead:
    """A model whose values are chosen when they are read: a run stands for every value of what it did not read."""

    def __getattr__(self, name: str) -> object:
        if name not in type(self).model_fields:
            raise AttributeError(name)
        value = self.__dict__["choices"].choose(self.options(name))
        self.__dict__[name] = value
        return value

    def options(self, name: str) -> Sequence[object]:
        return OPTIONS[name]


class ChosenNode(ChosenWhenRead, NodeEvidence):
    def options(self, name: str) -> Sequence[object]:
        match name:
            case "is_isolated":
                # Only a standby was fenced, and nobody reaches an isolated one.
                return (False, True) if self.name == "db-02" and self.answer is Answer.NONE else (False,)
            case "replica":
                # A node that says nothing says nothing of its replica.
                return (Replica.UNKNOWN,) if self.answer in (Answer.NONE, Answer.UNKNOWN) else REPLICAS[self.name]
        return super().options(name)


class ChosenEvidence(ChosenWhenRead, Evidence):
    pass


def chosen_evidence(choices: Choices) -> Evidence:
    nodes = [ChosenNode.model_construct(name=name) for name in ("db-01", "db-02")]
    seen = ChosenEvidence.model_construct(active=nodes[0], standby=nodes[1])
    for model in (*nodes, seen):
        for field in set(model.__dict__) - {"name", "active", "standby"}:
            del model.__dict__[field]  # a default is no choice
        model.__dict__["choices"] = choices
    return seen


def violations(seen: Evidence, decision: Decision) -> Iterator[str]:  # noqa: C901
    """What of the promises this decision would break."""
    active, standby, verdict = seen.active, seen.standby, decision.verdict
    if not decision.reason.endswith("."):
        yield "no reason in a sentence"
    if verdict is Verdict.HALT and not decision.next_step:
        yield "halted without a next step"
    if verdict in MOVES:
        if active.answer is Answer.SERVING:
            yield "moved away from a node that serves"
        if active.answer is Answer.UNKNOWN and not active.instance.is_off and not standby.is_primary:
            yield "unknown taken for dead"
        if active.answer is Answer.NONE and not active.instance.is_off and not standby.is_primary:
            signs = (active.checks is StatusChecks.FAILED) + bool(
                seen.is_heartbeat_lost and seen.standby_view is PeerView.DOES_NOT_SERVE
            )
            if signs == 0:
                yield "silence alone taken for death"
            if seen.standby_view is PeerView.SERVES:
                yield "failed over though the standby reaches the services"
        if standby.answer not in (Answer.DEMOTED, Answer.SERVING, Answer.NOT_SERVING):
            yield "moved to a node that does not answer"
        if seen.limit is AutomaticLimit.MAINTENANCE:
            yield "moved during maintenance"
        if standby.unwritable and not standby.is_primary:
            yield "moved to a node that could not be promoted"
        if seen.limit is AutomaticLimit.INTERVAL and not standby.is_primary:
            yield "moved within the minimum interval"
        if not standby.is_primary and not seen.is_data_loss_accepted:
            if standby.replica is not Replica.UP_TO_DATE:
                yield "moved onto a stale replica"
            if seen.was_replicating is not True:
                yield "moved onto a replica that may have been left behind"
    if verdict is Verdict.RESUME_ACTIVE:
        if active.replica is not Replica.UP_TO_DATE:
            yield "resumed a stale replica"
        is_proven_safe = (
            standby.answer is Answer.DEMOTED
            or standby.instance.is_off
            or standby.is_isolated
            or decision.is_standby_fenced_first
        )
        if decision.is_standby_fenced_first and standby.checks is not StatusChecks.FAILED:
            yield "fenced a standby of which nothing says that it is dead"
        if not is_proven_safe:
            yield "resumed without proof that the other is not promoted"
        if active.answer is not Answer.DEMOTED:
            yield "resumed a node that is not demoted"
    if verdict in PROMOTIONS and active.is_primary and standby.is_primary:
        yield "promoted while both are primary"
    if verdict is Verdict.RESTART_SERVICES and (active.answer is not Answer.NOT_SERVING or standby.is_primary):
        yield "restarted on a node that is not the only primary"
    is_seen_serving = seen.standby_view is PeerView.SERVES and standby.answer is Answer.DEMOTED
    if verdict is Verdict.REPAIR_ROUTES and active.answer is not Answer.SERVING and not is_seen_serving:
        yield "routed to a node that does not serve"
    if verdict is Verdict.REPAIR_ROUTES and active.answer not in (Answer.SERVING, Answer.NONE, Answer.UNKNOWN):
        yield "routed to a node that says that it does not serve"
    if seen.limit is AutomaticLimit.MAINTENANCE and verdict not in (
        Verdict.NOTHING_TO_DO,
        Verdict.WARN,
        Verdict.HALT,
        Verdict.NOT_YET,
    ):
        yield "acted during maintenance"


def every_run() -> Iterator[Evidence]:
    """Runs that together stand for the full product of the evidence."""
    choices, covered = Choices(), Fraction(0)
    is_over = False
    while not is_over:
        yield chosen_evidence(choices)
        covered += choices.share
        is_over = not choices.has_next()
    assert covered == 1, "the runs do not stand for the full product of the evidence"


def values_of(seen: Evidence, name: str) -> Sequence[object]:
    """The values of it that the run stands for."""
    return [seen.__dict__[name]] if name in seen.__dict__ else OPTIONS[name]


def row_of(seen: Evidence) -> Row:
    part = next(part for part in TABLE if part.when(seen))
    return next(row for row in part.rows if row.when(seen))


def test_no_evidence_at_all_breaks_a_promise() -> None:
    parts = product(OPTIONS["is_heartbeat_lost"], OPTIONS["standby_view"])
    verdicts: dict[tuple[object, ...], set[Verdict]] = {part: set() for part in parts}
    rows: list[Row] = []
    for seen in every_run():
        decision = decide(seen)
        rows.append(row_of(seen))
        broken = list(violations(seen, decision))
        assert not broken, f"{broken}: {decision} on {seen}"
        for part in product(values_of(seen, "is_heartbeat_lost"), values_of(seen, "standby_view")):
            verdicts[part].add(decision.verdict)
    # A serving node whose heartbeat is lost is warned of; every other verdict is reached in every part of the product.
    for part, reached in verdicts.items():
        assert reached >= set(Verdict) - {Verdict.NOTHING_TO_DO, Verdict.SWITCH_OVER, Verdict.REJOIN}, part
    never_reached = [row.says for part in TABLE for row in part.rows if row not in rows]
    assert not never_reached, "rows that decide nothing"


def test_the_check_of_the_promises_can_fail() -> None:
    move = Decision(verdict=Verdict.FAIL_OVER, reason="Just so.")

    assert "moved away from a node that serves" in list(violations(evidence(), move))
    assert "moved onto a stale replica" in list(violations(dead_active(standby_replica=Replica.STALE), move))
    assert "unknown taken for dead" in list(violations(evidence(active_answer=Answer.UNKNOWN), move))


def verdict_on(seen: Evidence) -> Verdict:
    return decide(seen).verdict


def test_healthy_cluster_is_left_alone() -> None:
    assert verdict_on(evidence()) is Verdict.NOTHING_TO_DO


def test_wrong_route_is_repaired() -> None:
    assert verdict_on(evidence(routes=Routes.WRONG)) is Verdict.REPAIR_ROUTES


def test_unknown_routes_change_nothing() -> None:
    assert verdict_on(evidence(routes=Routes.UNKNOWN)) is Verdict.NOTHING_TO_DO


def test_stopped_service_is_restarted_in_place() -> None:
    decision = decide(evidence(active_answer=Answer.NOT_SERVING, active_detail="cyde_5_0 is stopped"))
    assert decision.verdict is Verdict.RESTART_SERVICES
    assert "cyde_5_0 is stopped" in decision.reason
    assert decision.why_no_move == ""


def test_stopped_service_with_a_stale_standby_may_not_move() -> None:
    decision = decide(evidence(active_answer=Answer.NOT_SERVING, standby_replica=Replica.STALE))
    assert decision.verdict is Verdict.RESTART_SERVICES
    assert "db-02" in decision.why_no_move


@pytest.mark.parametrize("was_heard", [Answer.NONE, Answer.UNKNOWN])
def test_stopped_instance_fails_over(was_heard: Answer) -> None:
    assert (
        verdict_on(evidence(active_instance=InstanceState.OFF, active_answer=was_heard, standby_view=PeerView.UNKNOWN))
        is Verdict.FAIL_OVER
    )


def test_failed_status_checks_and_silence_fail_over() -> None:
    assert (
        verdict_on(
            dead_active(active_checks=StatusChecks.FAILED, is_heartbeat_lost=None, standby_view=PeerView.UNKNOWN)
        )
        is Verdict.FAIL_OVER
    )


def test_silence_with_two_independent_signs_fails_over() -> None:
    assert verdict_on(dead_active()) is Verdict.FAIL_OVER


@pytest.mark.parametrize(
    "change", [{"is_heartbeat_lost": None}, {"is_heartbeat_lost": False}, {"standby_view": PeerView.UNKNOWN}]
)
def test_silence_without_a_second_sign_waits(change: dict[str, object]) -> None:
    assert verdict_on(dead_active(**change)) is Verdict.NOT_YET


def test_broken_path_to_aws_only_warns() -> None:
    assert verdict_on(dead_active(standby_view=PeerView.SERVES)) is Verdict.WARN


def test_standby_that_never_answered_halts_the_failover() -> None:
    decision = decide(
        evidence(active_instance=InstanceState.OFF, active_answer=Answer.NONE, standby_answer=Answer.NONE)
    )
    assert decision.verdict is Verdict.HALT
    assert "db-02 does not answer" in decision.reason


@pytest.mark.parametrize(("answer", "verdict"), [(Answer.DEMOTED, Verdict.FAIL_OVER), (Answer.NONE, Verdict.HALT)])
def test_standby_that_ec2_does_not_know_just_now_takes_over_only_if_it_answers(
    answer: Answer, verdict: Verdict
) -> None:
    seen = evidence(
        active_instance=InstanceState.OFF, active_answer=Answer.NONE, standby_instance=InstanceState.FORGOTTEN,
        standby_answer=answer,
    )  # fmt: skip
    assert decide(seen).verdict is verdict


def test_both_down_halts() -> None:
    decision = decide(dead_active(standby_answer=Answer.NONE, standby_view=PeerView.UNKNOWN))
    assert decision.verdict is Verdict.HALT
    assert "Nothing is promoted, nothing is fenced." in decision.reason


@pytest.mark.parametrize("was_replicating", [False, None])
def test_standby_left_behind_before_the_death_is_not_promoted(was_replicating: bool | None) -> None:
    assert verdict_on(dead_active(was_replicating=was_replicating)) is Verdict.HALT


def test_operator_may_accept_data_loss() -> None:
    assert (
        verdict_on(dead_active(standby_replica=Replica.STALE, was_replicating=False, is_data_loss_accepted=True))
        is Verdict.FAIL_OVER
    )


def test_not_even_accepted_data_loss_promotes_a_node_without_a_copy() -> None:
    assert verdict_on(dead_active(standby_replica=Replica.UNUSABLE, is_data_loss_accepted=True)) is Verdict.HALT


@pytest.mark.parametrize("limit", [AutomaticLimit.MAINTENANCE, AutomaticLimit.INTERVAL])
def test_automatic_failover_keeps_its_limits(limit: AutomaticLimit) -> None:
    assert verdict_on(dead_active(limit=limit)) is Verdict.HALT


def test_rebooted_active_is_resumed_in_place() -> None:
    assert verdict_on(evidence(active_answer=Answer.DEMOTED)) is Verdict.RESUME_ACTIVE


def test_rebooted_active_is_not_resumed_while_the_standby_is_silent() -> None:
    assert verdict_on(evidence(active_answer=Answer.DEMOTED, standby_answer=Answer.NONE)) is Verdict.NOT_YET


def test_rebooted_active_is_resumed_while_the_standby_is_still_isolated() -> None:
    seen = evidence(active_answer=Answer.DEMOTED, standby_answer=Answer.NONE, standby_is_isolated=True)
    assert verdict_on(seen) is Verdict.RESUME_ACTIVE


def test_unfinished_move_goes_forward() -> None:
    seen = evidence(active_answer=Answer.DEMOTED, standby_answer=Answer.NOT_SERVING, is_move_unfinished=True)
    assert verdict_on(seen) is Verdict.FAIL_OVER


def broken_off(**changes: object) -> Evidence:
    """A move broke off with both nodes demoted, and the standby is silent since."""
    return evidence(
        **{"active_answer": Answer.DEMOTED, "standby_answer": Answer.NONE, "is_move_unfinished": True} | changes
    )


def test_old_active_is_not_resumed_while_the_standby_of_an_unfinished_move_is_only_silent() -> None:
    """It may have been promoted, and silence proves nothing."""
    assert verdict_on(broken_off()) is Verdict.HALT


@pytest.mark.parametrize(
    ("lost", "is_fenced_first"),
    [
        ({"standby_instance": InstanceState.OFF}, False),
        ({"standby_is_isolated": True}, False),
        ({"standby_checks": StatusChecks.FAILED}, True),
    ],
)
def test_old_active_has_the_role_back_once_the_standby_of_an_unfinished_move_is_lost(
    lost: dict[str, object], is_fenced_first: bool
) -> None:
    """Services are started only on the node that is on record as active: what users were told is safe is on that."""
    decision = decide(broken_off(**lost))
    assert decision.verdict is Verdict.RESUME_ACTIVE
    assert decision.is_standby_fenced_first is is_fenced_first
    assert verdict_on(broken_off(**lost, limit=AutomaticLimit.MAINTENANCE)) is Verdict.HALT
    assert verdict_on(broken_off(**lost, active_replica=Replica.STALE)) is Verdict.HALT


def test_active_that_came_back_alone_serves_once_its_standby_is_known_to_be_dead() -> None:
    back = {"active_answer": Answer.DEMOTED, "standby_answer": Answer.NONE}
    decision = decide(evidence(**back, standby_checks=StatusChecks.FAILED))
    assert (decision.verdict, decision.is_standby_fenced_first) == (Verdict.RESUME_ACTIVE, True)
    assert verdict_on(evidence(**back)) is Verdict.NOT_YET


def test_move_that_broke_off_is_undone_where_both_are_well() -> None:
    decision = decide(broken_off(standby_answer=Answer.DEMOTED))
    assert decision.verdict is Verdict.RESUME_ACTIVE
    assert decision.why_no_move == ""
    assert "a move to db-02 did not end" in decision.reason


def test_move_of_which_nothing_came_is_no_reason_to_halt_while_the_active_node_serves() -> None:
    assert verdict_on(evidence(standby_answer=Answer.NONE, is_move_unfinished=True)) is Verdict.WARN


def test_accepted_loss_is_told_and_offered_where_it_would_help() -> None:
    stale = dead_active(standby_replica=Replica.STALE)
    refused, accepted = decide(stale), decide(stale.model_copy(update={"is_data_loss_accepted": True}))
    assert refused.is_data_loss_in_the_way
    assert "not up to date" in accepted.accepted_loss
    assert not decide(dead_active(standby_replica=Replica.STALE, limit=AutomaticLimit.INTERVAL)).is_data_loss_in_the_way
    assert decide(dead_active(is_data_loss_accepted=True)).accepted_loss == "", "nothing is lost: nothing is told"


def test_two_primaries_are_for_an_operator() -> None:
    for is_move_unfinished in (False, True):
        seen = evidence(standby_answer=Answer.SERVING, is_move_unfinished=is_move_unfinished)
        assert verdict_on(seen) is Verdict.HALT

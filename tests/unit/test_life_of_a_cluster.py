"""The picture in the README, "The life of a cluster", shows the moves that the code makes: all of them, no others."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from failover.conclusion import Progress, conclude
from failover.decision import decide
from failover.failure import Failure
from failover.models import (
    Answer,
    Decision,
    Evidence,
    InstanceState,
    OutcomeKind,
    PeerView,
    Replica,
    Routes,
    StatusChecks,
    Trigger,
    Verdict,
    Workflow,
)
from failover.planned_decision import decide_rejoin, decide_switchback

from tests.unit.test_decision import dead_active, evidence

README = (Path(__file__).parents[2] / "README.md").read_text()
EDGE = re.compile(r"^  (\w+) --> (\w+): (failover|rejoin|switchback) / (\w+)$", re.MULTILINE)

STANDBY_FENCED = {
    "standby_instance": InstanceState.OFF,
    "standby_answer": Answer.NONE,
    "standby_replica": Replica.UNKNOWN,
    "standby_must_be_kept": True,
}
"""It failed and was stopped."""
STATES: dict[str, list[Evidence]] = {
    "Protected": [evidence(standby_is_up_to_date_standby=True)],
    "RouteWrong": [evidence(routes=Routes.WRONG)],
    "ServiceDown": [evidence(active_answer=Answer.NOT_SERVING)],
    "Rebooted": [evidence(active_answer=Answer.DEMOTED)],
    "BrokenOff": [
        evidence(active_answer=Answer.DEMOTED, is_move_unfinished=True),
        evidence(active_answer=Answer.DEMOTED, is_move_unfinished=True, **STANDBY_FENCED),
    ],
    "NodeDown": [dead_active(), dead_active(active_checks=StatusChecks.FAILED)],
    "Alone": [evidence(**STANDBY_FENCED)],
    "Down": [dead_active(standby_view=PeerView.UNKNOWN, **STANDBY_FENCED), dead_active(standby_replica=Replica.STALE)],
}
AFTER = {
    OutcomeKind.ROUTES_REPAIRED: "Protected",
    OutcomeKind.SERVICES_RESTARTED: "Protected",
    OutcomeKind.MOVED: "Protected",
    OutcomeKind.RESUMED: "Protected",
    OutcomeKind.FAILED_OVER: "Alone",
    OutcomeKind.REJOINED: "Protected",
    OutcomeKind.SWITCHED_OVER: "Protected",
    OutcomeKind.RESTORED: "Protected",
    OutcomeKind.HALTED: "Down",
}
"""Where each outcome leaves the cluster, if the two nodes are fit for it."""


def decisions_on(seen: Evidence) -> Iterator[tuple[Workflow, Decision]]:
    yield "failover", decide(seen)
    if seen.active.answer is not Answer.SERVING or seen.routes is Routes.WRONG:
        return  # the picture has what operators plan where they plan it: while users are served
    yield "switchback", decide_switchback(seen, "db-02")
    yield "rejoin", decide_rejoin(seen, Trigger(kind="operator", reason="by hand"))


def outcomes_of(decision: Decision) -> Iterator[OutcomeKind]:
    yield conclude(decision, None, Progress()).kind
    if decision.verdict in (Verdict.RESTART_SERVICES, Verdict.RESUME_ACTIVE) and not decision.why_no_move:
        yield conclude(decision, None, Progress(is_moved=True)).kind
    if decision.verdict is Verdict.SWITCH_OVER:
        failure = Failure(step="StartServices", error="Failed", cause="It does not start.")
        yield conclude(decision, None, Progress(move_failure=failure)).kind


def moves_of_the_code() -> set[tuple[str, str, str, str]]:
    return {
        (state, AFTER[kind], workflow, kind.value)
        for state, examples in STATES.items()
        for seen in examples
        for workflow, decision in decisions_on(seen)
        for kind in outcomes_of(decision)
        if kind in AFTER
    }


def test_picture_shows_the_moves_that_the_code_makes() -> None:
    assert set(EDGE.findall(README)) == moves_of_the_code()


@pytest.mark.parametrize("kind", AFTER)
def test_every_outcome_that_changes_something_is_in_the_picture(kind: OutcomeKind) -> None:
    assert kind.value in {edge[3] for edge in EDGE.findall(README)}


def test_other_outcomes_change_nothing_or_are_failures() -> None:
    others = set(OutcomeKind) - set(AFTER)
    assert others == {
        OutcomeKind.NOTHING_TO_DO,
        OutcomeKind.WARNED,
        OutcomeKind.SKIPPED,
        OutcomeKind.REFUSED,
        OutcomeKind.FAILED,
    }

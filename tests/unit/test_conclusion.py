"""What an operator is told: what happened, in what state things are, and the right command to go on with."""

from datetime import UTC, datetime
from typing import Any

import pytest
from failover.conclusion import Progress, conclude
from failover.failure import Failure
from failover.models import ClusterRecord, Decision, Fenced, Lock, Outcome, OutcomeKind, Trigger, Verdict
from failover.settings import Settings
from failover.steps.record_outcome import commands_by_hand

FAILOVER = "arn:aws:states:ap-northeast-1:123456789012:stateMachine:garoon-failover"
SWITCHBACK = "arn:aws:states:ap-northeast-1:123456789012:stateMachine:garoon-switchback"
RESTART = Decision(verdict=Verdict.RESTART_SERVICES, reason="db-01 answers but does not serve: cyde_5_0 is stopped.")
RESUME = Decision(verdict=Verdict.RESUME_ACTIVE, reason="db-01 is up but demoted.")
MOVE = Decision(verdict=Verdict.SWITCH_OVER, reason="db-02 is to be active in place of db-01.")


def lock(**trigger: Any) -> Lock:
    said = {"kind": "operator", "reason": "by hand"} | trigger
    return Lock(trigger=Trigger.model_validate(said), record=ClusterRecord(active="db-01", epoch=3), standby="db-02")


def failed(step: str) -> Failure:
    return Failure(step=step, error="NotYet", cause="It did not answer.")


def outcome(kind: OutcomeKind, workflow: str = "failover") -> Outcome:
    return Outcome(
        outcome=kind, verdict=None, reason="So it is.", next_step="Look.", active_before="db-01", active_after="db-01",
        epoch_before=1, epoch_after=1, started_at=datetime.now(UTC), ended_at=datetime.now(UTC),
        execution=f"arn:aws:states:ap-northeast-1:123456789012:execution:garoon-{workflow}:one",
    )  # fmt: skip


def test_node_that_was_demoted_in_good_order_is_a_standby_and_its_broken_service_is_named() -> None:
    told = conclude(RESTART, None, Progress(is_moved=True), lock=lock())
    assert told.kind is OutcomeKind.MOVED
    assert "cyde_5_0 is stopped" in told.reason
    assert told.next_step.startswith("Repair what was down on db-01")
    assert "is the standby now" in told.next_step


def test_node_that_had_to_be_fenced_for_the_move_is_to_be_brought_back() -> None:
    fenced = Fenced(node="db-01", proof="EC2 says that the instance i-0a is stopped", is_off=True)
    told = conclude(RESTART, None, Progress(is_moved=True, fenced=fenced), lock=lock())
    assert told.next_step.startswith("Bring db-01 back")


def test_active_node_that_does_not_come_into_service_in_place_hands_over() -> None:
    assert conclude(RESUME, None, Progress(is_moved=True), lock=lock()).kind is OutcomeKind.MOVED
    forbidden = RESUME.model_copy(update={"why_no_move": "the replica on db-02 is not up to date"})
    halted = conclude(forbidden, failed("StartServices"), Progress(), lock=lock())
    assert halted.kind is OutcomeKind.HALTED
    assert "the role may not move: the replica on db-02 is not up to date" in halted.reason


@pytest.mark.parametrize("decision", [RESTART, RESUME, Decision(verdict=Verdict.REPAIR_ROUTES, reason="A route.")])
def test_what_was_put_right_in_place_asks_for_its_cause(decision: Decision) -> None:
    assert conclude(decision, None, Progress(), lock=lock()).next_step.startswith("Find ")


def test_fence_of_a_planned_move_that_was_undone_is_told() -> None:
    fenced = Fenced(node="db-02", proof="EC2 says that the instance i-0b is stopped", is_off=True)
    told = conclude(MOVE, None, Progress(move_failure=failed("PromoteReplica"), fenced=fenced), lock=lock())
    assert told.kind is OutcomeKind.RESTORED
    assert "db-02 could not be demoted and was fenced" in told.reason
    assert "Start the instance of db-02" in told.next_step


def test_accepted_loss_of_data_leaves_its_trace() -> None:
    lossy = Decision(
        verdict=Verdict.FAIL_OVER, reason="db-01 is stopped; db-02 takes over.",
        accepted_loss="the replica on db-02 is not up to date",
    )  # fmt: skip
    told = conclude(lossy, None, Progress(is_moved=True), lock=lock(acceptDataLoss=True))
    assert "An operator accepted the loss of data: the replica on db-02 is not up to date." in told.reason
    assert "accepted" not in conclude(lossy, failed("FenceNode"), Progress(), lock=lock()).reason


def test_failure_in_the_middle_of_a_move_says_that_the_schedule_goes_on() -> None:
    told = conclude(MOVE, failed("DemoteTarget"), Progress(move_failure=failed("PromoteReplica")), is_move_open=True)
    assert "finishes or undoes the move" in told.next_step
    assert "by itself" not in conclude(MOVE, failed("StartNode"), Progress()).next_step


def test_halt_offers_what_would_move_the_role(settings: Settings) -> None:
    decision = Decision(verdict=Verdict.HALT, reason="It is stale.", is_data_loss_in_the_way=True)
    plain, lossy = commands_by_hand(outcome(OutcomeKind.HALTED), settings, decision, lock())
    assert plain.endswith(f"{FAILOVER} --input '{{}}'")
    assert lossy.endswith(f"""{FAILOVER} --input '{{"acceptDataLoss": true}}'""")
    [only] = commands_by_hand(outcome(OutcomeKind.HALTED), settings, MOVE, lock())
    assert "acceptDataLoss" not in only


def test_planned_move_is_started_again_with_its_target(settings: Settings) -> None:
    [again] = commands_by_hand(outcome(OutcomeKind.HALTED, "switchback"), settings, MOVE, lock(node="db-02"))
    assert again.endswith(f"""{SWITCHBACK} --input '{{"target": "db-02"}}'""")


def test_move_that_broke_off_is_for_the_failover_workflow(settings: Settings) -> None:
    """Started again with its own input, the switchback would find the target active already, or change nothing."""
    broken_off = outcome(OutcomeKind.FAILED, "switchback")
    [command] = commands_by_hand(broken_off, settings, MOVE, lock(node="db-02"), is_move_open=True)
    assert command.endswith(f"{FAILOVER} --input '{{}}'")
    elsewhere = Decision(verdict=Verdict.HALT, reason="db-01 is not in service.", is_for_failover=True)
    [command] = commands_by_hand(outcome(OutcomeKind.HALTED, "switchback"), settings, elsewhere, lock(node="db-02"))
    assert FAILOVER in command


def test_role_that_was_put_back_by_the_failover_needs_no_command(settings: Settings) -> None:
    assert commands_by_hand(outcome(OutcomeKind.RESTORED), settings, RESTART, lock()) == []


def test_time_that_no_last_word_covers_is_told_where_the_old_active_node_was_fenced() -> None:
    fenced = Fenced(node="db-01", proof="EC2 says that the instance i-0a is stopped", is_off=True)
    decision = Decision(verdict=Verdict.FAIL_OVER, reason="db-01 is stopped; db-02 takes over.")
    told = conclude(decision, None, Progress(is_moved=True, fenced=fenced), lock=lock(), last_word_seconds=20.0)
    assert "in the 20 s or less" in told.reason
    in_order = conclude(RESTART, None, Progress(is_moved=True), lock=lock(), last_word_seconds=20.0)
    assert "last word" not in in_order.reason, "a node that was demoted in good order had sent everything"


def test_proof_that_never_came_halts_with_the_fence_s_next_step() -> None:
    decision = Decision(verdict=Verdict.FAIL_OVER, reason="db-01 is lost.")
    lacking = Failure(step="PromoteReplica", error="NotFenced", cause="db-02 still sees db-01.")
    conclusion = conclude(decision, lacking, Progress(), lock=lock())
    assert conclusion.kind is OutcomeKind.HALTED
    assert conclusion.next_step.startswith("Nothing was promoted.")
    assert conclude(decision, failed("PromoteReplica"), Progress(), lock=lock()).kind is OutcomeKind.FAILED

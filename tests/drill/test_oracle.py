"""The oracle can fail: each promise is shown a history that keeps it, and one that breaks it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from testbed.garoon.user import Visit
from testbed.judges.history import Call, Execution, History, HostState, Repeat, Sample, Step
from testbed.judges.oracle import judge

ACTIVE = HostState(is_on=True, is_primary=True, is_mounted=True, has_services=True, data="current")
STANDBY = HostState(is_on=True, is_primary=False, is_mounted=False, has_services=False, data="current")
OFF = HostState(is_on=False, is_primary=False, is_mounted=False, has_services=False, data="current")
ARN = "arn:aws:states:ap-northeast-1:000000000000:execution:garoon-failover:first"
OTHER_ARN = ARN.replace("first", "second")
OUTCOME: Mapping[str, Any] = {
    "outcome": "FailedOver",
    "verdict": "failOver",
    "reason": "db-01 is dead; db-02 takes over.",
    "nextStep": "Bring db-01 back.",
    "execution": ARN,
}


def sample(time: float, db_01: HostState, db_02: HostState, epoch: int = 0, lock_owner: str | None = None) -> Sample:
    return Sample(time, {"db-01": db_01, "db-02": db_02}, active="db-01", epoch=epoch, lock_owner=lock_owner)


def failover() -> History:
    """db-01 dies at 10 s, is fenced at 13 s, and db-02 is promoted at 15 s."""
    steps = [
        Step("AcquireLock", 11, 11.2),
        Step("AssessCluster", 11.3, 12),
        Step("FenceNode", 12.5, 13.5),
        Step("PromoteReplica", 14, 15.5),
        Step("SwapRoute", 16, 17),
    ]
    return History(
        samples=[
            sample(9, ACTIVE, STANDBY),
            sample(12, ACTIVE, STANDBY, lock_owner=ARN),
            sample(13, OFF, STANDBY, lock_owner=ARN),
            sample(14.5, OFF, STANDBY, epoch=1, lock_owner=ARN),
            sample(15, OFF, ACTIVE, epoch=1, lock_owner=ARN),
            sample(16.5, OFF, ACTIVE, epoch=1, lock_owner=ARN),
            sample(19, OFF, ACTIVE, epoch=1),
        ],
        executions=[Execution(ARN, 11, 18, "SUCCEEDED", {}, OUTCOME, steps)],
        calls=[
            Call(12.6, "FenceRole", "ec2", "StopInstances", 200),
            Call(16.2, "SwapRole", "ec2", "ReplaceRoute", 200),
        ],
        notifications=[{"execution": ARN, "subject": "[garoon] FailedOver"}],
        visits=[Visit(9, 9.1, None), Visit(10.5, 10.6, "refused"), Visit(12, 12.1, "refused"), Visit(17, 17.1, None)],
        repeats=[Repeat("The event was delivered once more", [])],
        recorded_outcomes=[OUTCOME],
    )


def change_sample(history: History, index: int, **changes: Any) -> History:
    samples = list(history.samples)
    samples[index] = replace(samples[index], **changes)
    return replace(history, samples=samples)


def change_steps(history: History, steps: Sequence[Step]) -> History:
    return replace(history, executions=[replace(history.executions[0], steps=steps)])


def broken(history: History) -> set[str]:
    return {number for number, evidence in judge(history).items() if evidence}


def test_a_good_failover_keeps_every_promise() -> None:
    assert judge(failover()) == {"1": [], "2": [], "3": [], "4": [], "5": [], "6": [], "7": []}


@pytest.mark.parametrize(
    "zombie",
    [
        replace(STANDBY, is_primary=True),
        replace(STANDBY, is_mounted=True),
        replace(STANDBY, has_services=True),
    ],
    ids=["primary", "mounted", "serving"],
)
def test_two_nodes_that_can_write_or_serve_break_promise_1(zombie: HostState) -> None:
    history = change_sample(failover(), 5, hosts={"db-01": zombie, "db-02": ACTIVE})
    assert broken(history) == {"1"}


def isolated_failover() -> History:
    """As `failover`, but db-01 goes on by itself, cut off from everybody."""
    history = failover()
    for index in range(2, len(history.samples)):
        hosts = {**history.samples[index].hosts, "db-01": replace(ACTIVE, is_isolated=True)}
        history = change_sample(history, index, hosts=hosts)
    return history


def test_an_isolated_node_that_goes_on_by_itself_breaks_no_promise() -> None:
    assert broken(isolated_failover()) == set()


def test_an_isolated_node_that_is_let_in_while_it_is_still_active_breaks_promise_1() -> None:
    assert broken(change_sample(isolated_failover(), 6, hosts={"db-01": ACTIVE, "db-02": ACTIVE})) == {"1"}


def test_a_promotion_before_the_isolation_breaks_promise_1() -> None:
    assert broken(change_sample(isolated_failover(), 3, hosts={"db-01": ACTIVE, "db-02": STANDBY})) == {"1"}


def test_a_promotion_begun_before_the_fence_breaks_promise_1_even_if_they_never_overlap() -> None:
    history = failover()
    for index in (2, 3):
        history = change_sample(history, index, hosts={"db-01": ACTIVE, "db-02": STANDBY})
    assert broken(history) == {"1"}


def test_fencing_a_node_that_serves_breaks_promise_2() -> None:
    history = failover()
    assert broken(replace(history, visits=[Visit(9, 9.1, None), Visit(12.2, 12.3, None)])) == {"2"}


def test_fencing_after_a_failed_assessment_breaks_promise_2() -> None:
    history = failover()
    steps = [
        replace(step, error="Runtime.ExitError") if step.state == "AssessCluster" else step
        for step in history.executions[0].steps
    ]
    assert broken(change_steps(history, steps)) == {"2"}


@pytest.mark.parametrize("data", ["stale", "unusable", "unknown"])
def test_promoting_a_stale_replica_breaks_promise_3(data: str) -> None:
    stale = replace(STANDBY, data=data)
    assert broken(change_sample(failover(), 3, hosts={"db-01": OFF, "db-02": stale})) == {"3"}


def test_an_operator_may_accept_the_loss_of_data() -> None:
    history = change_sample(failover(), 3, hosts={"db-01": OFF, "db-02": replace(STANDBY, data="stale")})
    execution = replace(history.executions[0], input={"acceptDataLoss": True})
    assert broken(replace(history, executions=[execution])) == set()


def test_a_change_without_the_lock_breaks_promise_4() -> None:
    history = failover()
    samples = [replace(one, lock_owner=OTHER_ARN) for one in history.samples]
    assert broken(replace(history, samples=samples)) == {"4"}


def test_a_change_outside_of_any_step_breaks_promise_4() -> None:
    history = failover()
    late = Call(30, "SwapRole", "ec2", "ReplaceRoute", 200)
    assert broken(replace(history, calls=[*history.calls, late])) == {"4"}


def test_a_dry_run_is_no_change() -> None:
    history = failover()
    tried = Call(30, "SwapRole", "ec2", "ReplaceRoute", 412, is_dry_run=True)
    assert broken(replace(history, calls=[*history.calls, tried])) == set()


def test_two_executions_that_change_the_cluster_at_once_break_promise_4() -> None:
    history = failover()
    second = Execution(
        OTHER_ARN,
        12,
        18,
        "SUCCEEDED",
        {},
        {**OUTCOME, "execution": OTHER_ARN},
        [Step("AssessCluster", 12, 12.1), Step("PromoteReplica", 14.5, 15.5)],
    )
    told = [*history.notifications, {"execution": OTHER_ARN}]
    recorded = [OUTCOME, {**OUTCOME, "execution": OTHER_ARN}]
    history = replace(
        history, executions=[history.executions[0], second], notifications=told, recorded_outcomes=recorded
    )
    assert broken(history) == {"4"}


def test_an_epoch_that_jumps_or_falls_breaks_promise_4() -> None:
    assert broken(change_sample(failover(), 6, epoch=3)) == {"4"}
    assert broken(change_sample(failover(), 6, epoch=0)) == {"4"}


def test_two_moves_begun_between_two_looks_at_the_record_break_nothing() -> None:
    """A promotion that fails at once is followed by the move back: the epoch is seen to grow by two."""
    history = failover()
    steps = [*history.executions[0].steps, Step("DemoteTarget", 16.6, 16.9)]
    assert broken(change_sample(change_steps(history, steps), 6, epoch=3)) == set()


def test_a_repeated_step_that_changes_something_breaks_promise_5() -> None:
    history = replace(failover(), repeats=[Repeat("FenceNode was called once more", ["db-02 went off"])])
    assert broken(history) == {"5"}


@pytest.mark.parametrize("error", ["", "InvalidInput", "NotYet"])
def test_a_step_that_was_called_without_its_lock_and_did_not_see_it_breaks_promise_4(error: str) -> None:
    """A call that fails for another reason, such as its input, has not shown that the lock would have stopped it."""
    late = Repeat("SwapRoute was called once more after its execution had ended", [], ["LockLost", error])
    history = failover()
    assert broken(replace(history, repeats=[*history.repeats, late])) == {"4"}
    assert broken(replace(history, repeats=[*history.repeats, replace(late, errors=["LockLost"])])) == set()


def test_nothing_repeated_proves_nothing() -> None:
    assert broken(replace(failover(), repeats=[])) == {"5"}


@pytest.mark.parametrize("missing", ["outcome", "reason", "nextStep"])
def test_an_end_without_outcome_reason_or_next_step_breaks_promise_7(missing: str) -> None:
    history = failover()
    output = {name: value for name, value in OUTCOME.items() if name != missing}
    assert broken(replace(history, executions=[replace(history.executions[0], output=output)])) == {"7"}


def test_a_reason_that_is_no_sentence_breaks_promise_7() -> None:
    history = failover()
    execution = replace(history.executions[0], output={**OUTCOME, "reason": "KeyError: 'x'"})
    assert broken(replace(history, executions=[execution])) == {"7"}


def test_an_end_of_which_nobody_was_told_breaks_promise_7() -> None:
    assert broken(replace(failover(), notifications=[])) == {"7"}


def test_an_execution_that_was_stopped_must_be_told_of_and_says_nothing_itself() -> None:
    history = failover()
    stopped = [replace(history.executions[0], status="ABORTED", output={})]
    assert broken(replace(history, executions=stopped)) == set()
    assert broken(replace(history, executions=stopped, notifications=[])) == {"7"}


def test_a_change_whose_outcome_is_not_in_the_record_breaks_promise_7() -> None:
    assert broken(replace(failover(), recorded_outcomes=[])) == {"7"}


def test_an_execution_that_never_ends_breaks_promise_7() -> None:
    history = failover()
    assert "7" in broken(replace(history, executions=[replace(history.executions[0], ended_at=None)]))


BRING_BACK = "db-01 is dead.\n\nNext step: Bring db-01 back as an up-to-date standby: until then there is none.\n"
LOST = "db-02 serves, but its standby db-01 is lost (stopped, answer: no answer), so a failover would not work now.\n"


def mails(*told: tuple[str, str, str]) -> set[str]:
    """Which promises are broken by an incident with these messages: outcome, text, attention."""
    notifications = [
        {
            "execution": ARN if index == 0 else f"{ARN}{index}",
            "subject": f"[garoon] {outcome}",
            "text": text,
            "attention": attention,
            "outcome": outcome,
        }
        for index, (outcome, text, attention) in enumerate(told)
    ]
    return broken(replace(failover(), notifications=notifications))


def test_quiet_one_incident_is_mailed_once() -> None:
    failed_over = ("FailedOver", BRING_BACK, "needed")
    assert mails(failed_over, ("Warned", LOST, "none"), ("Skipped", "", "none")) == set()
    assert mails(failed_over, ("Skipped", "", "needed")) == {"7"}
    assert mails(failed_over, ("Warned", LOST, "needed")) == {"7"}
    assert mails(failed_over, ("Warned", LOST.replace("db-01", "db-02"), "needed")) == set()
    assert mails(failed_over, ("Rejoined", "", "needed"), ("Warned", LOST, "needed")) == set()


def opening(*told: tuple[str, str | None, str | None]) -> set[str]:
    """Which promises are broken by these messages: the subject, the outcome, whose it is; all ask for attention."""
    notifications = [
        {"execution": execution, "subject": subject, "text": "", "attention": "needed", "outcome": outcome}
        for subject, outcome, execution in told
    ]
    notifications.append({"execution": ARN, "subject": "[garoon] NothingToDo", "attention": "none"})
    return broken(replace(failover(), notifications=notifications))


def test_quiet_one_incident_is_opened_once_and_ended_once() -> None:
    begun, done = ("[garoon] Begun: failOver", None, None), ("[garoon] FailedOver", "FailedOver", "a")
    failed, again = ("[garoon] Failed", "Failed", "a"), ("[garoon] FailedOver", "FailedOver", "b")
    assert opening(begun, done, begun, again) == set()
    assert opening(begun, failed, again) == set()
    assert opening(begun, failed, begun, again) == {"7"}
    assert opening(begun, done, done) == {"7"}


def test_quiet_what_was_told_is_not_said_again_unless_somebody_asks() -> None:
    def twice(given: dict[str, Any], *attention: str) -> set[str]:
        history = failover()
        executions = [replace(history.executions[0], arn=arn, input=given) for arn in (ARN, OTHER_ARN)]
        halted = {"subject": "[garoon] Halted", "text": "Both are down.\n", "outcome": "Halted"}
        told = [
            halted | {"execution": arn, "attention": one} for arn, one in zip((ARN, OTHER_ARN), attention, strict=True)
        ]
        recorded = [OUTCOME, dict(OUTCOME) | {"execution": OTHER_ARN}]
        changed = replace(history, executions=executions, notifications=told, recorded_outcomes=recorded)
        return {"7"} & broken(changed)

    assert twice({"detail-type": "an event"}, "needed", "needed") == {"7"}
    assert twice({"detail-type": "an event"}, "needed", "none") == set()
    assert twice({}, "needed", "needed") == set()


def test_quiet_cloudwatch_mails_nothing_that_we_tell() -> None:
    path = ('ALARM: "garoon-db-01-eth1-path-lost" in ap-northeast-1', None, None)
    assert opening(path) == {"7"}
    assert opening((path[0].replace("db-01-eth1-path-lost", "watch-silent"), None, None)) == set()

"""Each execution leaves one record, however it ended, and it outlives what Step Functions remembers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from failover.adapters import cluster_table as table
from failover.adapters import execution_history
from failover.adapters import history_table as past
from failover.adapters.execution_history import Execution, Step
from failover.errors import CloudUnavailable
from failover.execution_record import ExecutionRecord, make_record, steps_taken
from failover.models import OutcomeKind
from failover.settings import Settings
from failover.steps.record_execution import RecordExecutionEvent, record_execution

from testbed.stack.template import read_template
from tests.unit.fake_records import START, a_record, arn_of

ROOT = Path(__file__).parents[2]
FAILOVER = arn_of("failover", "da8566d2")
OUTCOME = a_record(FAILOVER, reason="db-01 is dead.").outcome
ASSESSED = {
    "decision": {"verdict": "failOver", "reason": "db-01 is dead."},
    "evidence": {
        "active": {"name": "db-01", "instance": "on", "checks": "failed", "answer": "no answer", "replica": "unknown"},
        "standby": {
            "name": "db-02", "instance": "on", "checks": "passed", "answer": "demoted", "replica": "up to date",
        },
        "isHeartbeatLost": True, "wasReplicating": True, "standbyView": "does not serve", "routes": "right",
        "isMoveUnfinished": False, "limit": "none",
    },
    "confirmation": {"isNeeded": False, "timeoutSeconds": 0},
}  # fmt: skip
LOCKED = {
    "trigger": {"kind": "alarm", "reason": "alarm garoon-db-01-heartbeat-lost went to ALARM"},
    "record": {"active": "db-01", "epoch": 1},
    "standby": "db-02",
}


def a_try(name: str, at: float, took: float | None, error: str | None = None, output: Any = None) -> Step:
    start = START + timedelta(seconds=at)
    end = None if took is None else start + timedelta(seconds=took)
    return Step(name=name, started_at=start, ended_at=end, error=error, cause="Not yet." * bool(error), output=output)


STEPS = (
    a_try("AcquireLock", 0, 0.2, output=LOCKED),
    a_try("AssessCluster", 0.3, 1.2, output=ASSESSED),
    a_try("FenceNode", 2, 0.5, "NotYet"),
    a_try("FenceNode", 3.5, 0.5, "NotYet"),
    a_try("FenceNode", 5, 0.5),
    a_try("RecordOutcome", 8, 1),
)


def an_execution(**changes: Any) -> Execution:
    values: dict[str, Any] = {
        "arn": FAILOVER, "status": "SUCCEEDED", "started_at": START, "ended_at": START + timedelta(seconds=9),
        "input": {}, "steps": STEPS, "outcome": OUTCOME,
    }  # fmt: skip
    return Execution(**(values | changes))


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> dict[str, Execution]:
    """What Step Functions knows."""
    known: dict[str, Execution] = {}
    monkeypatch.setattr(execution_history, "read_execution", known.get)
    monkeypatch.setattr(
        execution_history, "list_executions",
        lambda machine, _limit: [one for one in known.values() if one.workflow == machine.rpartition("-")[2]],
    )  # fmt: skip
    return known


def end(status: str = "SUCCEEDED", arn: str = FAILOVER) -> RecordExecutionEvent:
    return RecordExecutionEvent.model_validate({"detail": {"executionArn": arn, "status": status}})


SCHEDULE = RecordExecutionEvent.model_validate(json.loads((ROOT / "events/schedule.json").read_text()))


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_a_record_has_the_codes_the_evidence_and_each_step_s_seconds_and_retries() -> None:
    record = make_record(an_execution(), OUTCOME)
    assert (record.came_to, record.retries, record.seconds) == ("FailedOver", 2, 9.0)
    assert record.trigger == "alarm garoon-db-01-heartbeat-lost went to ALARM"
    assert record.decision is not None
    assert record.evidence is not None
    assert (record.decision.verdict, record.evidence.active.checks) == ("failOver", "failed")
    [fence] = [step for step in record.steps if step.step == "FenceNode"]
    assert (fence.after_seconds, fence.seconds, fence.retries, fence.error) == (2.0, 3.5, 2, None)


def test_a_state_that_is_visited_again_is_two_visits() -> None:
    """A question that nobody answered leads back to the look."""
    tries = [a_try("AcquireLock", 0, 1), a_try("AcquireLock", 90, 1)]
    assert [step.after_seconds for step in steps_taken(tries, START)] == [0.0, 90.0]


def test_a_step_that_did_not_end_has_no_seconds() -> None:
    [step] = steps_taken([a_try("FenceNode", 1, None)], START)
    assert step.seconds is None


def test_no_token_of_a_question_is_kept() -> None:
    """Whoever has it can answer; the record is read by whoever may look."""
    asked = a_try("RequestConfirmation", 1, 60, output={"proceed": True})
    record = make_record(an_execution(steps=(asked,), task_token="AQCE-secret"), OUTCOME)
    assert "AQCE" not in record.model_dump_json()


def test_two_thousand_tries_of_a_step_fit_an_item() -> None:
    """An item has at most 400 KB (DynamoDB Developer Guide, "Service quotas")."""
    tries = tuple(a_try("StartServices", at, 0.5, "Recovering") for at in range(2000))
    assert len(make_record(an_execution(steps=tries), OUTCOME).model_dump_json()) < 400_000


def test_a_part_that_another_version_wrote_is_left_out_and_the_rest_is_read() -> None:
    written = make_record(an_execution(), OUTCOME).to_json()
    written["decision"] = {"verdict": "somethingNew"}
    written["evidence"] |= {"more": 1}
    written["somethingElse"] = True
    read = ExecutionRecord.model_validate(written)
    assert (read.decision, read.evidence, read.came_to) == (None, None, "FailedOver")


# --- the table ------------------------------------------------------------------------------------------------------


def test_an_item_expires_when_its_days_are_over(settings: Settings, history_table: Any) -> None:
    past.keep(settings, a_record())
    [item] = history_table.scan()["Items"]
    assert item["expiresAt"] == int((START + timedelta(seconds=9, days=400)).timestamp())
    ttl = read_template()["Resources"]["HistoryTable"]["Properties"]["TimeToLiveSpecification"]
    assert ttl == {"AttributeName": "expiresAt", "Enabled": True}


def test_an_execution_that_is_kept_again_has_one_item(settings: Settings, history_table: Any) -> None:
    for _ in range(2):
        past.keep(settings, a_record(reason="再起動しました。"))
    [item] = history_table.scan()["Items"]
    assert (item["outcome"], item["reason"]) == ("FailedOver", "再起動しました。")


@pytest.mark.usefixtures("history_table")
def test_one_is_found_by_its_arn_or_the_beginning_of_its_name(settings: Settings) -> None:
    for name in ("da8566d2", "da85ffff", "0123"):
        past.keep(settings, a_record(arn_of("failover", name)))
    assert [one.name for one in past.find(settings, FAILOVER)] == ["da8566d2"]
    assert [one.name for one in past.find(settings, "da85")] == ["da85ffff", "da8566d2"]
    assert past.find(settings, "5") == []


# --- the function ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("history_table", "cluster_table")
def test_an_execution_s_end_leaves_its_record(settings: Settings, executions: dict[str, Execution]) -> None:
    executions[FAILOVER] = an_execution()
    record_execution(end(), settings)
    assert past.read_newest(settings, 10) == [make_record(an_execution(), OUTCOME)]


@pytest.mark.usefixtures("history_table", "cluster_table")
@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        ("ABORTED", "", "was stopped by somebody"),
        ("TIMED_OUT", "", "ran out of time"),
        ("FAILED", "OutcomeNotRecorded", "crashed before it could record its outcome (OutcomeNotRecorded)"),
    ],
)
def test_an_end_that_record_abort_tells_of_leaves_it_in_the_same_words(
    status: str, error: str, words: str, settings: Settings, executions: dict[str, Execution]
) -> None:
    executions[FAILOVER] = an_execution(status=status, outcome=None, error=error)
    record_execution(end(status), settings)
    [record] = past.read_newest(settings, 10)
    assert record.came_to == OutcomeKind.FAILED
    assert words in record.reason


@pytest.mark.usefixtures("history_table", "aws")
def test_it_is_left_though_the_cluster_record_cannot_be_read(
    settings: Settings, executions: dict[str, Execution]
) -> None:
    executions[FAILOVER] = an_execution(status="ABORTED", outcome=None)
    record_execution(end("ABORTED"), settings)
    [record] = past.read_newest(settings, 10)
    assert record.outcome is not None
    assert record.outcome.active_after is None


@pytest.mark.usefixtures("history_table")
@pytest.mark.parametrize("known", [{}, {FAILOVER: an_execution(status="RUNNING", ended_at=None, outcome=None)}])
def test_an_end_that_is_not_there_yet_is_not_made_up(
    known: dict[str, Execution], settings: Settings, executions: dict[str, Execution]
) -> None:
    """Lambda calls the function again."""
    executions.update(known)
    with pytest.raises(CloudUnavailable, match="does not say yet"):
        record_execution(end(), settings)
    assert past.read_newest(settings, 10) == []


@pytest.mark.usefixtures("history_table", "cluster_table")
def test_the_schedule_s_look_makes_up_for_events_that_never_came(
    settings: Settings, executions: dict[str, Execution]
) -> None:
    now = datetime.now(UTC)
    rejoin, running, old = arn_of("rejoin", "two"), arn_of("rejoin", "three"), arn_of("switchback", "four")
    executions[FAILOVER] = an_execution(started_at=now, ended_at=now)
    executions[rejoin] = an_execution(arn=rejoin, started_at=now, ended_at=now, outcome=a_record(rejoin).outcome)
    executions[running] = an_execution(arn=running, started_at=now, ended_at=None, status="RUNNING", outcome=None)
    executions[old] = an_execution(arn=old, started_at=now - timedelta(days=401))
    record_execution(end(), settings)
    assert record_execution(SCHEDULE, settings).executions == [rejoin]
    assert record_execution(SCHEDULE, settings).executions == []
    assert {one.name for one in past.read_newest(settings, 10)} == {"da8566d2", "two"}


def test_every_end_of_every_workflow_starts_it() -> None:
    resources = read_template()["Resources"]
    function = resources["RecordExecutionFunction"]["Properties"]
    pattern = function["Events"]["ExecutionEnded"]["Properties"]["Pattern"]
    workflows = {name for name, one in resources.items() if one["Type"] == "AWS::Serverless::StateMachine"}
    assert {machine["Ref"] for machine in pattern["detail"]["stateMachineArn"]} == workflows
    ends = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
    assert set(pattern["detail"]["status"]) == ends, "Step Functions Developer Guide, EventBridge events: but RUNNING"


def test_the_record_of_the_cluster_is_not_touched(
    settings: Settings, executions: dict[str, Execution], cluster_table: Any, history_table: Any
) -> None:
    before = table.read_record(settings)
    executions[FAILOVER] = an_execution(status="ABORTED", outcome=None)
    record_execution(end("ABORTED"), settings)
    assert table.read_record(settings) == before
    assert cluster_table.scan()["Items"] == []


def test_a_long_execution_is_read_in_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that recovers for an hour leaves thousands of events, read by whoever looks at the dashboard."""
    machine = boto3.client(
        "stepfunctions", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    monkeypatch.setattr(execution_history, "client", lambda _service: machine)
    with Stubber(machine) as stubber:
        described = {"executionArn": FAILOVER, "stateMachineArn": FAILOVER, "status": "RUNNING", "startDate": START}
        stubber.add_response("describe_execution", described)
        stubber.add_response("get_execution_history", {"events": []}, {"executionArn": FAILOVER, "maxResults": 1000})
        assert execution_history.read_execution(FAILOVER) is not None

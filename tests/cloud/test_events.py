"""EventBridge delivers where it may, on time, and keeps what it could not deliver."""

from __future__ import annotations

import json

import pytest

from testbed.cloud.server import LOG_FILE
from tests.cloud.conftest import Account, eventually, name


def _state_machine(account: Account) -> str:
    definition = {"QueryLanguage": "JSONata", "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    created = account.client("stepfunctions").create_state_machine(
        name=name("machine"), roleArn=account.make_role(), definition=json.dumps(definition)
    )
    return str(created["stateMachineArn"])


def _inputs(account: Account, machine: str) -> list[object]:
    client = account.client("stepfunctions")
    executions = client.list_executions(stateMachineArn=machine)["executions"]
    described = [client.describe_execution(executionArn=each["executionArn"]) for each in executions]
    return [json.loads(each["input"]) for each in described]


def _log_of(account: Account) -> str:
    return (account.cloud.world_directory / LOG_FILE).read_text()


def _put_event(account: Account, source: str) -> None:
    entry = {"Source": source, "DetailType": "Drill", "Detail": '{"n": 1}'}
    account.client("events").put_events(Entries=[entry])


def test_a_rule_starts_a_workflow_with_its_role_and_transformed_input(account: Account) -> None:
    """EventBridge User Guide, "Using IAM roles with EventBridge targets" and "EventBridge input transformation"."""
    machine, events, rule, source = _state_machine(account), account.client("events"), name("rule"), name("source")
    role = account.make_role({"Action": "states:StartExecution", "Resource": machine})
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"seen": <n>}'}
    events.put_targets(
        Rule=rule, Targets=[{"Id": "workflow", "Arn": machine, "RoleArn": role, "InputTransformer": transformer}]
    )
    _put_event(account, source)
    assert eventually(lambda: _inputs(account, machine), "an execution") == [{"seen": 1}]


def test_a_target_without_permission_goes_to_the_dead_letter_queue(account: Account) -> None:
    """EventBridge User Guide, "Using dead-letter queues to process undelivered events": NO_PERMISSIONS, attributes."""
    machine, events, rule, source = _state_machine(account), account.client("events"), name("rule"), name("source")
    queue_url, queue_arn = account.make_queue()
    arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    target = {
        "Id": "workflow",
        "Arn": machine,
        "RoleArn": account.make_role(),
        "DeadLetterConfig": {"Arn": queue_arn},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 300},
    }
    events.put_targets(Rule=rule, Targets=[target])
    _put_event(account, source)
    (letter,) = account.wait_for(queue_url, 1)
    assert letter["source"] == source
    attributes = {key: value["StringValue"] for key, value in letter["attributes"].items()}
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"]) == (arn, machine)
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert _inputs(account, machine) == []


@pytest.mark.parametrize(("key", "is_kept"), [("aws:SourceArn", True), ("aws:SourceAccount", False)])
def test_a_dead_letter_queue_takes_what_a_rule_sends_and_knows_it_by_nothing_else(
    account: Account, key: str, *, is_kept: bool
) -> None:
    """EventBridge User Guide, "Using dead-letter queues to process undelivered events": the queue's policy has the
    rule's ARN. Of the account it says nothing, so here EventBridge does not tell it."""
    machine, events, rule, source = _state_machine(account), account.client("events"), name("rule"), name("source")
    arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    value = arn if is_kept else arn.split(":")[4]
    queue_url, queue_arn = account.make_queue({"StringEquals": {key: value}})
    target = {"Id": "workflow", "Arn": machine, "RoleArn": account.make_role(), "DeadLetterConfig": {"Arn": queue_arn}}
    events.put_targets(Rule=rule, Targets=[target])
    _put_event(account, source)
    eventually(lambda: f"{rule} -> {machine}: NO_PERMISSIONS" in _log_of(account), "the event that nobody took")
    assert len(account.wait_for(queue_url, 1) if is_kept else account.receive(queue_url)) == is_kept


def test_a_schedule_keeps_its_rate_in_the_profile_s_time(account: Account) -> None:
    """EventBridge User Guide, "Setting a schedule expression": rate(1 minute), which the fast profile makes 6 s."""
    machine, events, rule = _state_machine(account), account.client("events"), name("rule")
    role = account.make_role({"Action": "states:StartExecution", "Resource": machine})
    events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=rule, Targets=[{"Id": "workflow", "Arn": machine, "RoleArn": role, "Input": '{"n": 2}'}])
    assert eventually(lambda: _inputs(account, machine), "an execution")[0] == {"n": 2}
    events.disable_rule(Name=rule)

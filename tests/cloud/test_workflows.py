"""Executions retry, time out, stop and compute as those of Step Functions do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from testbed.cloud.retry_delays import retry_delay_seconds
from tests.cloud.conftest import Account, eventually, name
from tests.cloud.test_functions import Function, make_function

_CODE = """
class NotYet(Exception):
    pass

class Refused(Exception):
    pass

calls = {}

def handler(event, context):
    key = event["key"]
    calls[key] = calls.get(key, 0) + 1
    if event.get("do") == "refuse":
        raise Refused("a promise forbids it")
    if calls[key] <= event.get("notYet", 0):
        raise NotYet("look again")
    return {"calls": calls[key], "retryCount": event.get("retryCount")}
"""


@pytest.fixture(scope="module")
def function(account: Account) -> Function:
    return make_function(account, _CODE, [])


@pytest.fixture(scope="module")
def role(account: Account, function: Function) -> str:
    return account.make_role({"Action": "lambda:InvokeFunction", "Resource": function.arn})


def start(account: Account, role: str, states: dict[str, Any], given: object = None, **fields: object) -> str:
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **fields}
    client = account.client("stepfunctions")
    machine = client.create_state_machine(name=name("machine"), roleArn=role, definition=json.dumps(definition))
    started = client.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given or {}))
    return str(started["executionArn"])


def end(account: Account, execution: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        described = account.client("stepfunctions").describe_execution(executionArn=execution)
        return None if described["status"] == "RUNNING" else dict(described)

    return eventually(look, "the execution's end")


def _task(function: Function, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": function.arn, "End": True, **fields}


def test_an_error_is_retried_by_its_class_name_and_the_count_is_seen(
    account: Account, function: Function, role: str
) -> None:
    """Step Functions Developer Guide, "Handling errors in Step Functions workflows" (Retry) and "Accessing execution
    data from the Context object" (State.RetryCount)."""
    arguments = {"key": name("key"), "notYet": 2, "retryCount": "{% $states.context.State.RetryCount %}"}
    retry = [{"ErrorEquals": ["NotYet"], "MaxAttempts": 3, "IntervalSeconds": 1, "BackoffRate": 1}]
    done = end(account, start(account, role, {"Look": _task(function, Arguments=arguments, Retry=retry)}))
    assert json.loads(done["output"]) == {"calls": 3, "retryCount": 2}


def test_a_caught_error_carries_the_function_s_words(account: Account, function: Function, role: str) -> None:
    """Step Functions Developer Guide, "Handling errors in Step Functions workflows": Catch, $states.errorOutput."""
    retry = [{"ErrorEquals": ["NotYet"], "MaxAttempts": 3}]
    catch = [
        {
            "ErrorEquals": ["States.ALL"],
            "Assign": {"cause": "{% $parse($states.errorOutput.Cause) %}"},
            "Output": {"error": "{% $states.errorOutput.Error %}"},
            "Next": "Told",
        }
    ]
    told = {"Type": "Pass", "Output": {"error": "{% $states.input.error %}", "cause": "{% $cause %}"}, "End": True}
    task = _task(function, Arguments={"key": name("key"), "do": "refuse"}, Retry=retry, Catch=catch)
    output = json.loads(end(account, start(account, role, {"Act": task, "Told": told}))["output"])
    assert output["error"] == "Refused"
    assert (output["cause"]["errorType"], output["cause"]["errorMessage"]) == ("Refused", "a promise forbids it")


def test_a_call_that_the_role_does_not_allow_fails(account: Account, function: Function) -> None:
    """Step Functions Developer Guide, "IAM policies for calling AWS Lambda": lambda:InvokeFunction."""
    denied = end(account, start(account, account.make_role(), {"Act": _task(function, Arguments={"key": "x"})}))
    assert (denied["status"], denied["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "lambda:InvokeFunction" in denied["cause"]


def test_a_state_machine_times_out_and_tells(account: Account, role: str) -> None:
    """Step Functions Developer Guide, "State machine structure": TimeoutSeconds; and its status change event."""
    heard = account.listen({"source": ["aws.states"], "detail": {"status": ["TIMED_OUT"]}})
    execution = start(account, role, {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}, TimeoutSeconds=1)
    assert end(account, execution)["status"] == "TIMED_OUT"
    (event,) = account.wait_for(heard, 1)
    assert event["detail"]["executionArn"] == execution


def test_a_stopped_execution_does_nothing_more(account: Account, function: Function, role: str) -> None:
    """Step Functions API Reference, StopExecution: ABORTED."""
    key = name("key")
    retry = [{"ErrorEquals": ["NotYet"], "MaxAttempts": 99, "IntervalSeconds": 2, "BackoffRate": 1}]
    task = _task(function, Arguments={"key": key, "notYet": 99}, Retry=retry)
    execution, client = start(account, role, {"Look": task}), account.client("stepfunctions")

    def has_failed_once() -> bool:
        events = client.get_execution_history(executionArn=execution)["events"]
        return any(event["type"] in ("TaskFailed", "LambdaFunctionFailed") for event in events)

    eventually(has_failed_once, "the first look")
    client.stop_execution(executionArn=execution)
    before = function.invoke(key=key, notYet=0)[1]["calls"]
    other = start(account, role, {"Wait": {"Type": "Wait", "Seconds": 5, "End": True}})
    end(account, other)  # longer than the retry's interval
    assert function.invoke(key=key, notYet=0)[1]["calls"] == before + 1
    assert end(account, execution)["status"] == "ABORTED"


def test_assign_sees_the_values_from_before(account: Account, role: str) -> None:
    """Step Functions Developer Guide, "Passing data between states with variables": evaluated before any is set."""
    states = {
        "First": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"},
        "Swap": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "Done"},
        "Done": {"Type": "Succeed", "Output": {"a": "{% $a %}", "b": "{% $b %}"}},
    }
    assert json.loads(end(account, start(account, role, states))["output"]) == {"a": 2, "b": 1}


def test_a_choice_s_own_output_belongs_to_its_default(account: Account, role: str) -> None:
    """Step Functions Developer Guide, "Choice workflow state": Output and Assign of the state, and of a rule."""
    rule = {
        "Condition": "{% $states.input.n > 10 %}",
        "Assign": {"x": 1},
        "Output": {"chose": "rule"},
        "Next": "Done",
    }
    choice = {
        "Type": "Choice",
        "Choices": [rule],
        "Assign": {"x": 2},
        "Output": {"chose": "default"},
        "Default": "Done",
    }
    done = {"Type": "Pass", "Output": {"chose": "{% $states.input.chose %}", "x": "{% $x %}"}, "End": True}
    states = {"Choose": choice, "Done": done}
    outputs = [json.loads(end(account, start(account, role, states, {"n": n}))["output"]) for n in (11, 1)]
    assert outputs == [{"chose": "rule", "x": 1}, {"chose": "default", "x": 2}]


def test_a_condition_that_is_no_boolean_fails(account: Account, role: str) -> None:
    """Step Functions Developer Guide, "Choice workflow state": a Condition must evaluate to a boolean."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.n %}", "Next": "Done"}],
        "Default": "Done",
    }
    ended = end(account, start(account, role, {"Choose": choice, "Done": {"Type": "Succeed"}}, {"n": 1}))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_retry_delays_grow_up_to_their_limit() -> None:
    """Step Functions Developer Guide, "Handling errors in Step Functions workflows": MaxDelaySeconds."""
    retrier = {"IntervalSeconds": 3, "BackoffRate": 2, "MaxDelaySeconds": 15}
    assert [retry_delay_seconds(retrier, retries) for retries in range(4)] == [3, 6, 12, 15]


def test_full_jitter_takes_any_delay_up_to_the_whole() -> None:
    """Step Functions Developer Guide, "Handling errors in Step Functions workflows": JitterStrategy FULL."""
    retrier = {"IntervalSeconds": 10, "BackoffRate": 1, "JitterStrategy": "FULL"}
    delays = [retry_delay_seconds(retrier, 0) for _ in range(200)]
    assert all(0 <= delay <= 10 for delay in delays)
    assert min(delays) < 3 < 7 < max(delays)

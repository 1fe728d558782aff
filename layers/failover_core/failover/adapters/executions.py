"""The workflows' executions: has one ended and how, start one."""

import json
from typing import Any

from botocore.exceptions import ClientError

from failover.adapters.clients import client, error_code, translate_errors
from failover.settings import Settings


@translate_errors
def has_ended(execution_arn: str) -> bool:
    """True if Step Functions knows the execution and it no longer runs. One it does not know may be running."""
    try:
        return bool(client("stepfunctions").describe_execution(executionArn=execution_arn)["status"] != "RUNNING")
    except ClientError as error:
        if error_code(error) == "ExecutionDoesNotExist":
            return False
        raise


@translate_errors
def read_error(execution_arn: str) -> tuple[str, str]:
    """Name and cause of the error with which the execution ended; empty where it has none (Step Functions API
    Reference, "DescribeExecution")."""
    answer = client("stepfunctions").describe_execution(executionArn=execution_arn)
    return answer.get("error") or "", answer.get("cause") or ""


def start_failover(settings: Settings, name: str, execution_input: dict[str, Any]) -> bool:
    """Starts the failover workflow. False if an execution of that name exists already."""
    return _start(settings.failover_state_machine_arn, name, execution_input)


def start_switchback(settings: Settings, name: str, execution_input: dict[str, Any]) -> bool:
    """Starts the switchback workflow. False if an execution of that name exists already."""
    return _start(settings.state_machine_arn("switchback"), name, execution_input)


def start_rejoin(settings: Settings, name: str, execution_input: dict[str, Any]) -> bool:
    """Starts the rejoin workflow. False if an execution of that name exists already."""
    return _start(settings.rejoin_state_machine_arn, name, execution_input)


@translate_errors
def _start(state_machine_arn: str, name: str, execution_input: dict[str, Any]) -> bool:
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=state_machine_arn, name=name, input=json.dumps(execution_input)
        )
    except ClientError as error:
        if error_code(error) == "ExecutionAlreadyExists":
            return False
        raise
    return True


@translate_errors
def send_answer(task_token: str, words: str) -> None:
    """Answers the question that the token is of, with JSON. Raises Failed if it waits for no answer any more."""
    client("stepfunctions").send_task_success(taskToken=task_token, output=words)

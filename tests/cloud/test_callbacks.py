"""Tasks that wait for an answer take the first one, in time, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.conftest import Account, eventually
from tests.cloud.test_functions import Function, make_function
from tests.cloud.test_workflows import end, start

_CODE = """
class Unavailable(Exception):
    pass

def handler(event, context):
    with open(event["tokens"], "a") as file:
        file.write(event["token"] + "\\n")
    with open(event["tokens"]) as file:
        if len(file.readlines()) <= event.get("failures", 0):
            raise Unavailable("the question could not be sent")
    return {"this": "is not the task's result"}
"""


@pytest.fixture(scope="module")
def function(account: Account) -> Function:
    return make_function(account, _CODE, [])


@pytest.fixture(scope="module")
def role(account: Account, function: Function) -> str:
    return account.make_role({"Action": "lambda:InvokeFunction", "Resource": function.arn})


class Question:
    """A state machine whose one task asks and waits, and what its function was given."""

    def __init__(
        self, account: Account, function: Function, role: str, file: Path, seconds: int, failures: int
    ) -> None:
        self._account, self._file = account, file
        payload = {"token": "{% $states.context.Task.Token %}", "tokens": str(file), "failures": failures}
        ask = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {"FunctionName": function.arn, "Payload": payload},
            "TimeoutSeconds": "{% $append(1, $wait.seconds)[-1] %}",
            "Retry": [{"ErrorEquals": ["Unavailable"], "MaxAttempts": 2, "IntervalSeconds": 1, "BackoffRate": 1}],
            "Catch": [
                {"ErrorEquals": ["States.Timeout"], "Output": "nobody answered", "Next": "Done"},
                {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Done"},
            ],
            "Output": {"answer": "{% $states.result %}"},
            "Next": "Done",
        }
        begin = {"Type": "Pass", "Assign": {"wait": {"seconds": seconds}}, "Next": "Ask"}
        self.execution = start(account, role, {"Begin": begin, "Ask": ask, "Done": {"Type": "Succeed"}})

    def tokens(self, count: int = 1) -> list[str]:
        def sent() -> list[str] | None:
            tokens = self._file.read_text().split() if self._file.exists() else []
            return tokens if len(tokens) >= count else None

        return eventually(sent, f"{count} questions")

    def answer(self, token: str, output: str) -> str | None:
        """The name of the error with which the answer is refused."""
        client = self._account.client("stepfunctions")
        try:
            client.send_task_success(taskToken=token, output=output)
        except client.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    def end(self) -> Any:
        return json.loads(end(self._account, self.execution)["output"])


@pytest.fixture
def ask(account: Account, function: Function, role: str, tmp_path: Path) -> Any:
    def make(seconds: int = 20, failures: int = 0) -> Question:
        return Question(account, function, role, tmp_path / "tokens", seconds, failures)

    return make


def test_first_answer_is_the_task_s_result_and_a_second_is_refused(ask: Any) -> None:
    """Step Functions API Reference, SendTaskSuccess: TaskTimedOut for a task that has been closed."""
    question = ask()
    [token] = question.tokens()
    assert question.answer(token, '{"proceed": false}') is None
    assert question.answer(token, '{"proceed": true}') == "TaskTimedOut"
    assert question.end() == {"answer": {"proceed": False}}
    assert question.answer(token, '{"proceed": true}') == "TaskTimedOut"


def test_the_history_says_what_the_task_was_scheduled_with(ask: Any, account: Account) -> None:
    """Step Functions API Reference, TaskScheduledEventDetails: parameters."""
    question = ask()
    [token] = question.tokens()
    history = account.client("stepfunctions").get_execution_history(executionArn=question.execution)["events"]
    [scheduled] = [event for event in history if event["type"] == "TaskScheduled"]
    assert json.loads(scheduled["taskScheduledEventDetails"]["parameters"])["Payload"]["token"] == token
    assert question.answer(token, "{}") is None


@pytest.mark.parametrize("output", ['"yes"', "null", "[]", "17"])
def test_answer_may_be_any_json(ask: Any, output: str) -> None:
    """Step Functions API Reference, SendTaskSuccess: output."""
    question = ask()
    question.answer(question.tokens()[0], output)
    assert question.end() == {"answer": json.loads(output)}


def test_what_is_no_json_or_no_token_is_refused_and_the_task_waits_on(ask: Any) -> None:
    """Step Functions API Reference, SendTaskSuccess: InvalidOutput, InvalidToken."""
    question = ask()
    [token] = question.tokens()
    assert question.answer(token, "{proceed: true}") == "InvalidOutput"
    assert question.answer(token[:-1], "{}") == "InvalidToken"
    assert question.answer(token, "{}") is None
    assert question.end() == {"answer": {}}


def test_task_times_out_after_the_seconds_of_its_expression_and_a_late_answer_is_refused(ask: Any) -> None:
    """Step Functions Developer Guide, "Task workflow state": TimeoutSeconds as a JSONata expression."""
    question = ask(seconds=1)
    assert question.end() == "nobody answered"
    assert question.answer(question.tokens()[0], "{}") == "TaskTimedOut"


def test_question_that_could_not_be_sent_is_asked_again_with_a_token_of_its_own(ask: Any) -> None:
    """Step Functions Developer Guide, "Discover service integration patterns": the function's error fails the task."""
    question = ask(failures=1)
    first, second = question.tokens(2)
    assert first != second
    assert question.answer(first, "{}") == "TaskTimedOut"
    assert question.answer(second, "{}") is None
    assert question.end() == {"answer": {}}


def test_question_that_can_never_be_sent_fails_the_task(ask: Any) -> None:
    assert ask(failures=99).end() == "Unavailable"


def test_stopped_execution_takes_no_answer(ask: Any, account: Account) -> None:
    question = ask()
    [token] = question.tokens()
    account.client("stepfunctions").stop_execution(executionArn=question.execution)
    eventually(lambda: question.answer(token, "{}") == "TaskTimedOut", "the task being over")
    assert end(account, question.execution)["status"] == "ABORTED"


def test_call_that_the_role_does_not_allow_fails_the_task(account: Account, function: Function, tmp_path: Path) -> None:
    """Step Functions Developer Guide, "IAM policies for calling AWS Lambda": lambda:InvokeFunction."""
    question = Question(account, function, account.make_role(), tmp_path / "tokens", 20, 0)
    assert question.end() == "Lambda.AWSLambdaException"

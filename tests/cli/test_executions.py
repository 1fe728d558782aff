"""An execution's history is read as AWS writes it, and as the local cloud does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from failover.adapters import execution_history
from failover.adapters.execution_history import read_execution, read_steps

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ARN = "arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:da8566d2"


def event(seconds: float, kind: str, **details: Any) -> dict[str, Any]:
    return {"timestamp": START + timedelta(seconds=seconds), "type": kind, **details}


def entered(seconds: float, state: str) -> dict[str, Any]:
    return event(seconds, "TaskStateEntered", stateEnteredEventDetails={"name": state})


OF_A_FUNCTION = [  # a task whose resource is a function's ARN
    entered(0, "FenceNode"),
    event(0.1, "LambdaFunctionScheduled", lambdaFunctionScheduledEventDetails={"resource": "arn"}),
    event(0.2, "LambdaFunctionStarted"),
    event(
        2.1,
        "LambdaFunctionFailed",
        lambdaFunctionFailedEventDetails={"error": "NotYet", "cause": '{"errorMessage": "not proven yet."}'},
    ),
    event(5.1, "LambdaFunctionScheduled", lambdaFunctionScheduledEventDetails={"resource": "arn"}),
    event(7.1, "LambdaFunctionSucceeded", lambdaFunctionSucceededEventDetails={"output": '{"node": "db-01"}'}),
    event(7.2, "TaskStateExited"),
]
OF_AN_INTEGRATION = [
    entered(0, "FenceNode"),
    event(0.1, "TaskScheduled", taskScheduledEventDetails={"resource": "invoke"}),
    event(0.2, "TaskStarted"),
    event(
        2.1, "TaskFailed", taskFailedEventDetails={"error": "NotYet", "cause": '{"errorMessage": "not proven yet."}'}
    ),
    event(5.1, "TaskScheduled", taskScheduledEventDetails={"resource": "invoke"}),
    event(7.1, "TaskSucceeded", taskSucceededEventDetails={"output": '{"Payload": {"node": "db-01"}}'}),
    event(7.2, "TaskStateExited"),
]


@pytest.mark.parametrize("events", [OF_A_FUNCTION, OF_AN_INTEGRATION])
def test_each_try_of_a_step_is_told_with_its_seconds_and_its_error(events: list[dict[str, Any]]) -> None:
    first, second = read_steps(events)
    assert (first.name, first.seconds, first.error, first.cause) == ("FenceNode", 2.0, "NotYet", "not proven yet.")
    assert (second.name, second.seconds, second.error, second.output) == ("FenceNode", 2.0, None, {"node": "db-01"})


def test_a_step_without_an_end_is_running() -> None:
    [step] = read_steps(OF_A_FUNCTION[:3])
    assert (step.ended_at, step.seconds) == (None, None)


def test_a_time_out_has_step_functions_name() -> None:
    [step] = read_steps([*OF_A_FUNCTION[:3], event(75, "LambdaFunctionTimedOut")])
    assert step.error == "States.Timeout"


class FakeStepFunctions:
    def __init__(self, status: str, events: list[dict[str, Any]]) -> None:
        self._status, self._events = status, events

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"executionArn": executionArn, "status": self._status, "startDate": START, "input": "{}"}

    def get_paginator(self, _operation: str) -> FakeStepFunctions:
        return self

    def paginate(self, **_arguments: Any) -> list[dict[str, Any]]:
        half = len(self._events) // 2
        return [{"events": self._events[:half]}, {"events": self._events[half:]}]


QUESTION = [
    entered(0, "RequestConfirmation"),
    event(
        0.1,
        "TaskScheduled",
        taskScheduledEventDetails={"parameters": '{"FunctionName": "f", "Payload": {"taskToken": "AQCE"}}'},
    ),
    event(0.2, "TaskStarted"),
    event(0.9, "TaskSubmitted", taskSubmittedEventDetails={"output": "{}"}),
]


@pytest.mark.parametrize(
    ("events", "token"),
    [
        (QUESTION, "AQCE"),
        ([*QUESTION, event(60, "TaskTimedOut")], None),
        ([*QUESTION, event(60, "TaskSucceeded", taskSucceededEventDetails={"output": "{}"})], None),
        (OF_AN_INTEGRATION[:3], None),
        (OF_A_FUNCTION[:3], None),
    ],
)
def test_only_an_open_question_has_a_token(
    monkeypatch: pytest.MonkeyPatch, events: list[dict[str, Any]], token: str | None
) -> None:
    monkeypatch.setattr(execution_history, "client", lambda _service: FakeStepFunctions("RUNNING", events))
    execution = read_execution(ARN)
    assert execution is not None
    assert execution.task_token == token
    assert execution.step == events[0]["stateEnteredEventDetails"]["name"]


def test_what_a_failed_execution_recorded_is_found_in_its_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = (
        '{"outcome": "Halted", "verdict": "halt", "reason": "Both are down.", "nextStep": "Look.",'
        ' "activeBefore": null, "activeAfter": null, "epochBefore": null, "epochAfter": null, "execution": "x",'
        ' "startedAt": "2026-11-24T12:00:00Z", "endedAt": "2026-11-24T12:00:09Z"}'
    )
    events = [
        entered(0, "RecordOutcome"),
        event(0.1, "LambdaFunctionScheduled", lambdaFunctionScheduledEventDetails={}),
        event(0.9, "LambdaFunctionSucceeded", lambdaFunctionSucceededEventDetails={"output": outcome}),
    ]
    monkeypatch.setattr(execution_history, "client", lambda _service: FakeStepFunctions("FAILED", events))
    execution = read_execution(ARN)
    assert execution is not None
    assert execution.outcome is not None
    assert execution.outcome.reason == "Both are down."

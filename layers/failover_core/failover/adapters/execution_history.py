"""The workflows' executions as Step Functions remembers them: what each did, step by step, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from failover.adapters.clients import client, error_code, translate_errors
from failover.errors import read_said
from failover.models import Outcome, Value

WORKFLOWS = ("failover", "switchback", "rejoin")

_EVENTS_AT_ONCE = 1000
"""What GetExecutionHistory gives at most; 100 if not asked, and a database that recovers leaves thousands. It takes 20
calls a second from all of the account (Step Functions Developer Guide, "Quotas")."""


class Step(Value):
    """One call of a function by a state. A step that is tried again is several of them."""

    name: str
    started_at: datetime
    ended_at: datetime | None = None
    error: str | None = None
    cause: str = ""
    output: Any = None

    @property
    def seconds(self) -> float | None:
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


class Execution(Value):
    arn: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    input: Any
    steps: tuple[Step, ...]
    outcome: Outcome | None
    """What it recorded; None while it runs, or if it was stopped before it could."""
    task_token: str | None = None
    """Of an open question to the operators."""
    error: str = ""
    cause: str = ""
    """With which it ended, where it ended badly."""

    @property
    def workflow(self) -> str:
        return workflow_of(self.arn)

    @property
    def name(self) -> str:
        return name_of(self.arn)

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def came_to(self) -> str:
        """Its outcome; Step Functions' word for how it stands if it recorded none."""
        return self.outcome.outcome if self.outcome else self.status

    @property
    def step(self) -> str | None:
        """Where it is."""
        return self.steps[-1].name if self.steps and self.is_running else None


class Listed(Value):
    """An execution as the list has it."""

    arn: str
    status: str
    started_at: datetime
    ended_at: datetime | None


def workflow_of(arn: str) -> str:
    """E.g. "failover", of arn:aws:states:REGION:ACCOUNT:execution:garoon-failover:NAME."""
    return arn.rpartition(":")[0].rpartition("-")[2]


def name_of(arn: str) -> str:
    return arn.rpartition(":")[2]


@translate_errors
def list_executions(state_machine_arn: str, limit: int) -> list[Listed]:
    """The newest first. Step Functions keeps them for 90 days (Developer Guide, "Quotas")."""
    pages = client("stepfunctions").get_paginator("list_executions")
    return [
        Listed(arn=one["executionArn"], status=one["status"], started_at=one["startDate"], ended_at=one.get("stopDate"))
        for page in pages.paginate(
            stateMachineArn=state_machine_arn, PaginationConfig={"MaxItems": limit, "PageSize": min(limit, 100)}
        )
        for one in page["executions"]
    ]


@translate_errors
def read_execution(arn: str) -> Execution | None:
    """One execution with its steps; None if Step Functions does not know it (any more)."""
    try:
        described = client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise
    pages = (
        client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=arn, PaginationConfig={"PageSize": _EVENTS_AT_ONCE})
    )
    events = [event for page in pages for event in page["events"]]
    steps = tuple(read_steps(events))
    is_running = described["status"] == "RUNNING"
    return Execution(
        arn=arn,
        status=described["status"],
        started_at=described["startDate"],
        ended_at=None if is_running else described.get("stopDate"),
        input=_parse(described.get("input")),
        steps=steps,
        outcome=None if is_running else _outcome(_parse(described.get("output")), steps),
        task_token=_open_question(events) if is_running else None,
        error=described.get("error") or "",
        cause=described.get("cause") or "",
    )


_ENDED_BADLY = (
    "Failed",
    "TimedOut",
    "SubmitFailed",
    "StartFailed",
    "ScheduleFailed",
)


def read_steps(events: Iterable[dict[str, Any]]) -> list[Step]:
    """From an execution's history (Step Functions API Reference, "HistoryEvent").

    A task whose resource is a function's own ARN leaves events named LambdaFunction..., one that uses an integration
    leaves Task... ; the local cloud names all of them Task... .
    """
    steps: list[Step] = []
    state = ""
    for event in events:
        at, kind = event["timestamp"], str(event["type"])
        what = kind.removeprefix("LambdaFunction").removeprefix("Task")
        details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
        if kind == "TaskStateEntered":
            state = event["stateEnteredEventDetails"]["name"]
        elif what == kind:  # of no task
            continue
        elif what == "Scheduled":
            steps.append(Step(name=state, started_at=at))
        elif what == "Succeeded" and steps:
            output = _parse(details.get("output"))
            payload = output.get("Payload", output) if isinstance(output, dict) else output
            steps[-1] = steps[-1].model_copy(update={"ended_at": at, "output": payload})
        elif what in _ENDED_BADLY and steps:
            error = details.get("error") or ("States.Timeout" if what == "TimedOut" else what)
            steps[-1] = steps[-1].model_copy(
                update={"ended_at": at, "error": error, "cause": _message(details.get("cause", ""))}
            )
    return steps


def _open_question(events: list[dict[str, Any]]) -> str | None:
    """The token of a task that waits for an answer: it is among what the task was scheduled with."""
    for event in reversed(events):
        if event["type"] in ("TaskSucceeded", "TaskFailed", "TaskTimedOut"):
            return None
        if event["type"] == "TaskScheduled":
            payload = _parse(event["taskScheduledEventDetails"].get("parameters"))
            payload = payload.get("Payload", payload) if isinstance(payload, dict) else {}
            return payload.get("taskToken") if isinstance(payload, dict) else None
    return None


def _outcome(output: Any, steps: tuple[Step, ...]) -> Outcome | None:
    # An execution that ends in a Fail state has no output: what it recorded is what its last step returned.
    candidates = [output, *(step.output for step in reversed(steps) if step.name == "RecordOutcome")]
    for candidate in candidates:
        try:
            return Outcome.model_validate(candidate)
        except ValidationError:
            continue
    return None


def _message(cause: str) -> str:
    """The words of an error. Lambda wraps an exception as JSON (Lambda Developer Guide, "Python errors")."""
    parsed = _parse(cause)
    return str(read_said(str(parsed.get("errorMessage", cause)))) if isinstance(parsed, dict) else cause


def _parse(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return text

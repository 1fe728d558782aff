"""Tasks that call a function and wait until somebody sends an answer with their token, as those of Step Functions do.

Follows, in the Step Functions Developer Guide: "Discover service integration patterns" (Wait for a Callback with Task
Token), "Task workflow state" (TimeoutSeconds as a JSONata expression; States.Timeout); and in its API Reference:
SendTaskSuccess and SendTaskFailure (InvalidOutput; InvalidToken; TaskTimedOut, for a task that is over). In the
emulator a time-out is a number only, an error of the function is swallowed and the task waits on, a retry keeps its
token, an aborted execution waits on, a second answer may take the place of the first, and the history does not say what
a task was scheduled with.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import stepfunctions

from testbed.cloud.workflows import LOOK_SECONDS, Context, Execution, State, stop_if_over

_LAMBDA = "states:::lambda:invoke"
_FOREVER_SECONDS = 99999999.0


@dataclass
class _Wait:
    """One attempt of a task. Open until it is answered or over; the first answer closes it."""

    answered: threading.Event = field(default_factory=threading.Event)
    is_open: bool = True
    output: Any = None
    error: tuple[str, str] | None = None


_waits: dict[str, _Wait] = {}
_closing = threading.Lock()
_context: contextvars.ContextVar[Context | None] = contextvars.ContextVar("context", default=None)
_execution: contextvars.ContextVar[Execution | None] = contextvars.ContextVar("execution", default=None)


def install() -> None:
    execute_task = stepfunctions._execute_task
    invoke_other = stepfunctions._invoke_with_callback

    def execute(state: State, argument: object, execution: Execution, context: Context) -> object:
        _context.set(context)
        _execution.set(execution)
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", argument, context)
            state = {**state, "TimeoutSeconds": seconds}
        return execute_task(state, argument, execution, context)

    def invoke(resource: str, argument: Mapping[str, Any], token: str, state: State) -> object:
        if _LAMBDA not in resource:
            return invoke_other(resource, argument, token, state)
        _write_parameters(argument)
        return _invoke_and_wait(argument, token, float(state.get("TimeoutSeconds", _FOREVER_SECONDS)))

    stepfunctions._execute_task = execute
    stepfunctions._invoke_with_callback = invoke
    stepfunctions._send_task_success = _send_success
    stepfunctions._send_task_failure = _send_failure


def _write_parameters(argument: Mapping[str, Any]) -> None:
    """What a task was scheduled with is in its event, the token too (API Reference, TaskScheduledEventDetails)."""
    execution = _execution.get()
    if execution is not None:
        event = next(one for one in reversed(execution["events"]) if one["type"] == "TaskScheduled")
        event["taskScheduledEventDetails"]["parameters"] = json.dumps(argument)


def _invoke_and_wait(argument: Mapping[str, Any], token: str, timeout_seconds: float) -> object:
    deadline = time.monotonic() + timeout_seconds
    wait = _waits[token] = _Wait()
    try:
        function = stepfunctions._resolve_lambda_function_ref(argument["FunctionName"], optimized=True)
        stepfunctions._call_lambda(function, argument.get("Payload", {}))
        while not wait.answered.wait(LOOK_SECONDS):
            stop_if_over()
            if time.monotonic() > deadline and _close(wait):
                raise stepfunctions._ExecutionError("States.Timeout", "The task was not answered in time.")
    finally:
        _close(wait)
        _give_next_attempt_a_new_token()
    if wait.error is not None:
        raise stepfunctions._ExecutionError(*wait.error)
    return wait.output


def _close(wait: _Wait) -> bool:
    """True if it was open until now."""
    with _closing:
        was_open, wait.is_open = wait.is_open, False
        return was_open


def _give_next_attempt_a_new_token() -> None:
    context = _context.get()
    if context is not None:
        context["Task"] = {"Token": new_uuid()}


def _send_success(request: Mapping[str, Any]) -> object:
    try:
        output = json.loads(request.get("output", ""))
    except ValueError:
        return error_response_json("InvalidOutput", "Invalid Output: it is not valid JSON.", 400)
    return _answer(request, output, None)


def _send_failure(request: Mapping[str, Any]) -> object:
    return _answer(request, None, (request.get("error", "States.TaskFailed"), request.get("cause", "")))


def _answer(request: Mapping[str, Any], output: object, error: tuple[str, str] | None) -> object:
    wait = _waits.get(request.get("taskToken", ""))
    if wait is None:
        return error_response_json("InvalidToken", "Invalid Token: it is not one of a task.", 400)
    if not _close(wait):
        return error_response_json("TaskTimedOut", "Task Timed Out: Provided task does not exist anymore", 400)
    wait.output, wait.error = output, error
    wait.answered.set()
    return json_response({})

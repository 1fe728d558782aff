"""Step Functions that keep their promises about time-outs, aborts, retries and JSONata.

Follows, in the Step Functions Developer Guide: "Handling errors in Step Functions workflows" (MaxDelaySeconds,
JitterStrategy; States.ALL does not match States.Runtime and States.DataLimitExceeded), "Transforming data with JSONata"
and "Passing data between states with variables" (Assign evaluates all its expressions with the values from before),
"Choice workflow state" (a Condition is a boolean; Output and Assign of the state itself belong to Default), "Succeed
workflow state" (Output), "State machine structure" (TimeoutSeconds), "IAM policies for calling AWS Lambda"; and in its
API Reference: StopExecution, DescribeExecution (TIMED_OUT). In the emulator an aborted execution goes on with its
retries and ends FAILED, a state machine has no time-out, and calls of functions need no permission.
"""

from __future__ import annotations

import contextvars
import json
import math
import time
from time import thread_time
from typing import Any

from jsonata.timebox import Timebox
from ministack.core.responses import now_iso
from ministack.services import lambda_svc, stepfunctions

from testbed.cloud import permissions
from testbed.cloud.background import each_scoped
from testbed.cloud.emulator import Cloud
from testbed.cloud.recorder import Recorder
from testbed.cloud.retry_delays import retry_delay_seconds

State = dict[str, Any]
Execution = dict[str, Any]
Context = dict[str, Any]

_NEVER_CAUGHT_BY_ALL = ("States.Runtime", "States.DataLimitExceeded")
LOOK_SECONDS = 0.1

_current: contextvars.ContextVar[Execution | None] = contextvars.ContextVar("execution", default=None)


def install(cloud: Cloud, recorder: Recorder, look_seconds: float = LOOK_SECONDS) -> None:  # noqa: C901
    """Corrects the emulator. A waiting execution looks every `look_seconds` whether it was stopped."""
    run = stepfunctions._run_execution
    fail = stepfunctions._fail_execution
    invoke = stepfunctions._invoke_resource
    call_function = stepfunctions._call_lambda
    choose = stepfunctions._execute_choice
    error_matches = stepfunctions._error_matches
    find_retrier = stepfunctions._find_matching_retrier
    apply_output_path = stepfunctions._apply_output_path

    def run_execution(arn: str) -> None:
        execution = stepfunctions._executions.get(arn)
        _current.set(execution)
        limit = json.loads(_state_machine(execution)["definition"]).get("TimeoutSeconds")
        if limit is not None:
            execution["_times_out_at"] = time.monotonic() + float(limit)
        run(arn)

    def time_out_overdue() -> None:
        for _, execution in each_scoped(stepfunctions._executions):
            if execution["status"] == "RUNNING" and time.monotonic() > execution.get("_times_out_at", math.inf):
                _time_out(execution)

    def fail_execution(execution: Execution, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def invoke_resource(resource: str, argument: object) -> object:
        stop_if_over()
        return invoke(resource, argument)

    def sleep(seconds: float) -> None:
        left = seconds * cloud.profile.wait_scale
        while left > 0:
            stop_if_over()
            cloud.background.sleep(min(left, look_seconds))
            left -= look_seconds
        stop_if_over()

    def matches(names: list[str], error: str) -> bool:
        if error in _NEVER_CAUGHT_BY_ALL:
            return error in names
        return bool(error_matches(names, error))

    def find_matching_retrier(retriers: list[State], error: str, counts: dict[int, int]) -> tuple[State | None, int]:
        retrier, index = find_retrier(retriers, error, counts)
        if retrier is None:
            return None, -1
        # The emulator multiplies interval and rate itself: it is given the delay as a whole.
        return {
            **retrier,
            "IntervalSeconds": retry_delay_seconds(retrier, counts.get(index, 0)),
            "BackoffRate": 1,
        }, index

    def execute_choice(state: State, argument: object, context: Context | None = None) -> tuple[object, str]:
        if stepfunctions._state_query_language(state, context) != "JSONata":
            chosen: tuple[object, str] = choose(state, argument, context)
            return chosen
        return _choose(state, argument, context or {})

    def output_path(state: State, data: object, context: Context | None = None) -> object:
        if state.get("Type") == "Succeed" and stepfunctions._state_query_language(state, context) == "JSONata":
            return stepfunctions._apply_jsonata_output(state, data, context, default=data)
        return apply_output_path(state, data, context)

    def call_permitted_function(reference: str, event: object) -> object:
        _, config, _ = lambda_svc._get_func_record_for_ref(reference)
        execution = _current.get()
        if config and execution:
            _check_may_invoke(execution, config["FunctionArn"], recorder)
        return call_function(reference, event)

    # The emulator ends an expression after a second of the wall clock, which is none of its fault on a busy machine.
    # Not by way of the module `time`, which the fault campaign replaces.
    Timebox.current_milli_time = staticmethod(lambda: round(thread_time() * 1000))
    cloud.background.repeat(time_out_overdue, look_seconds)
    stepfunctions._run_execution = run_execution
    stepfunctions._fail_execution = fail_execution
    stepfunctions._invoke_resource = invoke_resource
    stepfunctions._scaled_sleep = sleep
    stepfunctions._error_matches = matches
    stepfunctions._find_matching_retrier = find_matching_retrier
    stepfunctions._execute_choice = execute_choice
    stepfunctions._apply_output_path = output_path
    stepfunctions._apply_state_assign = _assign
    stepfunctions._call_lambda = call_permitted_function


def _state_machine(execution: Execution) -> State:
    state_machine: State = stepfunctions._state_machines[execution["stateMachineArn"]]
    return state_machine


def _time_out(execution: Execution) -> None:
    execution["status"] = "TIMED_OUT"
    execution["stopDate"] = now_iso()
    stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    stepfunctions._emit_execution_status_event(execution)


def stop_if_over() -> None:
    """Ends the execution's thread, quietly, once the execution was aborted or timed out."""
    execution = _current.get()
    if execution and execution["status"] != "RUNNING":
        raise SystemExit


def _assign(
    state: State, argument: object, context: Context | None, result: object = None, error_output: object = None
) -> None:
    assign = state.get("Assign")
    is_jsonata = context is not None and stepfunctions._state_query_language(state, context) == "JSONata"
    if context is None or not is_jsonata or not isinstance(assign, dict):
        return
    values = stepfunctions._apply_jsonata_template(assign, argument, context, result, error_output)
    context["variables"].update(values)


def _choose(state: State, argument: object, context: Context) -> tuple[object, str]:
    for choice in state.get("Choices", []):
        if _is_met(choice["Condition"], argument, context):
            return _leave_choice(choice, argument, context), choice["Next"]
    if "Default" not in state:
        raise stepfunctions._ExecutionError("States.NoChoiceMatched", "No choice rule matched and there is no Default.")
    return _leave_choice(state, argument, context), state["Default"]


def _is_met(condition: object, argument: object, context: Context) -> bool:
    value = stepfunctions._apply_jsonata_template(condition, argument, context)
    if not isinstance(value, bool):
        message = f"The Condition {condition!r} is not a boolean but {json.dumps(value)}."
        raise stepfunctions._ExecutionError("States.QueryEvaluationError", message)
    return value


def _leave_choice(chosen: State, argument: object, context: Context) -> object:
    output = stepfunctions._apply_jsonata_output(chosen, argument, context, default=argument)
    # A choice rule has no query language of its own: it is the state's, which is JSONata here.
    _assign({**chosen, "QueryLanguage": "JSONata"}, argument, context)
    return output


def _check_may_invoke(execution: Execution, function_arn: str, recorder: Recorder) -> None:
    role_arn = _state_machine(execution)["roleArn"]
    is_allowed = permissions.is_role_allowed(role_arn, "lambda:InvokeFunction", function_arn)
    recorder.write(role_arn.rpartition("/")[2], "lambda", "Invoke", 200 if is_allowed else 403)
    if not is_allowed:
        message = (
            f"User: {role_arn} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn} "
            "(Service: Lambda, Status Code: 403)"
        )
        raise stepfunctions._ExecutionError("Lambda.AWSLambdaException", message)

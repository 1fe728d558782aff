"""Step Functions, Lambda and EventBridge of the campaign's world.

The state machines are run by the engine of the local cloud (ministack with testbed.cloud.workflows), whose clock,
threads and calls of functions are replaced; tests/cloud/test_workflows.py holds it against AWS's documentation. Lambda
follows, in its Developer Guide: "Configure Lambda function timeout" (Sandbox.Timedout), "Lambda function handler in
Python / Exceptions" and "How Lambda handles errors and retries with asynchronous invocation" (two more tries, after one
and two minutes).
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol, cast

from ministack.core.responses import request_scope
from ministack.services import eventbridge, stepfunctions

from testbed.campaign.stack import ACCOUNT, REGION, Function, Stack, StateMachine
from testbed.campaign.virtual_time import Loop, Task, TaskKilled, clock
from testbed.cloud import workflows
from testbed.cloud.emulator import Cloud
from testbed.cloud.recorder import Recorder

Json = dict[str, Any]
Handler = Callable[[Any, Any], Any]

_EVENT_SECONDS = 0.5
_SIGN_SECONDS = 2.0
_ASYNCHRONOUS_RETRIES = (60.0, 120.0)
_LOOK_SECONDS = 2.0  # time is not real here, and each look costs


@dataclass
class Invocation:
    """One run of a function."""

    function: Function
    execution: str | None
    """ARN of the execution for which it runs; None for a function that an event or the schedule called."""
    state: str
    event: Any
    started_at: float
    lock_seen_at: float | None = None
    """When it last read a cluster record whose lock was its execution's."""
    task: Task[Any] | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        return self.state or self.function.name


class Injector(Protocol):
    """What may go wrong around the engine; testbed.campaign.faults has what does."""

    def on_state(self, execution: str, state: str) -> None: ...
    def on_step(self, invocation: Invocation, perform: Callable[[], Any]) -> Any: ...
    def on_event(self, event: Json) -> list[tuple[float, Json]]: ...


class FunctionError(Exception):
    """A function that failed: errorType and errorMessage, as Lambda reports them."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}")
        self.error, self.message = error, message


@dataclass
class Engine:
    """The deployed stack at work."""

    loop: Loop
    stack: Stack
    handlers: Mapping[str, Handler]
    """By the functions' ARNs."""
    injector: Injector
    log: Callable[[str], None]
    on_ended: Callable[[Json], None] = lambda _execution: None
    invocations: list[Invocation] = field(default_factory=list)
    _names: int = 0
    _under_way: int = 0
    _executions: list[Json] = field(default_factory=list)

    def begin(self) -> None:
        """Nothing ever ran; the schedules tick."""
        global _engine
        _engine = self
        for store in (stepfunctions._executions, stepfunctions._state_machines):
            store.clear()
        for machine in self.stack.state_machines.values():
            stepfunctions._state_machines[machine.arn] = {
                "stateMachineArn": machine.arn,
                "name": machine.name,
                "definition": json.dumps(machine.definition),
                "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{machine.name}",
            }
        for schedule in self.stack.schedules:
            self.loop.spawn(partial(self._tick, schedule.target_arn, schedule.every_seconds), "schedule")

    def _tick(self, function_arn: str, every_seconds: float) -> None:
        while True:
            self.loop.sleep(every_seconds)
            event = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
            self.loop.spawn(partial(self._invoke_asynchronously, function_arn, event), "scheduled")

    # --- executions

    def machine(self, name: str) -> StateMachine:
        """The workflow whose name ends so: failover, switchback, rejoin."""
        return next(
            machine for machine in self.stack.state_machines.values() if machine.name.rpartition("-")[2] == name
        )

    def start(self, machine_arn: str, execution_input: object, name: str = "") -> str | None:
        """Starts an execution; None if the name is taken."""
        self._names += 1
        name = name or f"run-{self._names}"
        status, _, body = stepfunctions._start_execution(
            {"stateMachineArn": machine_arn, "name": name, "input": json.dumps(execution_input)}
        )
        if status != 200:
            return None
        return str(json.loads(body)["executionArn"])

    def stop(self, execution: str, cause: str) -> None:
        """An operator stops it in the console."""
        stepfunctions._stop_execution({"executionArn": execution, "error": "Stopped", "cause": cause})

    def execution(self, arn: str) -> Json | None:
        found: Json | None = stepfunctions._executions.get(arn)
        return found

    def executions(self) -> list[Json]:
        """All, the oldest first."""
        return self._executions

    def running(self) -> list[Json]:
        return [execution for execution in self.executions() if execution["status"] == "RUNNING"]

    def is_anything_running(self) -> bool:
        """Asked at every event, so it looks at the newest first: after a storm there are a thousand."""
        return any(execution["status"] == "RUNNING" for execution in reversed(self._executions))

    def is_at_rest(self) -> bool:
        """Nothing runs, and no function waits to be tried again."""
        return self._under_way == 0 and not self.is_anything_running()

    def state_of(self, arn: str) -> str:
        """The state that the execution is in, or was in last."""
        execution = self.execution(arn)
        events = execution["events"] if execution else []
        for event in reversed(events):
            if details := event.get("stateEnteredEventDetails"):
                return str(details["name"])
        return ""

    # --- functions

    def invoke(self, function_arn: str, event: object, execution: str | None, state: str = "") -> Any:
        """One run of the function, with its time limit. Raises FunctionError."""
        function = self.stack.functions[function_arn]
        invocation = Invocation(function, execution, state, json.loads(json.dumps(event)), self.loop.now)
        self.invocations.append(invocation)
        task = self.loop.spawn(lambda: self._run(invocation), f"function {function.name}")
        task.notes["invocation"] = invocation
        invocation.task = task
        try:
            return task.result(timeout=self.stack.function_seconds)
        except TimeoutError:
            task.kill()
            message = f"Task timed out after {self.stack.function_seconds:.2f} seconds"
            raise FunctionError("Sandbox.Timedout", message) from None
        except TaskKilled:
            if not task.is_killed:
                raise
            raise FunctionError("Runtime.ExitError", "RequestId: 1 Error: Runtime exited") from None

    def _run(self, invocation: Invocation) -> Any:
        return self.injector.on_step(invocation, lambda: self.perform(invocation))

    def perform(self, invocation: Invocation) -> Any:
        """The handler's own work. Raises FunctionError for what it raises."""
        context = SimpleNamespace(
            function_name=invocation.function.name,
            memory_limit_in_mb=1024,
            invoked_function_arn=invocation.function.arn,
            aws_request_id="00000000-0000-0000-0000-000000000000",
        )
        try:
            result = self.handlers[invocation.function.arn](invocation.event, context)
        except Exception as error:
            if isinstance(error.__cause__, NotImplementedError):
                raise error.__cause__ from None  # the campaign's own gap
            raise FunctionError(type(error).__name__, str(error)) from error
        return json.loads(json.dumps(result))

    def _invoke_asynchronously(self, function_arn: str, event: Json) -> None:
        self._under_way += 1
        try:
            self._try_asynchronously(function_arn, event)
        finally:
            self._under_way -= 1

    def _try_asynchronously(self, function_arn: str, event: Json) -> None:
        for delay in (*_ASYNCHRONOUS_RETRIES, None):
            try:
                self.invoke(function_arn, event, None)
            except FunctionError as error:
                self.log(f"{function_arn.rpartition(':')[2]} failed: {error}")
                if delay is None:
                    return
                self.loop.sleep(delay)
            else:
                return

    # --- events

    def put_event(self, source: str, detail_type: str, resources: list[str], detail: Json) -> None:
        """An event on the default bus; faults decide how often and when it arrives."""
        event = {
            "version": "0",
            "id": f"event-{self.loop.now:.3f}",
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "region": REGION,
            "resources": resources,
            "detail": detail,
        }
        for delay, arriving in self.injector.on_event(event):
            self.loop.spawn(partial(self.deliver, arriving), "event", after=_EVENT_SECONDS + delay)

    def put_sign(self, node: str, instance: str, sign: str) -> None:
        """A line in the log of signs; it reaches the subscribed functions, or what faults make of it."""
        line = {"node": node, "instance": instance, "sign": sign}
        for delay, arriving in self.injector.on_event({"detail-type": "sign", "detail": line}):
            self.loop.spawn(partial(self._deliver_sign, arriving), "sign", after=_SIGN_SECONDS + delay)

    def _deliver_sign(self, event: Json) -> None:
        batch = {
            "logEvents": [{"id": "1", "timestamp": int(self.loop.now * 1000), "message": json.dumps(event["detail"])}]
        }
        data = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
        for subscription in self.stack.subscriptions:
            given = {"awslogs": {"data": data}}
            self.loop.spawn(partial(self._invoke_asynchronously, subscription.target_arn, given), "subscription")

    def deliver(self, event: Json) -> None:
        """Every rule that matches does what it is for."""
        for rule in self.stack.rules:
            if not _matches(rule.pattern, event):
                continue
            if rule.target_arn in self.stack.functions:
                self.loop.spawn(partial(self._invoke_asynchronously, rule.target_arn, event), "rule")
            else:
                self.start(rule.target_arn, event)

    def execution_changed(self, execution: Json) -> None:
        """Step Functions Execution Status Change."""
        is_over = execution["status"] != "RUNNING"
        self.log(f"{execution['name']} {execution['status']}")
        if is_over:
            self.on_ended(execution)
        else:
            self._executions.append(execution)
            self._limit(execution)
        detail = {
            "executionArn": execution["executionArn"],
            "stateMachineArn": execution["stateMachineArn"],
            "name": execution["name"],
            "status": execution["status"],
            "startDate": stepfunctions._iso_to_epoch_ms(execution["startDate"]),
            "stopDate": stepfunctions._iso_to_epoch_ms(execution["stopDate"]),
            "input": execution["input"],
            "error": execution.get("error"),
            "cause": execution.get("cause"),
        }
        self.put_event("aws.states", "Step Functions Execution Status Change", [execution["executionArn"]], detail)

    def _limit(self, execution: Json) -> None:
        seconds = self.stack.state_machines[execution["stateMachineArn"]].definition.get("TimeoutSeconds")

        def time_out() -> None:
            if execution["status"] == "RUNNING":
                workflows._time_out(execution)

        if seconds is not None:
            self.loop.spawn(time_out, "time limit", after=float(seconds))

    def invoke_for_state(self, resource: str, argument: object) -> Any:
        """What a Task state does."""
        workflows.stop_if_over()
        execution = workflows._current.get()
        arn = execution["executionArn"] if execution else ""
        try:
            return self.invoke(resource, argument, arn, self.state_of(arn))
        except FunctionError as error:
            cause = json.dumps({"errorMessage": error.message, "errorType": error.error, "stackTrace": []})
            raise stepfunctions._ExecutionError(error.error, cause) from error


def _matches(pattern: str, event: Json) -> bool:
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Resources": event.get("resources", []),
        "Detail": json.dumps(event["detail"]),
    }
    return bool(eventbridge._matches_pattern(pattern, entry))


_engine: Engine | None = None


def current_engine() -> Engine:
    """The engine of the world that runs now."""
    if _engine is None:
        raise RuntimeError("There is no world.")
    return _engine


class _Background:
    def sleep(self, seconds: float) -> None:
        clock.loop.sleep(seconds)

    def repeat(self, _function: Callable[[], None], _every_seconds: float) -> None:
        """The engine limits each execution by itself."""


def install_workflows() -> None:
    """Corrects the emulator as the local cloud does, and lets the current world's engine call the functions."""
    cloud = SimpleNamespace(profile=SimpleNamespace(wait_scale=1.0), background=_Background())
    workflows.install(cast(Cloud, cloud), cast(Recorder, None), _LOOK_SECONDS)
    add_event = stepfunctions._add_event

    def add_event_and_tell(execution: Json, kind: str, details: Json | None = None) -> Json:
        event: Json = add_event(execution, kind, details)
        if details and (entered := details.get("stateEnteredEventDetails")):
            engine = current_engine()
            engine.log(f"{execution['name']}: {entered['name']}")
            engine.injector.on_state(execution["executionArn"], entered["name"])
        return event

    stepfunctions._add_event = add_event_and_tell
    stepfunctions._invoke_resource = lambda resource, argument: current_engine().invoke_for_state(resource, argument)
    stepfunctions._emit_execution_status_event = lambda execution: current_engine().execution_changed(execution)


def account() -> AbstractContextManager[None]:
    """The emulator keeps everything by account and region."""
    scope: AbstractContextManager[None] = request_scope(ACCOUNT, REGION)
    return scope

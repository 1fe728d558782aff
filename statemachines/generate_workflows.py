"""Make the workflows' definitions from the flows in src/ and the catalogue of steps: `make workflows`.

Written here once: how a Task calls a step, which errors of Lambda and AWS are tried again, and how a failure is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, assert_never

from failover.step_catalogue import BY_STATE, Retry, Step

from statemachines.src.failover import FAILOVER
from statemachines.src.language import EXECUTION, Catch, Choice, Content, Fail, Pass, State, Success, Task, Workflow
from statemachines.src.rejoin import REJOIN
from statemachines.src.switchback import SWITCHBACK

WORKFLOWS = {"failover": FAILOVER, "rejoin": REJOIN, "switchback": SWITCHBACK}
HERE = Path(__file__).parent
Place = Callable[[str | None], str]
"""The state that a `to` stands for."""

FAILURE = (
    "{% {'step': $states.context.State.Name, 'error': $states.errorOutput.Error, "
    "'cause': $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : ''} %}"
)
SLOW_ERRORS = (
    "CloudUnavailable",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
)
SLOW = {"IntervalSeconds": 1, "BackoffRate": 2.0, "MaxDelaySeconds": 15, "MaxAttempts": 8, "JitterStrategy": "FULL"}
"""What takes long to fail, up to a function's whole time: few tries."""
FINAL = {
    "ErrorEquals": ["InvalidInput", "LockHeld", "LockLost", "Refused", "Failed", "DataNotKept"],
    "MaxAttempts": 0,
}
"""The words of our own functions: trying again would be answered with the same."""
REFUSED_AT_ONCE = {"IntervalSeconds": 1, "BackoffRate": 2.0, "MaxDelaySeconds": 4, "MaxAttempts": 45}
"""The function did not run: it sleeps, is being set up, or Lambda is busy."""
SLEEPERS = (
    "Lambda.CodeArtifactUserPendingException",
    "Lambda.ResourceNotReadyException",
    "Lambda.ResourceConflictException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)
"""Errors of Lambda's that pass by themselves; an operator's answer may have any other name."""


def path_of(name: str) -> Path:
    """Where the definition of that workflow lies."""
    return HERE / f"{name}.asl.json"


def generate(name: str) -> str:
    """The definition's text. Raises LookupError, as a sentence, for a step or a place that does not exist."""
    workflow = WORKFLOWS[name]
    definition = {
        "Comment": workflow.comment,
        "QueryLanguage": "JSONata",
        "StartAt": next(iter(workflow.legs.values()))[0].name,
        "TimeoutSeconds": workflow.timeout_seconds,
        "States": dict(_states(name, workflow)),
    }
    return json.dumps(definition, indent=2) + "\n"


def _states(name: str, workflow: Workflow) -> Iterator[tuple[str, Content]]:
    places = {state.name: state.name for leg in workflow.legs.values() for state in leg}
    places |= {leg: states[0].name for leg, states in workflow.legs.items()}
    for leg in workflow.legs.values():
        following = [*(state.name for state in leg[1:]), None]
        for state, after in zip(leg, following, strict=True):

            def place(to: str | None, state: State = state, after: str | None = after) -> str:
                where = f"statemachines/src/{name}.py: {state.name}"
                if (to := to or after) is None:
                    raise LookupError(f"{where} is the last of its leg and has no `to`.")
                if to not in places:
                    raise LookupError(f"{where} leads to {to!r}, which is no state and no leg of it.")
                return places[to]

            yield state.name, _state(name, state, place)


def _state(workflow: str, state: State, place: Place) -> Content:
    match state:
        case Task():
            return _task(_step_of(workflow, state), state, place)
        case Pass():
            return {"Type": "Pass", "Comment": state.comment, **_assign(state.assign), "Next": place(state.to)}
        case Choice():
            rules = [
                {"Condition": _json(rule.condition), **_assign(rule.assign), "Next": place(rule.to)}
                for rule in state.rules
            ]
            return {"Type": "Choice", "Comment": state.comment, "Choices": rules, "Default": place(state.to)}
        case Success():
            return {"Type": "Succeed", "Comment": state.comment}
        case Fail():
            return {"Type": "Fail", "Comment": state.comment, "Error": _json(state.error), "Cause": _json(state.cause)}
        case _:
            assert_never(state)


def _step_of(workflow: str, task: Task) -> Step:
    if task.name not in BY_STATE:
        raise LookupError(
            f"statemachines/src/{workflow}.py has the step {task.name}, which failover/step_catalogue.py does not have."
        )
    return BY_STATE[task.name]


def _task(step: Step, task: Task, place: Place) -> Content:
    function = f"${{{resource_of(step)}Arn}}"
    arguments = _json({"execution": EXECUTION, **task.arguments})
    resource, passed = function, arguments
    if step.is_question:
        resource = "arn:${Partition}:states:::lambda:invoke.waitForTaskToken"
        passed = {"FunctionName": function, "Payload": arguments}
    return {
        "Type": "Task",
        "Comment": task.comment or step.what,
        "Resource": resource,
        "Arguments": passed,
        "TimeoutSeconds": step.timeout_seconds if task.timeout is None else _json(task.timeout),
        "Retry": _retries(step, step.retries if task.retries is None else task.retries),
        "Catch": [_catch(catch, place) for catch in task.catches],
        **_assign(task.assign),
        "Next": place(task.to),
    }


def resource_of(step: Step) -> str:
    """The name of its function in template.yaml."""
    return "".join(word.capitalize() for word in step.function.split("_")) + "Function"


def _retries(step: Step, own: tuple[Retry, ...]) -> list[Content]:
    rules: list[Content] = []
    for retry in own:
        longest = {} if retry.longest_seconds is None else {"MaxDelaySeconds": retry.longest_seconds}
        rules.append(
            {
                "ErrorEquals": list(retry.errors),
                "IntervalSeconds": retry.every_seconds,
                "BackoffRate": retry.growth,
                **longest,
                "MaxAttempts": retry.times,
            }
        )
    if step.is_question:  # its time-out is an answer, too
        slow = [error for error in SLOW_ERRORS if error != "States.Timeout"]
        return [*rules, {"ErrorEquals": slow, **SLOW}, {"ErrorEquals": list(SLEEPERS), **REFUSED_AT_ONCE}]
    return [
        *rules, {"ErrorEquals": list(SLOW_ERRORS), **SLOW}, FINAL, {"ErrorEquals": ["States.ALL"], **REFUSED_AT_ONCE},
    ]  # fmt: skip


def _catch(catch: Catch, place: Place) -> Content:
    told = {"failure": FAILURE} if catch.is_told else {}
    return {"ErrorEquals": list(catch.errors), **_assign(told | _json(catch.assign)), "Next": place(catch.to)}


def _assign(variables: Content) -> Content:
    return {"Assign": _json(variables)} if variables else {}


def _json(value: Any) -> Any:
    """The value with its expressions marked as Step Functions wants them."""
    if isinstance(value, str):
        return f"{{% {value} %}}" if value.startswith("$") else value
    if isinstance(value, Mapping):
        return {name: _json(part) for name, part in value.items()}
    return value


def main() -> None:
    """Write the definitions."""
    for name in WORKFLOWS:
        path_of(name).write_text(generate(name))
        print(f"{path_of(name).name}: {len(json.loads(path_of(name).read_text())['States'])} states")


if __name__ == "__main__":
    main()

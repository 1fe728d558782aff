"""The states of a state machine's definition, taken from its file: where an execution goes next, and what it remembers.

Expressions are evaluated by the emulator's own JSONata. Words are forgotten (reasons, causes), because nothing is
decided by them and executions that differ only in words are the same.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jsonata.timebox import Timebox
from ministack.services import stepfunctions

from testbed.model.code import NOW

DEFINITIONS = Path(__file__).parents[2] / "statemachines"
_WORDS = ("reason", "nextStep", "detail", "cause", "proof", "message")


# The emulator ends an expression after a second of the wall clock. None of a definition can run for ever, and on a busy
# machine an exploration was broken off by it.
Timebox.current_milli_time = staticmethod(lambda: 0)


class Place(NamedTuple):
    """Where an execution is: in a Task state, with its arguments, or at its end."""

    state: str
    variables: str
    step: str = ""
    """The function that the Task calls; empty at an end."""
    arguments: str = ""
    began_with: str = "{}"
    """The execution's input."""
    status: str = "RUNNING"
    output: str = ""
    """At an end: the outcome, or the error's name."""


class Workflow:
    """One state machine."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.definition = definition
        self._states = definition["States"]
        self._known: dict[tuple[object, ...], Any] = {}

    def start(self, execution: str, given: str) -> Place:
        return self._enter(Place(self.definition["StartAt"], "{}", began_with=given), json.loads(given), execution)

    def on_result(self, place: Place, result: str, execution: str) -> Place:
        """After the Task's function returned."""
        key = ("result", place, result, execution)
        if key not in self._known:
            state = self._states[place.state]
            value = _without_words(json.loads(result))
            variables = self._assign(state, place, execution, result=value)
            self._known[key] = self._enter(place._replace(state=state["Next"], variables=variables), value, execution)
        place_after: Place = self._known[key]
        return place_after

    def on_error(self, place: Place, error: str, execution: str) -> Place:
        """Along the Catch that takes the error: when no retry is left."""
        key = ("error", place, error, execution)
        if key not in self._known:
            state = self._states[place.state]
            self._known[key] = place._replace(step="", arguments="", status="FAILED", output=error)
            for catch in state.get("Catch", []):
                if _matches(catch["ErrorEquals"], error):
                    variables = self._assign(catch, place, execution, error=error)
                    self._known[key] = self._enter(
                        place._replace(state=catch["Next"], variables=variables), {"Error": error}, execution
                    )
                    break
        place_after: Place = self._known[key]
        return place_after

    def is_retried(self, place: Place, error: str) -> bool:
        """The first retrier that names the error decides, and one may say that it is tried no more."""
        retriers = self._states[place.state].get("Retry", [])
        attempts = (retry["MaxAttempts"] for retry in retriers if _matches(retry["ErrorEquals"], error))
        return bool(next(attempts, 0))

    def _enter(self, place: Place, given: Any, execution: str) -> Place:
        """The next Task, or the end, that an execution comes to from the state of `place` with that input."""
        while True:
            state = self._states[place.state]
            context = self._context(place, execution)
            match state["Type"]:
                case "Task":
                    step = re.fullmatch(r"\$\{(\w+)FunctionArn\}", state["Resource"])
                    if step is None:
                        raise NotImplementedError(f"The model does not know the resource {state['Resource']}.")
                    arguments = stepfunctions._apply_jsonata_template(state["Arguments"], given, context)
                    function = re.sub(r"(?<!^)(?=[A-Z])", "_", step[1]).lower()
                    return place._replace(step=function, arguments=_to_json(arguments))
                case "Pass":
                    place = place._replace(state=state["Next"], variables=self._assign(state, place, execution))
                case "Choice":
                    chosen = next(
                        (
                            rule
                            for rule in state["Choices"]
                            if stepfunctions._apply_jsonata_template(rule["Condition"], given, context)
                        ),
                        {"Next": state["Default"], **({"Assign": state["Assign"]} if "Assign" in state else {})},
                    )
                    place = place._replace(state=chosen["Next"], variables=self._assign(chosen, place, execution))
                case "Succeed":
                    return Place(place.state, "{}", status="SUCCEEDED", output=given.get("outcome", ""))
                case "Fail":
                    error = stepfunctions._apply_jsonata_template(state["Error"], given, context)
                    return Place(place.state, "{}", status="FAILED", output=error)
                case other:
                    raise NotImplementedError(f"The model does not know states of the type {other}.")

    def _assign(
        self, holder: dict[str, Any], place: Place, execution: str, result: Any = None, error: str | None = None
    ) -> str:
        context = self._context(place, execution)
        error_output = None if error is None else {"Error": error, "Cause": ""}
        values = stepfunctions._apply_jsonata_template(holder.get("Assign", {}), {}, context, result, error_output)
        return _to_json({**json.loads(place.variables), **values})

    @staticmethod
    def _context(place: Place, execution: str) -> dict[str, Any]:
        began = {"Id": execution, "StartTime": NOW.isoformat(), "Input": json.loads(place.began_with)}
        return {
            "Execution": began,
            "State": {"Name": place.state, "EnteredTime": NOW.isoformat()},
            "variables": json.loads(place.variables),
        }


@cache
def read_definition(name: str) -> str:
    return (DEFINITIONS / f"{name}.asl.json").read_text()


def read_tasks(name: str) -> set[str]:
    """The definition's Task states that call a step's function; the question to an operator is left out."""
    states = json.loads(read_definition(name))["States"]
    return {state for state, content in states.items() if content.get("Resource", "").endswith("FunctionArn}")}


def _matches(names: list[str], error: str) -> bool:
    return error in names or "States.ALL" in names


def _without_words(value: Any) -> Any:
    """Sentences become one word each; an empty one stays empty, because that is looked at."""
    if isinstance(value, dict):
        return {
            name: ("words" if part else "") if name in _WORDS or name == "whyNoMove" else _without_words(part)
            for name, part in value.items()
            if name != "evidence" or not isinstance(part, dict)
        } | ({"evidence": {"active": {"answer": value["evidence"]["active"]["answer"]}}} if "evidence" in value else {})
    return [_without_words(part) for part in value] if isinstance(value, list) else value


def _to_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: object) -> None:
    """JSONata's null."""
    if type(value).__name__ == "NullValue" or value is stepfunctions.jsonata.utils.Utils.NULL_VALUE:
        return
    raise TypeError(f"{value!r} is no JSON value.")

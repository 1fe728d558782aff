"""Where a step is missing that stands somewhere else: `python -m tests.workflow.step_gaps` prints a sentence for each.

A step has a line in the catalogue, a module, a function's folder, a function with a role in template.yaml, and a line
in a flow of statemachines/src.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from failover.step_catalogue import BY_STATE, STEPS, Step

from statemachines.generate_workflows import WORKFLOWS, resource_of
from statemachines.src.language import Task
from testbed.stack.template import read_template

ROOT = Path(__file__).parents[2]
CORE = "layers/failover_core/failover"
OUTSIDE_OF_WORKFLOWS = {
    "announce",
    "check_readiness",
    "operate",
    "record_abort",
    "record_execution",
    "rehearse",
    "remind",
    "set_maintenance",
    "show_cluster",
    "watch_cluster",
}
"""Functions that no workflow calls."""
PARTS_OF_STEPS = {"__init__", "proofs", "verbs"}
"""Modules beside the steps, which several of them use."""


def find_gaps() -> list[str]:
    """A sentence for each place where a step is missing."""
    return [*_without_line(), *_without_parts(), *_without_template()]


def _used(workflow: str) -> list[str]:
    return [state.name for leg in WORKFLOWS[workflow].legs.values() for state in leg if isinstance(state, Task)]


def _without_line() -> Iterator[str]:
    known = {step.function for step in STEPS} | OUTSIDE_OF_WORKFLOWS
    modules = {path.stem for path in (ROOT / CORE / "steps").glob("*.py")} - PARTS_OF_STEPS
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    for name in sorted((modules | folders) - known):
        yield f"{name} has no line in {CORE}/step_catalogue.py."
    for workflow in WORKFLOWS:
        for state in _used(workflow):
            if state not in BY_STATE:
                yield f"{state} of statemachines/src/{workflow}.py has no line in {CORE}/step_catalogue.py."
    for step in STEPS:
        if not any(step.state in _used(workflow) for workflow in WORKFLOWS):
            yield f"{step.state} has no line in a flow of statemachines/src."


def _without_parts() -> Iterator[str]:
    for step in STEPS:
        for path in (f"{CORE}/steps/{step.function}.py", f"functions/{step.function}/app.py"):
            if not (ROOT / path).exists():
                yield f"{step.state} has no {path}."


def _without_template() -> Iterator[str]:
    resources: dict[str, Any] = read_template()["Resources"]
    for step in STEPS:
        name = resource_of(step)
        if name not in resources:
            yield f"{step.state} has no {name} in template.yaml."
            continue
        properties = resources[name]["Properties"]
        if (role := f"{name.removesuffix('Function')}Role") not in resources:
            yield f"{step.state} has no {role} in template.yaml."
        if properties["CodeUri"].rstrip("/") != f"functions/{step.function}":
            yield f"{name} in template.yaml does not run functions/{step.function}."
        if name not in _may_be_called_by(resources["RehearseRole"]):
            yield f"{name} is missing in template.yaml's RehearseRole, so nobody sees whether it would work."
        for workflow in WORKFLOWS:
            if step.state in _used(workflow):
                yield from _not_called(step, name, f"{workflow.capitalize()}StateMachine", resources)


def _not_called(step: Step, name: str, machine: str, resources: dict[str, Any]) -> Iterator[str]:
    if f"{name}Arn" not in resources[machine]["Properties"]["DefinitionSubstitutions"]:
        yield f"{step.state} has no {name}Arn among the DefinitionSubstitutions of template.yaml's {machine}."
    if name not in _may_be_called_by(resources[machine]):
        yield f"{machine} in template.yaml may not invoke {name}."


def _may_be_called_by(caller: dict[str, Any]) -> set[str]:
    return {
        called["Fn::GetAtt"][0]
        for policy in caller["Properties"]["Policies"]
        for statement in policy.get("PolicyDocument", policy)["Statement"]
        if "lambda:InvokeFunction" in statement["Action"]
        for called in statement["Resource"]
    }


if __name__ == "__main__":
    print(*find_gaps(), sep="\n")

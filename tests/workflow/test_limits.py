"""What AWS counts when the stack is deployed, with every name as long as the parameters let it be.

The local cloud counts nothing of this: a deployment that is too long fails on AWS alone, and is rolled back there.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from garoon_failover.preconditions import MOST_TABLES

from tests.workflow.deployed import ID, Deployed, parameters

LONGEST = {"ClusterName": "c" * 31, "NodeAName": "a" * 31, "NodeBName": "b" * 31, "RunbookUrl": "h" * 200}
FURTHER_VOLUMES = ",".join(
    f"/dev/xvd{letter}1:/dev/drbd{number}:/mnt/DIR{number}" for number, letter in enumerate("cdefghijk", 2)
)


def deployed(tables: int, volumes: int = 1) -> Deployed:
    given = {
        "RouteTableIds": ",".join([f"rtb-{ID}"] * tables),
        "NodeADataVolumeId": ",".join([f"vol-{ID}"] * volumes),
        "NodeBDataVolumeId": ",".join([f"vol-{ID}"] * volumes),
        "FurtherVolumes": FURTHER_VOLUMES if volumes > 1 else "",
    }
    return Deployed("s" * 128, parameters(**LONGEST, **given))


@pytest.fixture(scope="module")
def stack() -> Deployed:
    return deployed(MOST_TABLES)


def as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def iam_size(document: Any) -> int:
    """IAM does not count white space (IAM User Guide, "IAM and AWS STS quotas")."""
    return len(re.sub(r"\s", "", as_json(document)))


@pytest.mark.parametrize(("tables", "volumes"), [(MOST_TABLES, 1), (20, 10)])
def test_a_function_s_variables_fit(tables: int, volumes: int) -> None:
    """AWS Lambda Developer Guide, "Lambda quotas": 4 KB in all, as JSON with its quotation marks.
    Preflight let 100 route tables pass, which did not fit."""
    functions = deployed(tables, volumes).of_type("AWS::Lambda::Function")
    sizes = {name: len(as_json(one["Environment"]["Variables"])) for name, one in functions.items()}
    assert max(sizes.values()) <= 4096, max(sizes, key=sizes.__getitem__)


def test_managed_policies_fit(stack: Deployed) -> None:
    """6,144 characters. Those of operators have a line for each function."""
    for name, one in stack.of_type("AWS::IAM::ManagedPolicy").items():
        assert iam_size(one["PolicyDocument"]) <= 6144, name


def test_roles_fit(stack: Deployed) -> None:
    """10,240 characters for all inline policies of a role, 10 managed policies."""
    for name, one in stack.of_type("AWS::IAM::Role").items():
        assert sum(iam_size(policy["PolicyDocument"]) for policy in one.get("Policies", [])) <= 10_240, name
        assert len(one.get("ManagedPolicyArns", [])) <= 10, name


def test_event_patterns_fit() -> None:
    """EventBridge User Guide, "Quotas": 2,048 characters; CloudFormation's schema allows 4,096, PutRule does not."""
    for name, one in deployed(2, volumes=10).of_type("AWS::Events::Rule").items():
        assert len(as_json(one.get("EventPattern", {}))) <= 2048, name


@pytest.mark.parametrize(
    ("type_", "property_", "most"),
    [
        ("AWS::Lambda::Function", "FunctionName", 64),
        ("AWS::Lambda::Function", "Description", 256),
        ("AWS::StepFunctions::StateMachine", "StateMachineName", 80),
        ("AWS::Events::Rule", "Name", 64),
        ("AWS::Events::Rule", "Description", 512),
        ("AWS::CloudWatch::Alarm", "AlarmName", 255),
        ("AWS::CloudWatch::Alarm", "AlarmDescription", 1024),
        ("AWS::CloudWatch::Dashboard", "DashboardName", 255),
        ("AWS::SNS::Topic", "DisplayName", 100),
        ("AWS::SSM::Association", "AssociationName", 128),
        ("AWS::SSM::Document", "Name", 128),
        ("AWS::Logs::LogGroup", "LogGroupName", 512),
        ("AWS::IAM::ManagedPolicy", "Description", 1000),
    ],
)
def test_names_and_descriptions_fit(type_: str, property_: str, most: int, stack: Deployed) -> None:
    """The API reference of each service."""
    found = [one[property_] for one in stack.of_type(type_).values() if property_ in one]
    assert found
    assert max(map(len, found)) <= most


def test_event_bridge_is_let_to_a_queue_by_its_rule_and_nothing_else(stack: Deployed) -> None:
    """EventBridge User Guide, "Using dead-letter queues to process undelivered events": ArnEquals on aws:SourceArn. A
    condition that it does not meet loses every event that could not be delivered, and nobody hears of it."""
    rules = {one["Name"] for one in stack.of_type("AWS::Events::Rule").values()}
    for one in stack.of_type("AWS::SQS::QueuePolicy").values():
        [statement] = one["PolicyDocument"]["Statement"]
        [(operator, keys)] = statement["Condition"].items()
        assert (operator, set(keys)) == ("ArnLike", {"aws:SourceArn"})
        prefix = keys["aws:SourceArn"].rpartition("rule/")[2].removesuffix("*")
        assert all(rule.startswith(prefix) for rule in rules)


def test_no_function_is_subscribed_to_its_own_log(stack: Deployed) -> None:
    """CloudWatch Logs refuses it (docs/decisions/0033-stricter-reading.md)."""
    functions = stack.of_type("AWS::Lambda::Function")
    logs = {stack.arn(name): one["LoggingConfig"]["LogGroup"] for name, one in functions.items()}
    subscriptions = stack.of_type("AWS::Logs::SubscriptionFilter").values()
    assert subscriptions
    assert all(one["LogGroupName"] != logs[one["DestinationArn"]] for one in subscriptions)

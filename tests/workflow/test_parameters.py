"""The stack's parameters: each is limited, lets its default through and nothing hostile, and suits the nodes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from testbed.stack.template import read_template
from tests.node.test_arguments import HOSTILE

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = read_template()
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
PATTERNS = {name: content["AllowedPattern"] for name, content in PARAMETERS.items() if "AllowedPattern" in content}
DOCUMENT_PARAMETERS = yaml.safe_load((ROOT / "node/document.yaml").read_text())["parameters"]
GIVEN_TO_NODES = sorted(
    {
        (value["Ref"], name)
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == "AWS::SSM::Association"
        for name, [value] in resource["Properties"]["Parameters"].items()
        if isinstance(value, dict)
    }
)
REFUSED = [value for value in HOSTILE if value] + [
    "x" * 5_000,
    "\u202e",
    "${AWS::AccountId}",
    "a,b;c",
    "*",
    "{{x}}",
    "-rf",
]


def allows(pattern: str, value: str) -> bool:
    """As CloudFormation and Systems Manager do it: Java's syntax, the whole value."""
    return re.fullmatch(pattern, value, re.ASCII) is not None


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_limited_and_explained(name: str) -> None:
    parameter = PARAMETERS[name]
    is_checked_by_aws = parameter["Type"].startswith("AWS::")
    assert is_checked_by_aws or {"AllowedPattern", "AllowedValues"} & set(parameter)
    assert parameter["Description"].strip()


def test_the_stack_can_be_deployed_while_a_node_is_gone() -> None:
    """CloudFormation looks up what a type of its own names, at each update, also a value of before (User Guide,
    "Supported AWS-specific parameter types"). Only what a node's end leaves in place may be looked up."""
    looked_up = {parameter["Type"] for parameter in PARAMETERS.values() if parameter["Type"].startswith("AWS::")}
    assert looked_up == {"AWS::EC2::VPC::Id", "AWS::EC2::Subnet::Id"}


NUMBERS = [
    name
    for name, parameter in PARAMETERS.items()
    if name.endswith(("Seconds", "Minutes", "Days", "Port")) or name.startswith("Minimum")
]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["1.5", "300.0", "3e2", "-5", "+5", "05", "", " 5", "five"])
def test_number_that_no_function_can_read_is_refused_at_deployment(name: str, value: str) -> None:
    """As a Number it was let through, and every invocation failed."""
    parameter = PARAMETERS[name]
    if "AllowedValues" in parameter:
        assert value not in map(str, parameter["AllowedValues"])
    else:
        assert parameter["Type"] == "String"
        assert not allows(parameter["AllowedPattern"], value)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("FenceTimeoutSeconds", 1, 900),
        ("AnswerTimeoutSeconds", 2, 30),
        ("ConfirmTimeoutSeconds", 90, 900),
        ("DatabasePort", 1, 65535),
        ("PathPort", 1, 65535),
    ],
)
def test_numbers_keep_their_limits(name: str, least: int, most: int) -> None:
    allowed = [number for number in range(most + 1_000) if allows(PATTERNS[name], str(number))]
    assert allowed == list(range(least, most + 1))


@pytest.mark.parametrize("name", ["aws", "aws-garoon", "amazon-garoon", "amzn1"])
def test_name_that_systems_manager_reserves_is_refused_at_deployment(name: str) -> None:
    assert not allows(PATTERNS["ClusterName"], name)
    assert allows(PATTERNS["ClusterName"], f"my-{name}")


@pytest.mark.parametrize("name", [name for name in PATTERNS if "Default" in PARAMETERS[name]])
def test_default_is_allowed(name: str) -> None:
    assert allows(PATTERNS[name], PARAMETERS[name]["Default"])


@pytest.mark.parametrize("name", PATTERNS)
def test_hostile_values_are_not_allowed(name: str) -> None:
    assert [value for value in REFUSED if allows(PATTERNS[name], value)] == []


@hypothesis_settings(
    derandomize=True, max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.data())
def test_what_the_template_allows_the_nodes_allow(data: st.DataObject) -> None:
    """Otherwise a stack deploys and its nodes refuse to be installed."""
    parameter, name = data.draw(st.sampled_from([pair for pair in GIVEN_TO_NODES if pair[0] in PATTERNS]))
    value = data.draw(st.from_regex(re.compile(PATTERNS[parameter], re.ASCII), fullmatch=True))
    assert allows(DOCUMENT_PARAMETERS[name]["allowedPattern"], value), (parameter, value)


@pytest.mark.parametrize(("parameter", "name"), [pair for pair in GIVEN_TO_NODES if pair[0] not in PATTERNS])
def test_limits_of_numbers_and_choices_suit_the_nodes(parameter: str, name: str) -> None:
    limits = PARAMETERS[parameter]
    values = limits["AllowedValues"]
    allowed = DOCUMENT_PARAMETERS[name].get("allowedPattern") or "|".join(DOCUMENT_PARAMETERS[name]["allowedValues"])
    assert all(allows(allowed, str(value)) for value in values)


def test_a_first_deployment_that_fails_leaves_nothing_behind() -> None:
    """Retain keeps a resource also when the stack's creation is rolled back (CloudFormation, "DeletionPolicy")."""
    kept = {resource["DeletionPolicy"] for resource in TEMPLATE["Resources"].values() if "DeletionPolicy" in resource}
    assert kept == {"RetainExceptOnCreate"}


def test_trouble_of_whatever_holds_a_node_or_its_data_is_passed_on() -> None:
    pattern = TEMPLATE["Resources"]["HealthEventRule"]["Properties"]["EventPattern"]
    told = set(re.findall(r"\w+", pattern["detail"]["affectedEntities"]["entityValue"]["Fn::Split"][1]["Fn::Sub"]))
    assert told == {name for name in PARAMETERS if name.endswith(("InstanceId", "DataVolumeId"))}


def test_no_name_of_a_resource_takes_the_partition_for_granted() -> None:
    """In China and in GovCloud it is another one (IAM User Guide, "Identify AWS resources with ARNs")."""
    assert re.findall(r"arn:aws[\w-]*:.*", (ROOT / "template.yaml").read_text()) == []

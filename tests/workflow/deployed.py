"""The stack as CloudFormation makes it of template.yaml with given parameters: SAM's resources, every function done.

Names that AWS chooses are as long as they get.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from testbed.stack.template import read_template

REGION, ACCOUNT = "ap-northeast-1", "123456789012"
ID = "0123456789abcdef0"
_LONGEST_NAMES = {
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::SQS::Queue": 80,
    "AWS::IAM::ManagedPolicy": 128,
    "AWS::SNS::Topic": 256,
    "AWS::DynamoDB::Table": 255,
}
_ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{place}:alarm:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{place}:table/{name}",
    "AWS::Events::Rule": "events:{place}:rule/{name}",
    "AWS::IAM::ManagedPolicy": f"iam::{ACCOUNT}:policy/{{name}}",
    "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{{name}}",
    "AWS::Lambda::Function": "lambda:{place}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{place}:log-group:{name}:*",
    "AWS::SNS::Topic": "sns:{place}:{name}",
    "AWS::SQS::Queue": "sqs:{place}:{name}",
    "AWS::StepFunctions::StateMachine": "states:{place}:stateMachine:{name}",
}
_NAMED_BY = ("FunctionName", "StateMachineName", "LogGroupName", "AlarmName", "DashboardName", "Name")
_REF_IS_ARN = ("AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine")
_IDS = {"AWS::EC2::NetworkAcl": f"acl-{ID}"}


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def parameters(**given: str) -> dict[str, str]:
    """A value for each of the template's parameters: the given one, its default, or one of its form."""
    values = {name: str(one["Default"]) for name, one in read_template()["Parameters"].items() if "Default" in one}
    for letter in "AB":
        values |= {
            f"Node{letter}InstanceId": f"i-{ID}",
            f"Node{letter}Eth0InterfaceId": f"eni-{ID}",
            f"Node{letter}Eth0SubnetId": f"subnet-{ID}",
            f"Node{letter}Eth1SubnetId": f"subnet-{ID}",
            f"Node{letter}DataVolumeId": f"vol-{ID}",
        }
    group = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{'t' * 32}/{ID[:16]}"
    return values | {"VpcId": f"vpc-{ID}", "TargetGroupArn": group, "RouteTableIds": f"rtb-{ID}"} | given


class Deployed:
    """All resources, by their logical ids, each with its properties as its service is given them."""

    def __init__(self, stack_name: str, given: Mapping[str, str]) -> None:
        self._template = read_template()
        self._given = given
        self._pseudo = {
            "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": stack_name,
        }  # fmt: skip
        self._stack_name = stack_name
        self._made = self._transformed()
        self.types = {name: resource["Type"] for name, resource in self._made.items()}
        self.properties = {name: self.resolve(resource.get("Properties", {})) for name, resource in self._made.items()}

    def of_type(self, type_: str) -> dict[str, Any]:
        return {name: self.properties[name] for name, found in self.types.items() if found == type_}

    def _transformed(self) -> dict[str, Any]:
        template = copy.deepcopy(self._template)
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            properties.update(dict.fromkeys({"CodeUri", "ContentUri", "DefinitionUri"} & set(properties), "s3://a/b"))
        with pytest.MonkeyPatch.context() as changes:
            changes.setenv("AWS_DEFAULT_REGION", REGION)
            made: dict[str, Any] = transform(template, dict(self._given), _NoManagedPolicies())["Resources"]
        return made

    def _name(self, logical_id: str) -> str:
        resource = self._made[logical_id]
        chosen = next((resource["Properties"][key] for key in _NAMED_BY if key in resource.get("Properties", {})), None)
        if chosen is not None:
            return str(self.resolve(chosen))
        made = f"{self._stack_name}-{logical_id}-{'X' * 12}"
        return made[: _LONGEST_NAMES.get(resource["Type"], 255)]

    def arn(self, logical_id: str) -> str:
        form = _ARNS[self._made[logical_id]["Type"]]
        return f"arn:aws:{form.format(place=f'{REGION}:{ACCOUNT}', name=self._name(logical_id))}"

    def _ref(self, name: str) -> str | list[str]:
        if name in self._given:
            is_list = self._template["Parameters"][name]["Type"] == "CommaDelimitedList"
            return self._given[name].split(",") if is_list else self._given[name]
        if name in self._pseudo:
            return self._pseudo[name]
        type_ = self._made[name]["Type"]
        if type_ == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self._name(name)}"
        return _IDS.get(type_) or (self.arn(name) if type_ in _REF_IS_ARN else self._name(name))

    def _is_true(self, condition: Any) -> bool:
        match condition:
            case {"Fn::Not": [one]}:
                return not self._is_true(one)
            case {"Fn::Equals": [one, other]}:
                return bool(self.resolve(one) == self.resolve(other))
        return self._is_true(self._template["Conditions"][condition])

    def resolve(self, value: Any) -> Any:
        """With CloudFormation's functions done."""
        match value:
            case {"Ref": "AWS::NoValue"}:
                return None
            case {"Ref": str(name)}:
                return self._ref(name)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arn(name)
            case {"Fn::GetAtt": [name, _]}:
                return self._name(name)
            case {"Fn::Sub": [str(text), dict(more)]}:
                return self._substituted(text, {name: str(self.resolve(part)) for name, part in more.items()})
            case {"Fn::Sub": str(text)}:
                return self._substituted(text, {})
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.resolve(parts))
            case {"Fn::Split": [separator, text]}:
                return str(self.resolve(text)).split(separator)
            case {"Fn::If": [condition, yes, no]}:
                return self.resolve(yes if self._is_true(condition) else no)
            case {"Fn::FindInMap": [mapping, key, name]}:
                return self._template["Mappings"][mapping][self.resolve(key)][name]
            case dict():
                parts = {name: self.resolve(part) for name, part in value.items()}
                return {name: part for name, part in parts.items() if part is not None}
            case list():
                return [part for part in map(self.resolve, value) if part is not None]
        return value

    def _substituted(self, text: str, more: Mapping[str, str]) -> str:
        def one(found: re.Match[str]) -> str:
            name, _, attribute = found[1].partition(".")
            meant = {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
            return more.get(name) or str(self.resolve(meant))

        return re.sub(r"\$\{([^!}]+)\}", one, text)

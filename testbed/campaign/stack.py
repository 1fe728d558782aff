"""The stack as template.yaml describes it: functions, workflows, rules and alarms, with their references resolved.

A workflow or a rule that is added to the template is in the campaign's world without a word here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.stack.template import read_template

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"

_PARAMETERS: Mapping[str, Any] = {
    "NodeAInstanceId": "i-0a",
    "NodeAEth0InterfaceId": "eni-0a",
    "NodeBInstanceId": "i-0b",
    "NodeBEth0InterfaceId": "eni-0b",
    "VpcId": "vpc-0",
    "NodeADataVolumeId": "vol-0a",
    "NodeBDataVolumeId": "vol-0b",
    "NodeAEth0SubnetId": "subnet-0a0",
    "NodeAEth1SubnetId": "subnet-0a1",
    "NodeBEth0SubnetId": "subnet-0b0",
    "NodeBEth1SubnetId": "subnet-0b1",
    "RouteTableIds": ["rtb-0a", "rtb-0b"],
    "TargetGroupArn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/app/0123456789abcdef",
}
ISOLATION_ACL = "acl-0dead"
_NOT_IN_THE_WORLD = ("AnnounceFunction", "CheckReadinessFunction", "RecordExecutionFunction", "RemindFunction")
"""Functions that change nothing of the cluster, and that no step waits for; they look at much that this world lacks."""
_PSEUDO_PARAMETERS = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


@dataclass(frozen=True)
class Function:
    """A Lambda function: where its code lies and what it is told."""

    name: str
    """Its folder's, which is its step's."""
    arn: str
    folder: str
    environment: Mapping[str, str]
    deployed_name: str = ""
    """What callers know it by; empty where CloudFormation makes one up."""


@dataclass(frozen=True)
class StateMachine:
    """A workflow with the functions' ARNs put in."""

    name: str
    arn: str
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule: events that match go to the function or workflow."""

    name: str
    pattern: str
    target_arn: str


@dataclass(frozen=True)
class Schedule:
    """A function that is called again and again."""

    target_arn: str
    every_seconds: float


@dataclass(frozen=True)
class Subscription:
    """A function that is given every line of the log of signs."""

    target_arn: str


@dataclass(frozen=True)
class Stack:
    """What is deployed."""

    root: Path
    functions: Mapping[str, Function]
    """By ARN."""
    state_machines: Mapping[str, StateMachine]
    """By ARN."""
    rules: tuple[Rule, ...]
    schedules: tuple[Schedule, ...]
    subscriptions: tuple[Subscription, ...]
    function_seconds: float
    """How long a function may run."""

    def function_named(self, deployed_name: str) -> Function:
        return next(one for one in self.functions.values() if one.deployed_name == deployed_name)

    def function_at(self, where: str) -> Function | None:
        """What runs at a state of a workflow, or a function by its own name; None for a state that calls none."""
        for machine in self.state_machines.values():
            state = machine.definition["States"].get(where, {})
            for arn in (state.get("Resource"), state.get("Arguments", {}).get("FunctionName")):
                if arn in self.functions:
                    return self.functions[arn]
        return next((one for one in self.functions.values() if one.name == where), None)


def read_stack(root: Path, **parameters: str) -> Stack:
    """The stack of the repository at `root`, deployed with these parameters besides the installation's ids."""
    template = read_template(root / "template.yaml")
    resolve = _Resolver(template, {**_PARAMETERS, **parameters})
    globals_ = template["Globals"]["Function"]
    functions, machines = {}, {}
    rules: list[Rule] = []
    schedules: list[Schedule] = []
    subscriptions: list[Subscription] = []
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                folder = Path(properties["CodeUri"]).name
                variables = {
                    **globals_["Environment"]["Variables"],
                    **properties.get("Environment", {}).get("Variables", {}),
                }
                arn = resolve.arn_of(logical_id)
                functions[arn] = Function(
                    name=folder,
                    arn=arn,
                    folder=properties["CodeUri"],
                    environment={name: str(resolve(value)) for name, value in variables.items()},
                    deployed_name=str(resolve(properties.get("FunctionName", ""))),
                )
            case "AWS::Serverless::StateMachine":
                arn = resolve.arn_of(logical_id)
                text = (root / properties["DefinitionUri"]).read_text()
                for name, value in properties.get("DefinitionSubstitutions", {}).items():
                    text = text.replace("${" + name + "}", str(resolve(value)))
                machines[arn] = StateMachine(resolve(properties["Name"]), arn, json.loads(text))
            case _:
                continue
        if logical_id in _NOT_IN_THE_WORLD:
            continue
        for name, event in properties.get("Events", {}).items():
            source = event["Properties"]
            if event["Type"] == "EventBridgeRule":
                rules.append(Rule(f"{logical_id}{name}", json.dumps(resolve(source["Pattern"])), arn))
            elif event["Type"] == "Schedule":
                [minutes] = re.findall(r"rate\((\d+) minutes?\)", source["Schedule"])
                schedules.append(Schedule(arn, 60.0 * int(minutes)))
            elif event["Type"] == "CloudWatchLogs" and source["LogGroupName"] == {"Ref": "SignLogGroup"}:
                subscriptions.append(Subscription(arn))
            else:
                raise NotImplementedError(f"{logical_id} is started by {event['Type']}, which the campaign lacks.")
    return Stack(
        root, functions, machines, tuple(rules), tuple(schedules), tuple(subscriptions), float(globals_["Timeout"])
    )


class _Resolver:
    """CloudFormation's intrinsic functions, as far as the template uses them."""

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._resources: Mapping[str, Any] = template["Resources"]
        defaults = {name: value.get("Default", "") for name, value in template["Parameters"].items()}
        self._values = {**defaults, **_PSEUDO_PARAMETERS, **given}

    def __call__(self, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return self._reference(name)
            case {"Fn::GetAtt": [name, attribute]} if attribute == "Arn":
                return self.arn_of(name)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:]+)\}", lambda found: str(self._reference(found[1])), text)
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(str(part) for part in self(parts))
            case dict():
                return {key: self(part) for key, part in value.items()}
            case list():
                return [self(part) for part in value]
            case _:
                return value

    def _reference(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        kind = self._resources[name]["Type"]
        if kind == "AWS::EC2::NetworkAcl":
            return ISOLATION_ACL
        if kind in ("AWS::Serverless::StateMachine", "AWS::SNS::Topic"):
            return self.arn_of(name)
        properties = self._resources[name].get("Properties", {})
        return self(properties["Name"]) if "Name" in properties else name

    def arn_of(self, name: str) -> str:
        resource = self._resources[name]
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{Path(properties['CodeUri']).name}"
            case "AWS::Serverless::StateMachine":
                return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{self(properties['Name'])}"
            case "AWS::CloudWatch::Alarm":
                return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{self(properties['AlarmName'])}"
            case "AWS::SNS::Topic":
                return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
            case kind:
                return f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{name}"

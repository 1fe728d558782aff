"""IAM checks on the resources that AWS checks.

Follows the Service Authorization Reference: "Actions, resources, and condition keys for Amazon EC2" (Describe* has no
resource types: a policy must say "*", but for DescribeInstanceAttribute; StopInstances is checked on every instance,
ReplaceNetworkAclAssociation on the network ACLs and the subnet, CreateSnapshot on the volume and on a new snapshot),
"... for AWS Systems Manager" (SendCommand on the document and on every instance; GetCommandInvocation,
ListCommandInvocations, CancelCommand and DescribeInstanceInformation on "*"), "... for Elastic Load Balancing V2"
(Describe* on "*"), "... for Amazon CloudWatch" (DescribeAlarms on alarms, GetDashboard on a dashboard, whose ARN has
no region), "... for Amazon EventBridge" (a rule of the default bus has no bus in its ARN; PutEvents has the
key events:source, an array); in the CloudWatch Logs
User Guide: "Overview of managing access permissions" (for whoever writes into a log group its ARN ends with `:*`); in
the EventBridge User Guide: "Using IAM roles with EventBridge targets", "Troubleshooting" (it publishes to no topic
whose policy has a condition for it), "Using dead-letter queues to process undelivered events" (a queue's policy may
name the rule, as aws:SourceArn); in the Step Functions Developer Guide: "IAM policies for calling AWS Lambda".

Where AWS does not say what it checks, all of it is checked: for ReplaceNetworkAclAssociation the network ACL that is
replaced, too, for DescribeAlarms all alarms as well as those that are named. The emulator derives one resource from
each request, some of them wrong, and checks requests alone: its own EventBridge and Step Functions need no role.
"""

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region

_ON_NO_RESOURCE = {
    "ssm": (
        "GetCommandInvocation",
        "ListCommandInvocations",
        "ListCommands",
        "CancelCommand",
        "DescribeInstanceInformation",
    ),
    "cloudwatch": ("PutMetricData", "GetMetricData", "GetMetricStatistics", "ListMetrics"),
}
_DESCRIBED_WITHOUT_RESOURCE = ("ec2", "elasticloadbalancing")
_further_resources: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("further_resources", default=())
_vpc: contextvars.ContextVar[str] = contextvars.ContextVar("vpc", default="")
"""Of the request's network ACLs, as the condition key ec2:Vpc has it."""
_sources: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("sources", default=())
"""Of the events that the request puts on a bus, as the condition key events:source has them."""


def install() -> None:
    extract = iam_actions.extract_resource_arn
    enforce = iam_evaluator.enforce

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        action = iam_actions.extract_iam_action(service, method, path, headers, body, query) or ""
        resources = _resources(action, body, query, region, account)
        _further_resources.set(tuple(resources[1:]))
        _vpc.set(_vpc_of_acl(query, region, account) if action == "ec2:ReplaceNetworkAclAssociation" else "")
        entries = _json(body).get("Entries", []) if action == "events:PutEvents" else []
        _sources.set(tuple(str(entry.get("Source", "")) for entry in entries))
        if resources:
            return resources[0]
        resource: str = extract(service, method, path, headers, body, query, region, account)
        return resource

    def enforce_on_all(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", **context: Any
    ) -> object:
        if vpc := _vpc.get():
            context["service_context"] = {**(context.get("service_context") or {}), "ec2:vpc": vpc}
        if sources := _sources.get():
            context["service_context"] = {**(context.get("service_context") or {}), "events:source": list(sources)}
        for resource in (resource_arn, *_further_resources.get()):
            if denied := enforce(key, action, service, region, resource_arn=resource, **context):
                return denied
        return None

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_evaluator.enforce = enforce_on_all


def is_role_allowed(role_arn: str, action: str, resource_arn: str) -> bool:
    """Whether the role's policies allow an AWS service to do that with the role."""
    account = get_account_id()
    role_name = role_arn.rpartition("/")[2]
    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role_name}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        service_context={},
        principal_keys={},
    )
    policies = iam_evaluator._gather_role_policies(role_name, account)
    return bool(iam_evaluator.evaluate(request, policies).decision == "Allow")


def is_service_allowed(service_principal: str, action: str, resource_arn: str, source_arn: str) -> bool:
    """Whether the resource's own policy lets that AWS service act on it on behalf of `source_arn`."""
    account = get_account_id()
    source = {"aws:sourcearn": source_arn, "aws:sourceaccount": account, "aws:sourceowner": account}
    if service_principal == "events.amazonaws.com":
        told = {"sns:Publish": (), "sqs:SendMessage": ("aws:sourcearn",)}.get(action, tuple(source))
        source = {key: source[key] for key in told}
    request = iam_evaluator.EvalContext(
        principal_arn=service_principal,
        principal_type="Service",
        principal_account=account,
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        service_context=source,
        principal_keys={},
    )
    found = iam_evaluator._resource_policy(resource_arn.split(":")[2], resource_arn)
    policy = found[0] if found else None
    decision = iam_evaluator.evaluate_resource_policy(policy, request, service=service_principal).decision
    return bool(decision == "Allow")


def _resources(action: str, body: bytes, query: dict[str, Any], region: str, account: str) -> list[str]:
    """All resources of the request that AWS checks; empty where the emulator's own derivation is right."""
    service, _, operation = action.partition(":")
    if action in ("ec2:DescribeInstanceAttribute", "ec2:ModifyInstanceAttribute"):
        return [f"arn:aws:ec2:{region}:{account}:instance/{_member(query, 'InstanceId')}"]
    if service in _DESCRIBED_WITHOUT_RESOURCE and operation.startswith("Describe"):
        return ["*"]
    if operation in _ON_NO_RESOURCE.get(service, ()):
        return ["*"]
    prefix = f"{region}:{account}"
    if action == "ssm:SendCommand":
        return _send_command_resources(body, prefix)
    if service == "ssm" and operation.endswith("Document"):
        return [f"arn:aws:ssm:{prefix}:document/{_json(body).get('Name', '')}"]
    if service == "ec2" and operation in ("StopInstances", "StartInstances", "RebootInstances", "TerminateInstances"):
        ids = _members(query, "InstanceId")
        return [f"arn:aws:ec2:{prefix}:instance/{instance_id}" for instance_id in ids]
    if service == "ec2" and operation in ("CreateRoute", "ReplaceRoute", "DeleteRoute"):
        return [f"arn:aws:ec2:{prefix}:route-table/{_member(query, 'RouteTableId')}"]
    if action == "ec2:ReplaceNetworkAclAssociation":
        return _replace_acl_resources(query, prefix)
    if action == "ec2:CreateSnapshot":
        volume = f"arn:aws:ec2:{prefix}:volume/{_member(query, 'VolumeId')}"
        return [volume, f"arn:aws:ec2:{region}::snapshot/*"]
    if service in ("cloudwatch", "logs"):
        return _cloudwatch_resources(action, _json(body), prefix)
    if service == "events" and operation.endswith("Rule"):
        rule = _json(body)
        bus = f"{rule['EventBusName']}/" if rule.get("EventBusName", "default") != "default" else ""
        return [f"arn:aws:events:{prefix}:rule/{bus}{rule.get('Name', '')}"]
    if action == "ec2:ModifyNetworkInterfaceAttribute":
        return [f"arn:aws:ec2:{prefix}:network-interface/{_member(query, 'NetworkInterfaceId')}"]
    return []


def _cloudwatch_resources(action: str, request: dict[str, Any], prefix: str) -> list[str]:
    match action:
        case "cloudwatch:DescribeAlarms":
            names = [*request.get("AlarmNames", []), "*"]
            return [f"arn:aws:cloudwatch:{prefix}:alarm:{name}" for name in names]
        case "cloudwatch:GetDashboard":  # an account's dashboards are of no region
            account = prefix.partition(":")[2]
            return [f"arn:aws:cloudwatch::{account}:dashboard/{request.get('DashboardName', '')}"]
        case "cloudwatch:ListAlarmMuteRules":
            return [f"arn:aws:cloudwatch:{prefix}:alarm-mute-rule:*"]
        case "logs:CreateLogStream":
            return [f"arn:aws:logs:{prefix}:log-group:{request.get('logGroupName', '')}:*"]
        case "logs:PutLogEvents":
            group, stream = request.get("logGroupName", ""), request.get("logStreamName", "")
            return [f"arn:aws:logs:{prefix}:log-group:{group}:log-stream:{stream}"]
    return []


def _send_command_resources(body: bytes, prefix: str) -> list[str]:
    from testbed.cloud.run_command import target_instances

    request = _json(body)
    name = str(request.get("DocumentName", "")).rpartition("/")[2]
    account_part = prefix if not name.startswith("AWS-") else f"{prefix.split(':')[0]}:"
    document = f"arn:aws:ssm:{account_part}:document/{name}"
    return [document, *(f"arn:aws:ec2:{prefix}:instance/{key}" for key in target_instances(request))]


def _replace_acl_resources(query: dict[str, Any], prefix: str) -> list[str]:
    from ministack.services import ec2

    replaced, subnet_id = next(
        (
            (acl["NetworkAclId"], association["SubnetId"])
            for acl in ec2._network_acls.values()
            for association in acl["Associations"]
            if association["NetworkAclAssociationId"] == _member(query, "AssociationId")
        ),
        ("*", "*"),
    )
    acls = [f"arn:aws:ec2:{prefix}:network-acl/{acl_id}" for acl_id in (_member(query, "NetworkAclId"), replaced)]
    return [*acls, f"arn:aws:ec2:{prefix}:subnet/{subnet_id}"]


def _vpc_of_acl(query: dict[str, Any], region: str, account: str) -> str:
    from ministack.services import ec2

    acl = ec2._network_acls.get(_member(query, "NetworkAclId")) or {}
    return f"arn:aws:ec2:{region}:{account}:vpc/{acl.get('VpcId', '')}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _member(query: dict[str, Any], key: str) -> str:
    value = query.get(key, "")
    return str(value[0] if isinstance(value, list) else value)


def _members(query: dict[str, Any], key: str) -> list[str]:
    members: list[str] = []
    while value := _member(query, f"{key}.{len(members) + 1}"):
        members.append(value)
    return members

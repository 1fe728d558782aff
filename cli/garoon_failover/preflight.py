"""`garoon-failover preflight`: asks everything that the preconditions are judged by. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from failover.adapters import instances, isolation
from failover.adapters.clients import CALL_THREADS, client
from failover.adapters.targets import TargetCheck, TargetHealth
from failover.errors import FailoverError
from failover.models import Unknown
from failover.settings import Node
from failover.steps.check_readiness import Readiness

from garoon_failover import account as reader
from garoon_failover import functions, on_nodes, output, samconfig, session
from garoon_failover.account import Account, DeployedStack
from garoon_failover.discover import read_vpc
from garoon_failover.discovery import DEFAULT_VIRTUAL_IP, Wishes
from garoon_failover.errors import CommandError, ExitCode, NotFoundError, UsageError
from garoon_failover.network import AclEntry, GroupRule, Network, SecurityGroup
from garoon_failover.preconditions import Agent, Check, Facts, Verdict, gravest_first, judge

NEEDED_TO_DEPLOY = (
    "cloudformation:CreateChangeSet", "cloudwatch:PutMetricAlarm", "dynamodb:CreateTable", "ec2:CreateNetworkAcl",
    "events:PutRule", "iam:CreateRole", "iam:CreatePolicy", "iam:PassRole", "lambda:CreateFunction",
    "lambda:PublishLayerVersion", "logs:CreateLogGroup", "sns:CreateTopic", "sqs:CreateQueue", "ssm:CreateAssociation",
    "ssm:CreateDocument", "states:CreateStateMachine",
)  # fmt: skip
_STYLES = {
    Verdict.STOP: "bold red",
    Verdict.WARNING: "bold yellow",
    Verdict.UNKNOWN: "magenta",
    Verdict.FINE: "green",
}

T = TypeVar("T")


def run(*, path: Path, is_json: bool, is_on_nodes: bool) -> None:
    """Exit code 1 if something stops you."""
    stack = reader.read_stack(session.stack_name())
    parameters = _parameters(path, stack)
    wishes = Wishes(virtual_ip=parameters.get("VirtualIp", DEFAULT_VIRTUAL_IP))
    account = read_vpc(wishes, parameters.get("VpcId"))
    checks = judge(gather(parameters, account))
    if is_on_nodes:
        nodes = {letter: _node(letter, parameters, account) for letter in "AB"}
        surveys = on_nodes.survey(nodes, stack, parameters)
        checks = gravest_first([*checks, *on_nodes.judge(parameters, surveys)])
    readiness = _readiness(stack)
    if is_json:
        output.print_json(
            {
                "checks": [check.to_json() for check in checks],
                "readiness": readiness.to_json() if isinstance(readiness, Readiness) else None,
            }
        )
    else:
        _show(checks, readiness)
    if any(check.verdict is Verdict.STOP for check in checks):
        raise SystemExit(int(ExitCode.NO))


def _parameters(path: Path, stack: DeployedStack | None) -> dict[str, str]:
    written = samconfig.read_parameters(samconfig.read_document(path))
    parameters = (stack.parameters if stack else {}) | written
    if not parameters:
        raise NotFoundError(f"There is neither {path} nor a stack {session.stack_name()}.", "garoon-failover discover")
    needed = ("NodeAInstanceId", "NodeBInstanceId", "TargetGroupArn", "RouteTableIds")
    if missing := [name for name in needed if not parameters.get(name)]:
        raise UsageError(f"{path} does not say {' and '.join(missing)}.", "garoon-failover discover finds them.")
    return parameters


def _readiness(stack: DeployedStack | None) -> Readiness | str | None:
    """What the controller itself says, once it is there; a sentence if it cannot."""
    name = stack.outputs.get("CheckReadinessFunctionName") if stack else None
    if name is None:
        return None
    try:
        return Readiness.model_validate(functions.invoke(name, {}))
    except (CommandError, ClientError, BotoCoreError) as error:
        return f"The controller could not be asked: {error}"


def _show(checks: list[Check], readiness: Readiness | str | None) -> None:
    for check in checks:
        output.say(f"{check.verdict:<9}  {check.about}: {check.meaning}", style=_STYLES[check.verdict])
        if check.action:
            output.say(f"{'':<9}  {check.action}")
    counts = {verdict: sum(check.verdict is verdict for check in checks) for verdict in Verdict}
    output.say(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) + ".", style="bold")
    if isinstance(readiness, Readiness):
        output.say(f"The deployed controller says: {readiness.summary}", style="bold")
        for finding in readiness.findings:
            output.say(f"  {finding.severity}: {finding.meaning}")
    elif readiness is not None:
        output.say(readiness, style="magenta")
    elif not counts[Verdict.STOP]:
        output.say("Next step: sam build && sam deploy.")


def gather(parameters: Mapping[str, str], account: Account) -> Facts:
    """Asks everybody at once; who does not answer is Unknown, with the reason."""
    nodes = {letter: _node(letter, parameters, account) for letter in "AB"}
    volumes = [account.volume(volume_id) for node in nodes.values() for volume_id in node.data_volume_ids]
    keys = {volume.kms_key_id for volume in volumes if volume}
    subnets = [subnet.id for subnet in account.subnets]
    arn = parameters["TargetGroupArn"]
    with ThreadPoolExecutor(max_workers=CALL_THREADS) as pool:

        def ask(source: Callable[..., T], *arguments: Any) -> Any:
            return pool.submit(_ask, source, *arguments)

        cidrs = ask(_vpc_cidrs, account.vpc_id)
        network = ask(_network, account.vpc_id, subnets)
        agents = ask(_agents, {letter: node.instance_id for letter, node in nodes.items()})
        alone = {letter: ask(isolation.prove_alone, node) for letter, node in nodes.items()}
        protection = {letter: ask(instances.is_stop_protected, node) for letter, node in nodes.items()}
        hibernation = {letter: ask(instances.can_hibernate, node) for letter, node in nodes.items()}
        policies = {letter: ask(_policies, node.instance_id, account) for letter, node in nodes.items()}
        managers = {key: ask(_key_manager, key) for key in keys if key}
        target_check, targets = ask(_target_check, arn), ask(_target_health, arn)
        acl_count, concurrency = ask(_acl_count, account.vpc_id), ask(_concurrency)
        denied = ask(_denied_actions)
    return Facts(
        parameters=dict(parameters),
        account=account,
        vpc_cidrs=cidrs.result(),
        network=network.result(),
        agents=agents.result(),
        profile_policies={letter: one.result() for letter, one in policies.items()},
        alone={letter: one.result() for letter, one in alone.items()},
        stop_protection={letter: one.result() for letter, one in protection.items()},
        hibernation={letter: one.result() for letter, one in hibernation.items()},
        target_check=target_check.result(),
        targets=targets.result(),
        key_managers={key: one.result() for key, one in managers.items()},
        acl_count=acl_count.result(),
        concurrency=concurrency.result(),
        denied_actions=denied.result(),
    )


def _ask(source: Callable[..., T], *arguments: Any) -> T | Unknown:
    try:
        return source(*arguments)
    except FailoverError as error:
        return Unknown(why=str(error))
    except ClientError as error:
        return Unknown(why=str(session.explain_refusal(error)))
    except BotoCoreError as error:
        return Unknown(why=f"AWS could not be asked: {error}")


def _node(letter: str, parameters: Mapping[str, str], account: Account) -> Node:
    """The node as the parameters have it; what they leave out is as the account has it."""
    instance_id = parameters[f"Node{letter}InstanceId"]
    interfaces = account.interfaces_of(instance_id)

    def given(what: str, found: str) -> str:
        return parameters.get(f"Node{letter}{what}") or found

    eth0 = interfaces[0] if interfaces else None
    eth1 = interfaces[1] if len(interfaces) > 1 else None
    return Node(
        name=given("Name", f"node {letter}"),
        instance_id=instance_id,
        eth0_interface_id=given("Eth0InterfaceId", eth0.id if eth0 else "eni-0"),
        eth0_subnet_id=given("Eth0SubnetId", eth0.subnet_id if eth0 else "subnet-0"),
        eth1_subnet_id=given("Eth1SubnetId", eth1.subnet_id if eth1 else "subnet-0"),
        data_volume_id=given("DataVolumeId", "vol-0"),
    )


def _vpc_cidrs(vpc_id: str) -> tuple[str, ...]:
    [vpc] = client("ec2").describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
    blocks = [one["CidrBlock"] for one in vpc.get("CidrBlockAssociationSet", [])]
    return tuple(blocks or [vpc["CidrBlock"]])


def _network(vpc_id: str, subnet_ids: list[str]) -> Network:
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    groups = [
        group
        for page in client("ec2").get_paginator("describe_security_groups").paginate(Filters=of_vpc)
        for group in page["SecurityGroups"]
    ]
    acls: dict[str, tuple[str, tuple[AclEntry, ...]]] = {}
    for page in client("ec2").get_paginator("describe_network_acls").paginate(Filters=of_vpc):
        for acl in page["NetworkAcls"]:
            entries = tuple(_acl_entry(entry) for entry in acl["Entries"] if "CidrBlock" in entry)
            for association in acl["Associations"]:
                if association.get("SubnetId") in subnet_ids:
                    acls[association["SubnetId"]] = (acl["NetworkAclId"], entries)
    return Network(
        groups={
            group["GroupId"]: SecurityGroup(
                id=group["GroupId"],
                name=group.get("GroupName", group["GroupId"]),
                inbound=tuple(map(_group_rule, group.get("IpPermissions", []))),
                outbound=tuple(map(_group_rule, group.get("IpPermissionsEgress", []))),
            )
            for group in groups
        },
        acls=acls,
    )


def _group_rule(rule: dict[str, Any]) -> GroupRule:
    return GroupRule(
        protocol=str(rule["IpProtocol"]),
        first_port=rule.get("FromPort", 0),
        last_port=rule.get("ToPort", 65535),
        cidrs=tuple(one["CidrIp"] for one in rule.get("IpRanges", [])),
        group_ids=tuple(one["GroupId"] for one in rule.get("UserIdGroupPairs", []) if "GroupId" in one),
        has_prefix_list=bool(rule.get("PrefixListIds")),
    )


def _acl_entry(entry: dict[str, Any]) -> AclEntry:
    ports = entry.get("PortRange") or {}
    return AclEntry(
        number=entry["RuleNumber"],
        is_egress=entry["Egress"],
        is_allow=entry["RuleAction"] == "allow",
        protocol=str(entry["Protocol"]),
        cidr=entry["CidrBlock"],
        first_port=ports.get("From", 0),
        last_port=ports.get("To", 65535),
    )


def _agents(instance_ids: Mapping[str, str]) -> dict[str, Agent | None]:
    pages = client("ssm").get_paginator("describe_instance_information")
    filters = [{"Key": "InstanceIds", "Values": list(instance_ids.values())}]
    known = {
        one["InstanceId"]: Agent(version=one.get("AgentVersion", ""), is_online=one["PingStatus"] == "Online")
        for page in pages.paginate(Filters=filters)
        for one in page["InstanceInformationList"]
    }
    return {letter: known.get(instance_id) for letter, instance_id in instance_ids.items()}


def _policies(instance_id: str, account: Account) -> tuple[str, ...]:
    instance = account.instance(instance_id)
    if instance is None or instance.profile_arn is None:
        return ()
    profile = client("iam").get_instance_profile(InstanceProfileName=instance.profile_arn.rpartition("/")[2])
    return tuple(
        policy["PolicyName"]
        for role in profile["InstanceProfile"]["Roles"]
        for policy in client("iam").list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    )


def _key_manager(key_id: str) -> str:
    return str(client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["KeyManager"])


def _target_check(arn: str) -> TargetCheck:
    [group] = client("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    return TargetCheck(
        interval_seconds=group["HealthCheckIntervalSeconds"],
        healthy_threshold=group["HealthyThresholdCount"],
        unhealthy_threshold=group["UnhealthyThresholdCount"],
    )


def _target_health(arn: str) -> list[TargetHealth]:
    answer = client("elbv2").describe_target_health(TargetGroupArn=arn)
    return [
        TargetHealth(target=one["Target"]["Id"], state=one["TargetHealth"]["State"])
        for one in answer["TargetHealthDescriptions"]
    ]


def _acl_count(vpc_id: str) -> int:
    pages = client("ec2").get_paginator("describe_network_acls")
    return sum(len(page["NetworkAcls"]) for page in pages.paginate(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}]))


def _concurrency() -> int:
    return int(client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])


def _denied_actions() -> tuple[str, ...]:
    """By IAM's own simulation of the caller's policies, which looks at no service control policy (IAM API Reference,
    "SimulatePrincipalPolicy"); a role's session is simulated as its role."""
    arn = str(client("sts").get_caller_identity()["Arn"])
    if arn.endswith(":root"):
        return ()
    if ":assumed-role/" in arn:
        role = arn.split("/")[1]
        arn = str(client("iam").get_role(RoleName=role)["Role"]["Arn"])
    pages = client("iam").get_paginator("simulate_principal_policy")
    return tuple(
        one["EvalActionName"]
        for page in pages.paginate(PolicySourceArn=arn, ActionNames=list(NEEDED_TO_DEPLOY))
        for one in page["EvaluationResults"]
        if one["EvalDecision"] != "allowed"
    )

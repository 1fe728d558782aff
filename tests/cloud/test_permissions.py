"""A role may do what its policy names, and nothing else; every call is on record."""

from __future__ import annotations

import json
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from testbed.cloud.server import ACCOUNT, REGION
from tests.cloud.conftest import Account, Instance, arn_of, client_of, eventually, name

_DENIED = "AccessDenied|UnauthorizedOperation"


@pytest.fixture(scope="module")
def instance(account: Account) -> Instance:
    return account.make_instance()


@pytest.fixture(scope="module")
def document(account: Account) -> str:
    content = {
        "schemaVersion": "2.2",
        "mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["exit 0"]}}],
    }
    created = name("node")
    account.client("ssm").create_document(Name=created, Content=json.dumps(content), DocumentType="Command")
    return created


def test_a_command_needs_its_document_and_its_instance(account: Account, instance: Instance, document: str) -> None:
    """Service Authorization Reference, AWS Systems Manager: SendCommand's resource types document* and instance*."""
    documents, instances = arn_of("ssm", f"document/{document}"), arn_of("ec2", f"instance/{instance.id}")
    for resources, is_allowed in ([documents], False), ([instances], False), ([documents, instances], True):
        role = account.make_role({"Action": "ssm:SendCommand", "Resource": resources})
        ssm = client_of(account, role)("ssm")
        if is_allowed:
            ssm.send_command(DocumentName=document, InstanceIds=[instance.id])
        else:
            with pytest.raises(ClientError, match=_DENIED):
                ssm.send_command(DocumentName=document, InstanceIds=[instance.id])


def test_every_instance_of_a_stop_is_checked(account: Account, instance: Instance) -> None:
    """Service Authorization Reference, Amazon EC2: StopInstances, resource type instance*."""
    own = arn_of("ec2", f"instance/{instance.id}")
    ec2 = client_of(account, account.make_role({"Action": "ec2:StopInstances", "Resource": own}))("ec2")
    other = account.make_instance()
    with pytest.raises(ClientError, match=_DENIED):
        ec2.stop_instances(InstanceIds=[instance.id, other.id])


def test_describing_instances_cannot_be_narrowed_to_some(account: Account, instance: Instance) -> None:
    """Service Authorization Reference, Amazon EC2: DescribeInstances has no resource type, so a policy must say "*"."""
    own = arn_of("ec2", f"instance/{instance.id}")
    narrow = client_of(account, account.make_role({"Action": "ec2:DescribeInstances", "Resource": own}))("ec2")
    with pytest.raises(ClientError, match=_DENIED):
        narrow.describe_instances(InstanceIds=[instance.id])
    wide = client_of(account, account.make_role({"Action": "ec2:DescribeInstances", "Resource": "*"}))("ec2")
    assert wide.describe_instances(InstanceIds=[instance.id])["Reservations"]


def test_a_route_needs_its_table(account: Account, instance: Instance) -> None:
    """Service Authorization Reference, Amazon EC2: ReplaceRoute, resource type route-table*."""
    admin = account.client("ec2")
    tables = [admin.create_route_table(VpcId=instance.vpc_id)["RouteTable"]["RouteTableId"] for _ in range(2)]
    own = arn_of("ec2", f"route-table/{tables[0]}")
    ec2 = client_of(account, account.make_role({"Action": "ec2:CreateRoute", "Resource": own}))("ec2")
    route = {"DestinationCidrBlock": "10.1.0.10/32", "NetworkInterfaceId": instance.interface_id}
    ec2.create_route(RouteTableId=tables[0], **route)
    with pytest.raises(ClientError, match=_DENIED):
        ec2.create_route(RouteTableId=tables[1], **route)


def test_a_network_acl_association_needs_both_network_acls_and_its_subnet(account: Account) -> None:
    """Service Authorization Reference, Amazon EC2: ReplaceNetworkAclAssociation, network-acl* and subnet*.

    It does not say which network ACL, so both are checked here.
    """
    admin, instance = account.client("ec2"), account.make_instance()
    acl_id = admin.create_network_acl(VpcId=instance.vpc_id)["NetworkAcl"]["NetworkAclId"]
    subnets = [{"Name": "association.subnet-id", "Values": [instance.subnet_id]}]
    (before,) = admin.describe_network_acls(Filters=subnets)["NetworkAcls"]
    association = before["Associations"][0]["NetworkAclAssociationId"]
    acl, subnet = arn_of("ec2", f"network-acl/{acl_id}"), arn_of("ec2", f"subnet/{instance.subnet_id}")

    def of_vpc(vpc_id: str) -> dict[str, object]:
        return {
            "Action": "ec2:ReplaceNetworkAclAssociation",
            "Resource": arn_of("ec2", "network-acl/*"),
            "Condition": {"ArnEquals": {"ec2:Vpc": arn_of("ec2", f"vpc/{vpc_id}")}},
        }

    both = {"Action": "ec2:ReplaceNetworkAclAssociation", "Resource": [acl, subnet]}
    for statements, is_allowed in (
        ([both], False),
        ([both, of_vpc("vpc-0other")], False),
        ([of_vpc(instance.vpc_id)], False),
        ([both, of_vpc(instance.vpc_id)], True),
    ):
        ec2 = client_of(account, account.make_role(*statements))("ec2")
        if is_allowed:
            ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl_id)
        else:
            with pytest.raises(ClientError, match=_DENIED):
                ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl_id)


def test_a_rule_of_the_default_bus_is_named_without_the_bus(account: Account) -> None:
    """Service Authorization Reference, Amazon EventBridge: rule-on-default-event-bus is rule/${RuleName}."""
    mine, other = name("rule"), name("rule")
    for rule in (mine, other):
        account.client("events").put_rule(Name=rule, ScheduleExpression="rate(1 day)", State="DISABLED")
    role = account.make_role({"Action": "events:DescribeRule", "Resource": arn_of("events", f"rule/{mine}")})
    events = client_of(account, role)("events")
    assert events.describe_rule(Name=mine)["State"] == "DISABLED"
    with pytest.raises(ClientError, match=_DENIED):
        events.describe_rule(Name=other)


def test_one_dashboard_may_be_read_and_no_other(account: Account) -> None:
    """Its ARN has no region (Service Authorization Reference, "... for Amazon CloudWatch")."""
    for each in ("mine", "other"):
        account.client("cloudwatch").put_dashboard(DashboardName=each, DashboardBody='{"widgets": []}')
    mine = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/mine"
    cloudwatch = client_of(account, account.make_role({"Action": "cloudwatch:GetDashboard", "Resource": mine}))(
        "cloudwatch"
    )
    assert cloudwatch.get_dashboard(DashboardName="mine")["DashboardBody"] == '{"widgets": []}'
    with pytest.raises(ClientError, match=_DENIED):
        cloudwatch.get_dashboard(DashboardName="other")


def test_who_may_write_into_one_log_group_writes_there_alone(account: Account) -> None:
    for group in ("mine", "other"):
        account.client("logs").create_log_group(logGroupName=group)
    mine = f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:mine:*"
    writes = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": mine}
    logs = client_of(account, account.make_role(writes))("logs")
    event = {"timestamp": int(time.time() * 1000), "message": "a sign"}
    logs.create_log_stream(logGroupName="mine", logStreamName="own")
    logs.put_log_events(logGroupName="mine", logStreamName="own", logEvents=[event])
    with pytest.raises(ClientError, match=_DENIED):
        logs.create_log_stream(logGroupName="other", logStreamName="own")
    with pytest.raises(ClientError, match=_DENIED):
        logs.put_log_events(logGroupName="other", logStreamName="own", logEvents=[event])


def test_calls_are_recorded_with_their_caller(account: Account, instance: Instance) -> None:
    """The testbed's own promise: who called what, and how it ended."""
    role = account.make_role()
    with pytest.raises(ClientError, match=_DENIED):
        client_of(account, role)("ec2").describe_instances(InstanceIds=[instance.id])
    (call,) = [call for call in account.api_calls() if call["caller"] == role.rpartition("/")[2]]
    assert (call["service"], call["action"], call["status"]) == ("ec2", "DescribeInstances", 403)
    assert any(call["caller"] == "admin" for call in account.api_calls())


@pytest.mark.usefixtures("faultless")
def test_calls_of_roles_can_be_throttled(account: Account, instance: Instance) -> None:
    """EC2 API Reference, "Request throttling for the Amazon EC2 API": RequestLimitExceeded."""
    role = account.make_role({"Action": "ec2:DescribeInstances", "Resource": "*"})
    ec2 = client_of(account, role)("ec2")
    account.cloud.faults.throttle("ec2:DescribeInstances", 2)
    for _ in range(2):
        with pytest.raises(ClientError, match="RequestLimitExceeded"):
            ec2.describe_instances(InstanceIds=[instance.id])
    assert ec2.describe_instances(InstanceIds=[instance.id])["Reservations"]


def test_an_unknown_key_is_refused(account: Account) -> None:
    """IAM User Guide, "Troubleshoot IAM": a key that does not exist is no caller."""
    stranger = boto3.session.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION).client(
        "ec2", endpoint_url=account.cloud.endpoint_url, config=Config(retries={"total_max_attempts": 1})
    )
    with pytest.raises(ClientError, match="AuthFailure"):
        eventually(stranger.describe_instances, "never")

"""A role may do what its policy names, and nothing else; every call is on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from testbed.cloud.server import REGION
from tests.cloud.conftest import Account, Instance, name

_DENIED = "AccessDenied|UnauthorizedOperation"


def _client_of(account: Account, role: str) -> Callable[[str], Any]:
    credentials = account.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]

    def client(service: str) -> Any:
        return boto3.session.Session().client(  # type: ignore[call-overload]
            service,
            endpoint_url=account.cloud.endpoint_url,
            region_name=REGION,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    return client


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:000000000000:{resource}"


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
    documents, instances = _arn("ssm", f"document/{document}"), _arn("ec2", f"instance/{instance.id}")
    for resources, is_allowed in ([documents], False), ([instances], False), ([documents, instances], True):
        role = account.make_role({"Action": "ssm:SendCommand", "Resource": resources})
        ssm = _client_of(account, role)("ssm")
        if is_allowed:
            ssm.send_command(DocumentName=document, InstanceIds=[instance.id])
        else:
            with pytest.raises(ClientError, match=_DENIED):
                ssm.send_command(DocumentName=document, InstanceIds=[instance.id])


def test_every_instance_of_a_stop_is_checked(account: Account, instance: Instance) -> None:
    """Service Authorization Reference, Amazon EC2: StopInstances, resource type instance*."""
    own = _arn("ec2", f"instance/{instance.id}")
    ec2 = _client_of(account, account.make_role({"Action": "ec2:StopInstances", "Resource": own}))("ec2")
    other = account.make_instance()
    with pytest.raises(ClientError, match=_DENIED):
        ec2.stop_instances(InstanceIds=[instance.id, other.id])


def test_describing_instances_cannot_be_narrowed_to_some(account: Account, instance: Instance) -> None:
    """Service Authorization Reference, Amazon EC2: DescribeInstances has no resource type, so a policy must say "*"."""
    own = _arn("ec2", f"instance/{instance.id}")
    narrow = _client_of(account, account.make_role({"Action": "ec2:DescribeInstances", "Resource": own}))("ec2")
    with pytest.raises(ClientError, match=_DENIED):
        narrow.describe_instances(InstanceIds=[instance.id])
    wide = _client_of(account, account.make_role({"Action": "ec2:DescribeInstances", "Resource": "*"}))("ec2")
    assert wide.describe_instances(InstanceIds=[instance.id])["Reservations"]


def test_a_route_needs_its_table(account: Account, instance: Instance) -> None:
    """Service Authorization Reference, Amazon EC2: ReplaceRoute, resource type route-table*."""
    admin = account.client("ec2")
    tables = [admin.create_route_table(VpcId=instance.vpc_id)["RouteTable"]["RouteTableId"] for _ in range(2)]
    own = _arn("ec2", f"route-table/{tables[0]}")
    ec2 = _client_of(account, account.make_role({"Action": "ec2:CreateRoute", "Resource": own}))("ec2")
    route = {"DestinationCidrBlock": "10.1.0.10/32", "NetworkInterfaceId": instance.interface_id}
    ec2.create_route(RouteTableId=tables[0], **route)
    with pytest.raises(ClientError, match=_DENIED):
        ec2.create_route(RouteTableId=tables[1], **route)


def test_a_rule_of_the_default_bus_is_named_without_the_bus(account: Account) -> None:
    """Service Authorization Reference, Amazon EventBridge: rule-on-default-event-bus is rule/${RuleName}."""
    mine, other = name("rule"), name("rule")
    for rule in (mine, other):
        account.client("events").put_rule(Name=rule, ScheduleExpression="rate(1 day)", State="DISABLED")
    role = account.make_role({"Action": "events:DescribeRule", "Resource": _arn("events", f"rule/{mine}")})
    events = _client_of(account, role)("events")
    assert events.describe_rule(Name=mine)["State"] == "DISABLED"
    with pytest.raises(ClientError, match=_DENIED):
        events.describe_rule(Name=other)

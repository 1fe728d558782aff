"""A dry run says whether a call would be carried out, and changes nothing.

EC2 API Reference, "StopInstances" (DryRun) and "Error codes": DryRunOperation, UnauthorizedOperation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.conftest import Account, Instance, arn_of, client_of


@pytest.fixture(scope="module")
def instance(account: Account) -> Instance:
    return account.make_instance()


def answer_to(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        call(**arguments, DryRun=True)
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


def everything(account: Account) -> dict[str, Any]:
    """What EC2 has, without what is of the moment."""
    ec2 = account.client("ec2")
    looks = ("instances", "route_tables", "network_acls", "network_interfaces", "volumes", "snapshots", "vpcs")
    return {look: getattr(ec2, f"describe_{look}")() | {"ResponseMetadata": None} for look in looks}


def test_what_is_allowed_would_be_done_and_is_not(account: Account, instance: Instance) -> None:
    ec2 = account.client("ec2")
    table = ec2.create_route_table(VpcId=instance.vpc_id)["RouteTable"]["RouteTableId"]
    acl = ec2.create_network_acl(VpcId=instance.vpc_id)["NetworkAcl"]["NetworkAclId"]
    volume = ec2.create_volume(AvailabilityZone="ap-northeast-1c", Size=8)["VolumeId"]
    [own] = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [instance.subnet_id]}])[
        "NetworkAcls"
    ]
    association = own["Associations"][0]["NetworkAclAssociationId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "10.1.0.10/32", "NetworkInterfaceId": instance.interface_id}
    before = everything(account)
    calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (ec2.stop_instances, {"InstanceIds": [instance.id], "Force": True, "SkipOsShutdown": True}),
        (ec2.start_instances, {"InstanceIds": [instance.id]}),
        (ec2.terminate_instances, {"InstanceIds": [instance.id]}),
        (ec2.run_instances, {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}),
        (ec2.create_route, route),
        (ec2.replace_route, route),
        (ec2.replace_network_acl_association, {"AssociationId": association, "NetworkAclId": acl}),
        (ec2.create_snapshot, {"VolumeId": volume}),
        (
            ec2.modify_network_interface_attribute,
            {"NetworkInterfaceId": instance.interface_id, "SourceDestCheck": {"Value": False}},
        ),
        (ec2.create_vpc, {"CidrBlock": "10.9.0.0/16"}),
        (ec2.describe_instances, {"InstanceIds": [instance.id]}),
    ]
    assert [answer_to(call, **arguments) for call, arguments in calls] == [("DryRunOperation", 412)] * len(calls)
    assert everything(account) == before
    assert instance.history() == ["boot"]


def test_without_it_the_call_is_carried_out(account: Account, instance: Instance) -> None:
    ec2 = account.client("ec2")
    table = ec2.create_route_table(VpcId=instance.vpc_id)["RouteTable"]["RouteTableId"]
    route = {"DestinationCidrBlock": "10.1.0.10/32", "NetworkInterfaceId": instance.interface_id}
    ec2.create_route(RouteTableId=table, **route, DryRun=False)
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert route["DestinationCidrBlock"] in [one["DestinationCidrBlock"] for one in found["Routes"]]


def test_a_right_that_is_missing_is_said_and_comes_first(account: Account, instance: Instance) -> None:
    role = account.make_role({"Action": "ec2:StopInstances", "Resource": arn_of("ec2", f"instance/{instance.id}")})
    ec2 = client_of(account, role)("ec2")
    assert answer_to(ec2.stop_instances, InstanceIds=[instance.id]) == ("DryRunOperation", 412)
    assert answer_to(ec2.start_instances, InstanceIds=[instance.id]) == ("UnauthorizedOperation", 403)
    assert answer_to(ec2.stop_instances, InstanceIds=["i-0000000000000dead"]) == ("UnauthorizedOperation", 403)


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("stop_instances", {"InstanceIds": ["i-0000000000000dead"]}, "InvalidInstanceID.NotFound"),
        ("create_snapshot", {"VolumeId": "vol-0000000000000dead"}, "InvalidVolume.NotFound"),
        (
            "replace_network_acl_association",
            {"AssociationId": "aclassoc-0dead", "NetworkAclId": "acl-0000000000000dead"},
            "InvalidNetworkAclID.NotFound",
        ),
        (
            "replace_route",
            {
                "RouteTableId": "rtb-0000000000000dead",
                "DestinationCidrBlock": "10.1.0.10/32",
                "NetworkInterfaceId": "eni-1",
            },
            "InvalidNetworkInterfaceID.NotFound",
        ),
    ],
)
def test_an_id_that_does_not_exist_is_the_error_that_it_always_is(
    account: Account, operation: str, arguments: dict[str, Any], code: str
) -> None:
    assert answer_to(getattr(account.client("ec2"), operation), **arguments) == (code, 400)


def test_dry_runs_are_on_record_as_such(account: Account, instance: Instance) -> None:
    ec2 = account.client("ec2")
    before = len(account.api_calls())
    assert answer_to(ec2.stop_instances, InstanceIds=[instance.id]) == ("DryRunOperation", 412)
    ec2.describe_instances(InstanceIds=[instance.id])
    calls = [call for call in account.api_calls()[before:] if call["service"] == "ec2"]
    assert [(call["action"], call.get("isDryRun", False)) for call in calls] == [
        ("StopInstances", True), ("DescribeInstances", False),
    ]  # fmt: skip

"""Routes and interfaces behave as the VPC's do."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.cloud.conftest import Account, Instance, eventually

VIRTUAL_IP = "10.1.0.10/32"


def _route(account: Account, table: str) -> dict[str, str]:
    (described,) = account.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
    (route,) = [route for route in described["Routes"] if route["DestinationCidrBlock"] == VIRTUAL_IP]
    return dict(route)


def _table(account: Account, instance: Instance) -> str:
    return str(account.client("ec2").create_route_table(VpcId=instance.vpc_id)["RouteTable"]["RouteTableId"])


def test_a_route_follows_its_interface_into_the_black_hole_and_back(account: Account) -> None:
    """EC2 API Reference, Route: `blackhole` when the target isn't available."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    table = _table(account, instance)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=VIRTUAL_IP, NetworkInterfaceId=instance.interface_id)
    route = _route(account, table)
    assert (route["NetworkInterfaceId"], route["State"]) == (instance.interface_id, "active")
    ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
    eventually(lambda: _route(account, table)["State"] == "blackhole", "black hole")
    ec2.start_instances(InstanceIds=[instance.id])
    assert _route(account, table)["State"] == "active"


def test_a_route_is_replaced_and_the_others_stay(account: Account) -> None:
    """EC2 API Reference, ReplaceRoute."""
    first, second, ec2 = account.make_instance(), account.make_instance(), account.client("ec2")
    table = _table(account, first)
    before = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=VIRTUAL_IP, NetworkInterfaceId=first.interface_id)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock=VIRTUAL_IP, NetworkInterfaceId=second.interface_id)
    assert _route(account, table)["NetworkInterfaceId"] == second.interface_id
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock=VIRTUAL_IP)
    assert ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"] == before


def test_a_missing_route_cannot_be_replaced_nor_an_existing_one_created(account: Account) -> None:
    """EC2 API Reference, "Error codes": InvalidRoute.NotFound, RouteAlreadyExists."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    table = _table(account, instance)
    route = {
        "RouteTableId": table,
        "DestinationCidrBlock": VIRTUAL_IP,
        "NetworkInterfaceId": instance.interface_id,
    }
    with pytest.raises(ClientError, match=r"InvalidRoute\.NotFound"):
        ec2.replace_route(**route)
    ec2.create_route(**route)
    with pytest.raises(ClientError, match="RouteAlreadyExists"):
        ec2.create_route(**route)
    with pytest.raises(ClientError, match=r"InvalidNetworkInterfaceID\.NotFound"):
        ec2.replace_route(**{**route, "NetworkInterfaceId": "eni-0123456789abcdef0"})
    with pytest.raises(ClientError, match=r"InvalidRouteTableID\.NotFound"):
        ec2.describe_route_tables(RouteTableIds=["rtb-0123456789abcdef0"])


def test_the_source_destination_check_can_be_switched_off(account: Account) -> None:
    """EC2 API Reference, ModifyNetworkInterfaceAttribute: SourceDestCheck."""
    instance, ec2 = account.make_instance(), account.client("ec2")

    def is_checked() -> bool:
        described = ec2.describe_network_interfaces(NetworkInterfaceIds=[instance.interface_id])
        return bool(described["NetworkInterfaces"][0]["SourceDestCheck"])

    assert is_checked()
    ec2.modify_network_interface_attribute(NetworkInterfaceId=instance.interface_id, SourceDestCheck={"Value": False})
    assert not is_checked()


def test_interfaces_are_found_by_what_they_are_attached_to(account: Account) -> None:
    """EC2 API Reference, DescribeNetworkInterfaces: filters."""
    instance = account.make_instance()
    account.make_instance()
    described = account.client("ec2").describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance.id]}]
    )
    assert [each["NetworkInterfaceId"] for each in described["NetworkInterfaces"]] == [instance.interface_id]

"""What an account holds around a virtual IP: read once, changed never.

Shapes follow the Amazon EC2 and Elastic Load Balancing API References; what is not needed is left out.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError
from failover.adapters.clients import client, error_code
from failover.models import Value


class Interface(Value):
    """A network interface."""

    id: str
    subnet_id: str
    address: str
    instance_id: str | None
    device_index: int | None
    is_source_dest_check_on: bool
    group_ids: tuple[str, ...] = ()
    """Its security groups."""


class Volume(Value):
    """An EBS volume and what it is attached to."""

    id: str
    size_gib: int
    instance_id: str | None
    device: str
    kms_key_id: str | None = None


class _Named(Value):
    id: str
    name: str
    """Its tag Name; empty without one."""

    @property
    def words(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id


class Instance(_Named):
    zone: str
    type: str
    state: str
    root_device: str
    tags: dict[str, str]
    profile_arn: str | None = None
    """Of its instance profile."""


class Subnet(Value):
    id: str
    cidr: str
    zone: str


class Table(_Named):
    """A route table, with where it sends each /32 outside the VPC."""

    vpc_id: str
    host_routes: dict[str, str | None]
    """The interface that each /32 points to, by the address; None where the target is no interface."""
    subnet_ids: tuple[str, ...]
    is_main: bool


class TargetGroup(Value):
    arn: str
    name: str
    type: str
    targets: tuple[str, ...]
    """Instance ids or addresses, whichever its type is."""


class Account(Value):
    """One VPC of an account, as far as it matters here."""

    vpc_id: str
    tables: tuple[Table, ...]
    subnets: tuple[Subnet, ...]
    interfaces: tuple[Interface, ...]
    instances: tuple[Instance, ...]
    volumes: tuple[Volume, ...]
    target_groups: tuple[TargetGroup, ...]

    def interface(self, interface_id: str | None) -> Interface | None:
        return next((one for one in self.interfaces if one.id == interface_id), None)

    def instance(self, instance_id: str | None) -> Instance | None:
        return next((one for one in self.instances if one.id == instance_id), None)

    def volume(self, volume_id: str) -> Volume | None:
        return next((one for one in self.volumes if one.id == volume_id), None)

    def subnet(self, subnet_id: str) -> Subnet | None:
        return next((one for one in self.subnets if one.id == subnet_id), None)

    def interfaces_of(self, instance_id: str) -> list[Interface]:
        """eth0 first."""
        own = [one for one in self.interfaces if one.instance_id == instance_id]
        return sorted(own, key=lambda one: (one.device_index is None, one.device_index))

    def data_volumes_of(self, instance: Instance) -> list[Volume]:
        """All that are attached to it but the root volume."""
        own = [one for one in self.volumes if one.instance_id == instance.id]
        return [one for one in own if one.device not in {instance.root_device, *_ROOT_DEVICES}]

    def subnets_of(self, table: Table) -> list[Subnet]:
        """Those that it is associated with; a main table has all that no table is associated with, too."""
        explicit = {subnet_id for one in self.tables for subnet_id in one.subnet_ids}
        return [
            subnet
            for subnet in self.subnets
            if subnet.id in table.subnet_ids or (table.is_main and subnet.id not in explicit)
        ]


_ROOT_DEVICES = ("/dev/sda", "/dev/sda1", "/dev/xvda")
"""Reserved for an instance's root volume (Amazon EC2 User Guide, "Device names for volumes on EC2 instances")."""


def read_tables() -> list[Table]:
    """Every route table of the region."""
    return [_table(table) for table in _pages("ec2", "describe_route_tables", "RouteTables")]


def read_account(vpc_id: str, tables: list[Table]) -> Account:
    """The VPC with what is in it."""
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    with ThreadPoolExecutor() as pool:
        subnets = pool.submit(_pages, "ec2", "describe_subnets", "Subnets", Filters=of_vpc)
        interfaces = pool.submit(_pages, "ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=of_vpc)
        reservations = pool.submit(_pages, "ec2", "describe_instances", "Reservations", Filters=of_vpc)
        volumes = pool.submit(_pages, "ec2", "describe_volumes", "Volumes")
        groups = pool.submit(_pages, "elbv2", "describe_target_groups", "TargetGroups")
    own_groups = [group for group in groups.result() if group.get("VpcId") == vpc_id]
    with ThreadPoolExecutor() as pool:
        target_groups = list(pool.map(_target_group, own_groups))
    instances = [_instance(one) for reservation in reservations.result() for one in reservation["Instances"]]
    return Account(
        vpc_id=vpc_id,
        tables=tuple(table for table in tables if table.vpc_id == vpc_id),
        subnets=tuple(
            Subnet(id=one["SubnetId"], cidr=one["CidrBlock"], zone=one["AvailabilityZone"]) for one in subnets.result()
        ),
        interfaces=tuple(_interface(one) for one in interfaces.result()),
        instances=tuple(one for one in instances if one.state not in ("terminated", "shutting-down")),
        volumes=tuple(_volume(one) for one in volumes.result()),
        target_groups=tuple(target_groups),
    )


class DeployedStack(Value):
    """A stack as CloudFormation has it."""

    name: str
    status: str
    parameters: dict[str, str]
    outputs: dict[str, str]


def read_stack(name: str) -> DeployedStack | None:
    """None if there is none of that name."""
    try:
        [stack] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # CloudFormation says so with ValidationError (API Reference, "DescribeStacks").
        if error_code(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return DeployedStack(
        name=stack["StackName"],
        status=stack["StackStatus"],
        parameters={one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])},
        outputs={one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
    )


def read_environment(function_name: str) -> dict[str, str]:
    """What a deployed function is told."""
    answer = client("lambda").get_function_configuration(FunctionName=function_name)
    return dict(answer.get("Environment", {}).get("Variables", {}))


def region() -> str:
    """The region that is asked."""
    return str(client("ec2").meta.region_name)


def _pages(service: str, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
    return [one for page in client(service).get_paginator(operation).paginate(**arguments) for one in page[key]]


def _tags(tagged: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tagged.get("Tags", [])}


def _table(table: dict[str, Any]) -> Table:
    associations = table.get("Associations", [])
    routes = [route for route in table.get("Routes", []) if str(route.get("DestinationCidrBlock", "")).endswith("/32")]
    return Table(
        id=table["RouteTableId"],
        name=_tags(table).get("Name", ""),
        vpc_id=table["VpcId"],
        host_routes={
            route["DestinationCidrBlock"].removesuffix("/32"): route.get("NetworkInterfaceId") for route in routes
        },
        subnet_ids=tuple(one["SubnetId"] for one in associations if one.get("SubnetId")),
        is_main=any(one.get("Main") for one in associations),
    )


def _interface(interface: dict[str, Any]) -> Interface:
    attachment = interface.get("Attachment", {})
    return Interface(
        id=interface["NetworkInterfaceId"],
        subnet_id=interface["SubnetId"],
        address=interface.get("PrivateIpAddress", ""),
        instance_id=attachment.get("InstanceId"),
        device_index=attachment.get("DeviceIndex"),
        is_source_dest_check_on=interface["SourceDestCheck"],
        group_ids=tuple(group["GroupId"] for group in interface.get("Groups", [])),
    )


def _instance(instance: dict[str, Any]) -> Instance:
    tags = _tags(instance)
    return Instance(
        id=instance["InstanceId"],
        name=tags.get("Name", ""),
        zone=instance.get("Placement", {}).get("AvailabilityZone", ""),
        type=instance.get("InstanceType", ""),
        state=instance["State"]["Name"],
        root_device=instance.get("RootDeviceName", ""),
        tags=tags,
        profile_arn=instance.get("IamInstanceProfile", {}).get("Arn"),
    )


def _volume(volume: dict[str, Any]) -> Volume:
    attached = [one for one in volume.get("Attachments", []) if one.get("State") in ("attached", "busy", "attaching")]
    return Volume(
        id=volume["VolumeId"],
        size_gib=volume["Size"],
        instance_id=attached[0].get("InstanceId") if attached else None,
        device=attached[0].get("Device", "") if attached else "",
        kms_key_id=volume.get("KmsKeyId"),
    )


def _target_group(group: dict[str, Any]) -> TargetGroup:
    health = client("elbv2").describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    return TargetGroup(
        arn=group["TargetGroupArn"],
        name=group["TargetGroupName"],
        type=group.get("TargetType", "instance"),
        targets=tuple(one["Target"]["Id"] for one in health["TargetHealthDescriptions"]),
    )

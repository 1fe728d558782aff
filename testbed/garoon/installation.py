"""Makes the Garoon installation that the controller protects: deploys environment/template.yaml to the local cloud.

It exists before the failover stack does, as it would in a real account: the stack is given its outputs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from testbed.stack.deployment import list_resources, read_outputs
from testbed.stack.endpoint import Clients
from testbed.world.world import World

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import RouteTableTypeDef

CLUSTER = "garoon"
HOME = "db-01"
STANDBY = "db-02"
VIRTUAL_IP = "10.1.0.10"
VIRTUAL_IP_ROUTE = f"{VIRTUAL_IP}/32"
DATABASE_PORT = 3770
NFS_PORT = 2049
PATH_PORT = 2022  # the SSH banner; 22 in reality, which needs root
WEB_PORT = 8080  # 80 in reality, which needs root
GAROON_PATH = "/cgi-bin/cbgrn/grn.cgi"

_TEMPLATE = Path(__file__).parents[2] / "environment" / "template.yaml"
_STACK = "garoon-environment"
_IMAGE_PARAMETER = "/garoon/image"
_NODES = {HOME: ("1a", "NodeA", "10.0.3.4", "10.0.12.4"), STANDBY: ("1c", "NodeB", "10.0.6.4", "10.0.14.4")}
_APP_ADDRESSES = ("10.0.2.10", "10.0.5.10")
_ROUTE_TABLES = {
    "alb": "BalancerRouteTable",
    "nat": "NatRouteTable",
    "app-1a": "AppRouteTableA",
    "app-1c": "AppRouteTableB",
    "db-1a": "NodeARouteTable",
    "db-1c": "NodeBRouteTable",
}
LISTENERS = (
    *((eth0, port) for _, _, eth0, _ in _NODES.values() for port in (DATABASE_PORT, NFS_PORT, PATH_PORT)),
    *((eth1, port) for _, _, _, eth1 in _NODES.values() for port in (DATABASE_PORT, NFS_PORT, PATH_PORT)),
    *((address, WEB_PORT) for address in _APP_ADDRESSES),
)
"""Where the simulated servers listen: the installation's addresses, and ports."""


@dataclass(frozen=True)
class Shape:
    """What is in service on a database server, as the stack's parameters have it."""

    services: tuple[str, ...] = ("cyde_5_0", "cyss_cbgrn")
    """Entries of the parameter Services."""
    exports: tuple[str, ...] = ("www/cgi-bin/cbgrn/sessiondata:3771", "cybozu/mysql-5.0/files:3772")
    database_port: int = DATABASE_PORT
    further_volumes: tuple[str, ...] = ()
    """Entries of the parameter FurtherVolumes; the attachments lie on the last."""

    @property
    def mount_points(self) -> tuple[str, ...]:
        """Of all volumes, Garoon's own first."""
        return ("/mnt/DIR1", *(entry.rpartition(":")[2] for entry in self.further_volumes))

    @property
    def names(self) -> tuple[str, ...]:
        """The services as the node names them."""
        return tuple(PurePosixPath(entry.partition(":")[0]).name for entry in self.services)

    @property
    def folders(self) -> tuple[str, ...]:
        """Those of them that are folders with LifeKeeper's scripts."""
        return tuple(name for name, entry in zip(self.names, self.services, strict=True) if entry.startswith("/"))

    @property
    def paths(self) -> tuple[str, ...]:
        """What is exported, below the mount point."""
        return tuple(entry.partition(":")[0] for entry in self.exports)

    def parameters(self) -> dict[str, str]:
        return {
            "Services": ",".join(self.services),
            "Exports": ",".join(self.exports),
            "DatabasePort": str(self.database_port),
            "FurtherVolumes": ",".join(self.further_volumes),
        }


USUAL = Shape()
"""As GAROON's own documents describe it, and as the parameters are by default."""


@dataclass(frozen=True)
class Node:
    """A database server: its instance, its two interfaces and its addresses in this world."""

    name: str
    zone: str
    instance_id: str
    eth0_interface_id: str
    eth0_address: str
    eth1_interface_id: str
    eth1_address: str
    eth0_subnet_id: str
    eth1_subnet_id: str
    data_volume_id: str

    @property
    def subnet_ids(self) -> tuple[str, str]:
        return self.eth0_subnet_id, self.eth1_subnet_id


@dataclass(frozen=True)
class AppServer:
    """A web server of the ALB's target group."""

    name: str
    zone: str
    instance_id: str
    subnet_id: str
    address: str


@dataclass(frozen=True)
class Installation:
    """The ids of everything that the failover stack and the drill need to know."""

    nodes: Mapping[str, Node]
    app_servers: Mapping[str, AppServer]
    route_tables: Mapping[str, str]
    outputs: Mapping[str, str]
    """Of the installation's stack: the failover stack's parameters, by their names."""
    db_acl_id: str
    """The network ACL that the nodes' four subnets have."""

    @property
    def target_group_arn(self) -> str:
        return self.outputs["TargetGroupArn"]

    @property
    def vpc_id(self) -> str:
        return self.outputs["VpcId"]

    @property
    def moving_route_tables(self) -> tuple[str, str]:
        """The tables that carry the virtual IP: the only ones whose routes may change, and in that one entry."""
        return self.route_tables["app-1a"], self.route_tables["app-1c"]

    def node_of_interface(self, interface_id: str | None) -> str | None:
        """The node whose eth0 has that interface id."""
        return next((node.name for node in self.nodes.values() if node.eth0_interface_id == interface_id), None)

    def node_of_instance(self, instance_id: str) -> str | None:
        return next((node.name for node in self.nodes.values() if node.instance_id == instance_id), None)

    def peer_of(self, name: str) -> Node:
        return self.nodes[STANDBY if name == HOME else HOME]

    def parameters(self) -> dict[str, str]:
        """The failover stack's parameters that say where the installation is."""
        return {"ClusterName": CLUSTER, **self.outputs}


def volume_parameters(clients: Clients, installation: Installation, shape: Shape) -> dict[str, str]:
    """The stack's parameters that name each node's data volumes. A further one that is not there yet is made."""
    return {
        f"{logical_id}DataVolumeId": ",".join(_data_volumes(clients, installation.nodes[name], shape))
        for name, (_, logical_id, *_) in _NODES.items()
    }


def _data_volumes(clients: Clients, node: Node, shape: Shape) -> Iterator[str]:
    yield node.data_volume_id
    for letter, _ in zip("cdefghij", shape.further_volumes, strict=False):
        device = f"/dev/xvd{letter}"
        attached = [
            volume["VolumeId"]
            for volume in clients.ec2.describe_volumes()["Volumes"]
            for attachment in volume["Attachments"]
            if (attachment["InstanceId"], attachment["Device"]) == (node.instance_id, device)
        ]
        yield attached[0] if attached else _attach_volume(clients, node, device)


def _attach_volume(clients: Clients, node: Node, device: str) -> str:
    like = clients.ec2.describe_volumes(VolumeIds=[node.data_volume_id])["Volumes"][0]
    volume = clients.ec2.create_volume(AvailabilityZone=like["AvailabilityZone"], Size=like["Size"])["VolumeId"]
    clients.ec2.attach_volume(VolumeId=volume, InstanceId=node.instance_id, Device=device)
    return volume


def make_installation(clients: Clients, world: World, others: Mapping[str, str] | None = None) -> Installation:
    """Deploys the installation's template and reads what it made; routes of the virtual IP point to db-01.

    `others` are parameters of the template that shall be other than in a drill. The instances' hosts are not booted by
    this. Raises WaiterError.
    """
    # AWS's own parameters of images are not in the local cloud.
    clients.ssm.put_parameter(Name=_IMAGE_PARAMETER, Value="ami-0123456789abcdef0", Type="String", Overwrite=True)
    parameters = {
        "NetworkPrefix": world.address("10.0.0.0/16").removesuffix(".0.0/16"),
        "VirtualIp": VIRTUAL_IP,
        "DatabasePort": str(DATABASE_PORT),
        "PathPort": str(PATH_PORT),
        "WebPort": str(WEB_PORT),
        "HealthCheckPath": GAROON_PATH,
        "DatabaseImage": _IMAGE_PARAMETER,
        "AppImage": _IMAGE_PARAMETER,
        # Neither service is in the local cloud.
        "DnsForOnPremises": "None",
        # The servers are the testbed's own: simulated ones, or machines that were set up before.
        "SetUpServers": "No",
        **(others or {}),
    }
    clients.cloudformation.create_stack(
        StackName=_STACK,
        TemplateBody=_with_uploaded_files(clients, _TEMPLATE.read_text()),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    clients.cloudformation.get_waiter("stack_create_complete").wait(
        StackName=_STACK,
        WaiterConfig={"Delay": 1, "MaxAttempts": 120},  # fractions of a second are refused
    )
    return _read(clients)


def _with_uploaded_files(clients: Clients, template: str) -> str:
    """The template with the files that it includes in a bucket, as `sam deploy` puts them there."""
    bucket = f"{_STACK}-files-{clients.endpoint.account}"  # a name is taken in every account
    clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})

    def upload(found: re.Match[str]) -> str:
        name = Path(found[1]).name
        clients.s3.put_object(Bucket=bucket, Key=name, Body=(_TEMPLATE.parent / found[1]).read_bytes())
        return f"Location: s3://{bucket}/{name}"

    return re.sub(r"Location: (provision/\S+)", upload, template)


def _read(clients: Clients) -> Installation:
    outputs = read_outputs(clients, _STACK)
    resources = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in list_resources(clients, _STACK)}
    installation = Installation(
        nodes={
            name: _node(name, zone, logical_id, outputs, resources) for name, (zone, logical_id, *_) in _NODES.items()
        },
        app_servers=_app_servers(clients, (resources["AppSubnetA"], resources["AppSubnetB"])),
        route_tables={name: resources[logical_id] for name, logical_id in _ROUTE_TABLES.items()},
        outputs=outputs,
        db_acl_id=_make_db_acl(clients, outputs["VpcId"]),
    )
    restore_network_acls(clients, installation)
    return installation


def _node(name: str, zone: str, node: str, outputs: Mapping[str, str], resources: Mapping[str, str]) -> Node:
    return Node(
        name,
        zone,
        instance_id=outputs[f"{node}InstanceId"],
        eth0_interface_id=outputs[f"{node}Eth0InterfaceId"],
        eth0_address=outputs[f"{node}Eth0Address"],
        eth1_interface_id=resources[f"{node}Eth1"],
        eth1_address=outputs[f"{node}Eth1Address"],
        eth0_subnet_id=outputs[f"{node}Eth0SubnetId"],
        eth1_subnet_id=outputs[f"{node}Eth1SubnetId"],
        data_volume_id=outputs[f"{node}DataVolumeId"],
    )


def _app_servers(clients: Clients, subnets: tuple[str, str]) -> dict[str, AppServer]:
    """What the Auto Scaling group has launched, one in each subnet."""
    found = clients.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["garoon-app"]}])["Reservations"]
    instances = {instance["SubnetId"]: instance for each in found for instance in each["Instances"]}
    return {
        name: AppServer(name, zone, instances[subnet]["InstanceId"], subnet, instances[subnet]["PrivateIpAddress"])
        for name, zone, subnet in zip(("app-01", "app-02"), ("1a", "1c"), subnets, strict=True)
    }


def _make_db_acl(clients: Clients, vpc_id: str) -> str:
    """A network ACL of the installation's own, as many companies have: not the VPC's default one, that the nodes get.

    The template makes none: fencing replaces the subnets' associations, which CloudFormation would not find any more.
    """
    acl_id = clients.ec2.create_network_acl(VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"]
    for is_egress in (False, True):
        clients.ec2.create_network_acl_entry(
            NetworkAclId=acl_id,
            RuleNumber=100,
            Protocol="-1",
            RuleAction="allow",
            Egress=is_egress,
            CidrBlock="0.0.0.0/0",
        )
    return acl_id


@dataclass(frozen=True)
class Routes:
    """The routes of all six tables at one moment: where the virtual IP points to, and all the others."""

    virtual_ip: Mapping[str, str | None]  # table name -> the target's interface id, None when the entry is missing
    others: Mapping[str, frozenset[tuple[str, str]]]  # table name -> (destination, target)


def read_routes(clients: Clients, installation: Installation) -> Routes:
    """Reads all six tables in one call."""
    names = {table_id: name for name, table_id in installation.route_tables.items()}
    virtual_ip: dict[str, str | None] = {"app-1a": None, "app-1c": None}
    others: dict[str, frozenset[tuple[str, str]]] = {}
    for table in clients.ec2.describe_route_tables(RouteTableIds=list(names))["RouteTables"]:
        name = names[table["RouteTableId"]]
        targets = _targets(table)
        if VIRTUAL_IP_ROUTE in targets:
            virtual_ip[name] = targets.pop(VIRTUAL_IP_ROUTE)
        others[name] = frozenset(targets.items())
    return Routes(virtual_ip, others)


def point_virtual_ip(clients: Clients, installation: Installation, node: str, tables: tuple[str, ...]) -> None:
    """Makes the virtual IP's entry of each named table point to that node's eth0."""
    current = read_routes(clients, installation)
    wanted = installation.nodes[node].eth0_interface_id
    for table in tables:
        is_missing = current.virtual_ip.get(table) is None
        call: Callable[..., object] = clients.ec2.create_route if is_missing else clients.ec2.replace_route
        call(
            RouteTableId=installation.route_tables[table],
            DestinationCidrBlock=VIRTUAL_IP_ROUTE,
            NetworkInterfaceId=wanted,
        )


@dataclass(frozen=True)
class SubnetAcl:
    """Which network ACL a subnet has."""

    acl_id: str
    association_id: str


def read_network_acls(clients: Clients, installation: Installation) -> dict[str, SubnetAcl]:
    """The network ACLs of the nodes' four subnets, by the subnet's id."""
    wanted = {subnet for node in installation.nodes.values() for subnet in node.subnet_ids}
    acls = clients.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": sorted(wanted)}])
    return {
        association["SubnetId"]: SubnetAcl(acl["NetworkAclId"], association["NetworkAclAssociationId"])
        for acl in acls["NetworkAcls"]
        for association in acl["Associations"]
        if association["SubnetId"] in wanted
    }


def remove_foreign_interfaces(clients: Clients, installation: Installation) -> None:
    """Deletes what else was put into the nodes' four subnets."""
    own = {
        interface_id
        for node in installation.nodes.values()
        for interface_id in (node.eth0_interface_id, node.eth1_interface_id)
    }
    subnets = [subnet for node in installation.nodes.values() for subnet in node.subnet_ids]
    found = clients.ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": subnets}])
    for interface in found["NetworkInterfaces"]:
        if interface["NetworkInterfaceId"] not in own:
            clients.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])


def restore_network_acls(clients: Clients, installation: Installation) -> None:
    """Gives the nodes' four subnets the network ACL that the installation has for them."""
    for acl in read_network_acls(clients, installation).values():
        if acl.acl_id != installation.db_acl_id:
            clients.ec2.replace_network_acl_association(
                AssociationId=acl.association_id, NetworkAclId=installation.db_acl_id
            )


def _targets(table: RouteTableTypeDef) -> dict[str, str]:
    keys = ("NetworkInterfaceId", "NatGatewayId", "GatewayId", "InstanceId")
    targets = {}
    for route in table["Routes"]:
        destination = route.get("DestinationCidrBlock", "")
        targets[destination] = next((str(route[key]) for key in keys if route.get(key)), "")  # type: ignore[literal-required]
    return targets

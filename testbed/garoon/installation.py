"""Makes the Garoon installation that the controller protects in the local cloud, by ordinary AWS API calls.

Everything here exists before the failover stack does, as it would in a real account: the stack is given its ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

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

_ON_PREMISES = "198.18.0.0/24"
_IMAGE = "ami-0123456789abcdef0"
_PROFILE = "garoon-db"
_ZONES = {"1a": "ap-northeast-1a", "1c": "ap-northeast-1c"}
# The ALB needs a subnet in two zones, and each zone's NAT gateway one: the installation's description leaves them out.
_SUBNETS = {
    "nat-1a": ("10.0.1.0/24", "nat"),
    "app-1a": ("10.0.2.0/24", "app-1a"),
    "db-1a": ("10.0.3.0/24", "db-1a"),
    "nat-1c": ("10.0.4.0/24", "nat"),
    "app-1c": ("10.0.5.0/24", "app-1c"),
    "db-1c": ("10.0.6.0/24", "db-1c"),
    "alb-1a": ("10.0.8.0/24", "alb"),
    "alb-1c": ("10.0.9.0/24", "alb"),
    "heartbeat-1a": ("10.0.12.0/24", "db-1a"),
    "heartbeat-1c": ("10.0.14.0/24", "db-1c"),
}
_DB_SOURCES = ("app-1a", "db-1a", "app-1c", "db-1c", "heartbeat-1a", "heartbeat-1c")
_NODES = {HOME: ("1a", "10.0.3.4", "10.0.12.4"), STANDBY: ("1c", "10.0.6.4", "10.0.14.4")}
_APP_SERVERS = {"app-01": ("1a", "10.0.2.10"), "app-02": ("1c", "10.0.5.10")}
LISTENERS = (
    *((eth0, port) for _, eth0, _ in _NODES.values() for port in (DATABASE_PORT, NFS_PORT, PATH_PORT)),
    *((eth1, port) for _, _, eth1 in _NODES.values() for port in (DATABASE_PORT, NFS_PORT, PATH_PORT)),
    *((address, WEB_PORT) for _, address in _APP_SERVERS.values()),
)
"""Where the simulated servers listen: the installation's addresses, and ports."""


@dataclass(frozen=True)
class Shape:
    """What is in service on a database server, as the stack's parameters have it."""

    services: tuple[str, ...] = ("cyde_5_0", "cyss_cbgrn")
    """Entries of the parameter Services."""
    exports: tuple[str, ...] = ("www/cgi-bin/cbgrn/sessiondata:3771", "cybozu/mysql-5.0/files:3772")
    database_port: int = DATABASE_PORT

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
    app_networks: tuple[str, str]
    target_group_arn: str
    vpc_id: str
    db_acl_id: str
    """The network ACL that the nodes' four subnets have."""

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
        """The stack's parameters that say where the installation is."""
        parameters = {
            "ClusterName": CLUSTER,
            "VpcId": self.vpc_id,
            "VirtualIp": VIRTUAL_IP,
            "RouteTableIds": ",".join(self.moving_route_tables),
            "TargetGroupArn": self.target_group_arn,
            "ExportClients": ",".join(self.app_networks),
            "DatabasePort": str(DATABASE_PORT),
            "PathPort": str(PATH_PORT),
        }
        for letter, name in (("A", HOME), ("B", STANDBY)):
            node = self.nodes[name]
            parameters |= {
                f"Node{letter}Name": node.name,
                f"Node{letter}InstanceId": node.instance_id,
                f"Node{letter}Eth0InterfaceId": node.eth0_interface_id,
                f"Node{letter}Eth0Address": node.eth0_address,
                f"Node{letter}Eth1Address": node.eth1_address,
                f"Node{letter}Eth0SubnetId": node.eth0_subnet_id,
                f"Node{letter}Eth1SubnetId": node.eth1_subnet_id,
                f"Node{letter}DataVolumeId": node.data_volume_id,
            }
        return parameters


def make_installation(clients: Clients, world: World) -> Installation:
    """Makes VPC, subnets, route tables, interfaces, instances, ALB and target group; returns their ids.

    Routes of the virtual IP point to db-01. The instances' hosts are not booted by this.
    """
    ec2 = clients.ec2
    vpc_id = ec2.create_vpc(CidrBlock=world.address("10.0.0.0/16"))["Vpc"]["VpcId"]
    subnets = {
        name: ec2.create_subnet(
            VpcId=vpc_id, CidrBlock=world.address(network), AvailabilityZone=_ZONES[name.rpartition("-")[2]]
        )["Subnet"]["SubnetId"]
        for name, (network, _) in _SUBNETS.items()
    }
    groups = _make_security_groups(clients, world, vpc_id)
    route_tables = _make_route_tables(clients, vpc_id, subnets)
    _make_profile(clients)
    nodes = {
        name: _make_node(
            clients,
            name,
            zone,
            subnets[f"db-{zone}"],
            subnets[f"heartbeat-{zone}"],
            groups["db"],
            world.address(eth0),
            world.address(eth1),
        )
        for name, (zone, eth0, eth1) in _NODES.items()
    }
    for table in ("app-1a", "app-1c"):
        ec2.create_route(
            RouteTableId=route_tables[table],
            DestinationCidrBlock=VIRTUAL_IP_ROUTE,
            NetworkInterfaceId=nodes[HOME].eth0_interface_id,
        )
    app_servers = {
        name: _make_app_server(clients, name, zone, subnets[f"app-{zone}"], groups["app"], world.address(address))
        for name, (zone, address) in _APP_SERVERS.items()
    }
    target_group_arn = _make_load_balancer(clients, vpc_id, [subnets["alb-1a"], subnets["alb-1c"]], groups["alb"])
    clients.elbv2.register_targets(
        TargetGroupArn=target_group_arn, Targets=[{"Id": server.instance_id} for server in app_servers.values()]
    )
    networks = (world.address(_SUBNETS["app-1a"][0]), world.address(_SUBNETS["app-1c"][0]))
    db_acl_id = _make_db_acl(clients, vpc_id)
    installation = Installation(
        nodes, app_servers, route_tables, networks, target_group_arn, vpc_id=vpc_id, db_acl_id=db_acl_id
    )
    restore_network_acls(clients, installation)
    return installation


def _make_security_groups(clients: Clients, world: World, vpc_id: str) -> dict[str, str]:
    ec2 = clients.ec2
    groups = {
        name: ec2.create_security_group(GroupName=name, Description=f"Garoon {name}", VpcId=vpc_id)["GroupId"]
        for name in ("alb", "app", "db", "bastion")
    }
    web = {"IpProtocol": "tcp", "FromPort": WEB_PORT, "ToPort": WEB_PORT}
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": groups["bastion"]}]}
    everything = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}
    sources = [{"CidrIp": world.address(_SUBNETS[name][0])} for name in _DB_SOURCES]
    rules = {
        "alb": [{**web, "IpRanges": [{"CidrIp": _ON_PREMISES}]}],
        "app": [{**web, "UserIdGroupPairs": [{"GroupId": groups["alb"]}]}, ssh],
        "db": [{**everything, "IpRanges": sources}, ssh],
    }
    for name, permissions in rules.items():
        ec2.authorize_security_group_ingress(GroupId=groups[name], IpPermissions=permissions)  # type: ignore[arg-type]
    return groups


def _make_db_acl(clients: Clients, vpc_id: str) -> str:
    """A network ACL of the installation's own, other than the VPC's default one, which lets everything through."""
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


def _make_route_tables(clients: Clients, vpc_id: str, subnets: Mapping[str, str]) -> dict[str, str]:
    """The six tables with their default routes; the controller must leave every one of these routes alone."""
    ec2 = clients.ec2
    internet_gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet_gateway, VpcId=vpc_id)
    direct_connect = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=direct_connect, VpcId=vpc_id)
    nat = {}
    for zone in _ZONES:
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        gateway = ec2.create_nat_gateway(SubnetId=subnets[f"nat-{zone}"], AllocationId=allocation)
        nat[zone] = gateway["NatGateway"]["NatGatewayId"]
    tables = {
        name: ec2.create_route_table(
            VpcId=vpc_id,
            TagSpecifications=[{"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": name}]}],
        )["RouteTable"]["RouteTableId"]
        for name in ("alb", "nat", "app-1a", "app-1c", "db-1a", "db-1c")
    }
    ec2.create_route(RouteTableId=tables["alb"], DestinationCidrBlock=_ON_PREMISES, GatewayId=direct_connect)
    ec2.create_route(RouteTableId=tables["nat"], DestinationCidrBlock="0.0.0.0/0", GatewayId=internet_gateway)
    for zone in _ZONES:
        for kind in ("app", "db"):
            ec2.create_route(
                RouteTableId=tables[f"{kind}-{zone}"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat[zone]
            )
    for subnet, (_, table) in _SUBNETS.items():
        ec2.associate_route_table(RouteTableId=tables[table], SubnetId=subnets[subnet])
    return tables


def _make_node(
    clients: Clients, name: str, zone: str, subnet: str, heartbeat_subnet: str, group: str, eth0: str, eth1: str
) -> Node:
    ec2 = clients.ec2
    interfaces = [
        ec2.create_network_interface(
            SubnetId=subnet_id, PrivateIpAddress=address, Groups=[group], Description=f"{name} {device}"
        )["NetworkInterface"]["NetworkInterfaceId"]
        for device, subnet_id, address in (("eth0", subnet, eth0), ("eth1", heartbeat_subnet, eth1))
    ]
    # eth0 receives packets for the virtual IP, an address that is not its own.
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interfaces[0], SourceDestCheck={"Value": False})
    instance = ec2.run_instances(
        ImageId=_IMAGE,
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[
            {"DeviceIndex": index, "NetworkInterfaceId": interface} for index, interface in enumerate(interfaces)
        ],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
    )["Instances"][0]
    volume = ec2.create_volume(AvailabilityZone=instance["Placement"]["AvailabilityZone"], Size=8)["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=instance["InstanceId"], Device="/dev/xvdb")
    ec2.associate_iam_instance_profile(InstanceId=instance["InstanceId"], IamInstanceProfile={"Name": _PROFILE})
    return Node(
        name, zone, instance["InstanceId"], interfaces[0], eth0, interfaces[1], eth1, subnet, heartbeat_subnet, volume
    )


def _make_profile(clients: Clients) -> None:
    """What lets the database servers' agents talk to AWS."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    clients.iam.create_role(RoleName=_PROFILE, AssumeRolePolicyDocument=document)
    for policy in ("AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy"):
        clients.iam.attach_role_policy(RoleName=_PROFILE, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    clients.iam.create_instance_profile(InstanceProfileName=_PROFILE)
    clients.iam.add_role_to_instance_profile(InstanceProfileName=_PROFILE, RoleName=_PROFILE)


def _make_app_server(clients: Clients, name: str, zone: str, subnet: str, group: str, address: str) -> AppServer:
    instance = clients.ec2.run_instances(
        ImageId=_IMAGE,
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress=address,
        SecurityGroupIds=[group],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
    )["Instances"][0]
    # The emulator gives the instance's group to the instance alone.
    for interface in clients.ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    )["NetworkInterfaces"]:
        clients.ec2.modify_network_interface_attribute(
            NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=[group]
        )
    return AppServer(name, zone, instance["InstanceId"], subnet, address)


def _make_load_balancer(clients: Clients, vpc_id: str, subnets: list[str], group: str) -> str:
    balancer = clients.elbv2.create_load_balancer(
        Name="garoon", Scheme="internal", Type="application", Subnets=subnets, SecurityGroups=[group]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    target_group = clients.elbv2.create_target_group(
        Name="garoon-web",
        Protocol="HTTP",
        Port=WEB_PORT,
        VpcId=vpc_id,
        TargetType="instance",
        HealthCheckPath=GAROON_PATH,
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
        Matcher={"HttpCode": "200"},
    )["TargetGroups"][0]["TargetGroupArn"]
    clients.elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    return target_group


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

"""The virtual IP's entries in the route tables, and the interfaces that they point to."""

import time
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from failover.adapters.clients import CALL_THREADS, client, error_code, translate_errors
from failover.errors import CloudUnavailable, Failed, NotYet, Refused
from failover.messages import NOTHING, Message, Param
from failover.models import Value
from failover.settings import Node, Settings

THROTTLED_SECONDS = 40
"""How long one run of a step waits for EC2's limit; with its last tries it stays within the function's time-out."""

_SEEN_TOO_LATE_CODES = ("InvalidParameterValue", "InvalidRoute.NotFound", "RouteAlreadyExists")
"""ReplaceRoute of an entry that is not there, CreateRoute of one that is (EC2 API Reference, "Error codes")."""


class RouteEntry(Value):
    """Where one route table sends the virtual IP; `interface_id` is None without an entry or with another target."""

    route_table_id: str
    interface_id: str | None
    exists: bool
    is_blackhole: bool
    is_propagated: bool = False
    """The table also has, or only has, an entry that somebody else makes and unmakes: a gateway that propagates its
    routes, or a route server. Beside it the one that was created counts (VPC User Guide, "Route priority")."""

    def points_to(self, node: Node) -> bool:
        return self.interface_id == node.eth0_interface_id and not self.is_blackhole


@translate_errors
def read_entries(settings: Settings) -> list[RouteEntry]:
    """The virtual IP's entry of every configured route table, in their order. Raises Failed if a table is missing."""
    found = {
        table["RouteTableId"]: table
        for page in client("ec2")
        .get_paginator("describe_route_tables")
        .paginate(Filters=[{"Name": "route-table-id", "Values": list(settings.route_table_ids)}])
        for table in page["RouteTables"]
    }
    missing = [table_id for table_id in settings.route_table_ids if table_id not in found]
    if missing:
        raise Failed(Message("error.no-such-tables", names=list(missing)))
    return [_entry(found[table_id], settings.virtual_ip_cidr) for table_id in settings.route_table_ids]


@translate_errors
def read_unconfigured_tables(settings: Settings) -> list[str]:
    """Ids of the route tables of the same VPC that carry the virtual IP as well and are not configured."""
    pages = client("ec2").get_paginator("describe_route_tables")
    tables = [table for page in pages.paginate() for table in page["RouteTables"]]
    vpcs = {table["VpcId"] for table in tables if table["RouteTableId"] in settings.route_table_ids}
    return [
        table["RouteTableId"]
        for table in tables
        if table["VpcId"] in vpcs
        and table["RouteTableId"] not in settings.route_table_ids
        and _has_entry(table, settings.virtual_ip_cidr)
    ]


def _has_entry(table: dict[str, object], cidr: str) -> bool:
    entry = _entry(table, cidr)
    return entry.exists or entry.is_propagated


class Interface(Value):
    """The interface that is configured as a node's eth0, as EC2 has it."""

    instance_id: str | None
    """The instance that it is attached to."""
    device_index: int | None
    """As which of the instance's interfaces: eth0 is 0."""
    subnet_id: str
    is_source_dest_check_on: bool

    def why_not_eth0_of(self, node: Node) -> Message:
        """Why it is not the eth0 of that node. A sentence without its full stop; empty if it is."""
        facts: dict[str, Param] = {"id": node.eth0_interface_id, "node": node.name, "instance": node.instance_id}
        if self.instance_id is None:
            return Message("eth0.detached", **facts)
        if self.instance_id != node.instance_id:
            return Message("eth0.attached-elsewhere", **facts, other=self.instance_id)
        if self.device_index != 0:
            return Message("eth0.other-number", **facts, number=str(self.device_index))
        if self.subnet_id != node.eth0_subnet_id:
            return Message("eth0.other-subnet", **facts, subnet=node.eth0_subnet_id, other=self.subnet_id)
        return NOTHING


@translate_errors
def read_interface(node: Node) -> Interface:
    """Raises Failed if there is no such interface, CloudUnavailable if EC2 does not show it yet."""
    answer = client("ec2").describe_network_interfaces(NetworkInterfaceIds=[node.eth0_interface_id])
    if not answer["NetworkInterfaces"]:
        raise CloudUnavailable(
            Message("error.interface-not-shown", eth0_interface_id=node.eth0_interface_id, node=node.name)
        )
    interface = answer["NetworkInterfaces"][0]
    return Interface(
        instance_id=interface.get("Attachment", {}).get("InstanceId"),
        device_index=interface.get("Attachment", {}).get("DeviceIndex"),
        subnet_id=interface["SubnetId"],
        is_source_dest_check_on=interface["SourceDestCheck"],
    )


_NOT_OURS = ("EnableVgwRoutePropagation", "Advertisement")
"""How a route came to be that no call of ours can replace (EC2 API Reference, "Route")."""


def _entry(table: dict[str, object], cidr: str) -> RouteEntry:
    routes = table.get("Routes", [])
    assert isinstance(routes, list)
    ours = [route for route in routes if route.get("DestinationCidrBlock") == cidr]
    created = [route for route in ours if route.get("Origin") not in _NOT_OURS]
    route = created[0] if created else {}
    return RouteEntry(
        route_table_id=str(table["RouteTableId"]),
        interface_id=route.get("NetworkInterfaceId"),
        exists=bool(created),
        is_blackhole=route.get("State") == "blackhole",
        is_propagated=len(created) < len(ours),
    )


@translate_errors
def point_entries_to(node: Node, entries: list[RouteEntry], settings: Settings) -> None:
    """Points each of the entries to the node's eth0, all at once; an entry that a table lacks is made.

    EC2 limits changes by a bucket of tokens that it refills every second. Beyond what is in it, each thread tries its
    table again until there is a token for it; after THROTTLED_SECONDS it gives up and the workflow tries again what is
    left. Raises CloudUnavailable then. An entry that is there although it was not seen, or the other way round, is
    EC2 being late: whichever of the two calls it takes is made; NotYet if for so long it takes neither.
    """
    give_up_at = time.monotonic() + THROTTLED_SECONDS
    ec2 = client("ec2")

    def point_when_allowed(entry: RouteEntry) -> None:
        exists = entry.exists
        while True:
            try:
                return point(entry, exists=exists)
            except ClientError as error:
                code, is_late = error_code(error), time.monotonic() > give_up_at
                if code in _SEEN_TOO_LATE_CODES:
                    if is_late:
                        raise NotYet(
                            Message("error.routes-unsettled", route_table_id=entry.route_table_id, cause=str(error))
                        ) from error
                    exists = not exists
                elif code != "RequestLimitExceeded" or is_late:
                    raise
            time.sleep(0.25)

    def point(entry: RouteEntry, *, exists: bool) -> None:
        change = ec2.replace_route if exists else ec2.create_route
        change(
            RouteTableId=entry.route_table_id,
            DestinationCidrBlock=settings.virtual_ip_cidr,
            NetworkInterfaceId=node.eth0_interface_id,
        )

    with ThreadPoolExecutor(max_workers=CALL_THREADS) as pool:
        # Leaving the block waits for all of them: one table's trouble must not keep the others back.
        futures = [pool.submit(point_when_allowed, entry) for entry in entries]
    for future in futures:
        future.result()


@translate_errors
def switch_off_source_dest_check(node: Node) -> bool:
    """Lets the node's eth0 take packets for the virtual IP. True if the check had been on.

    Raises Refused, before anything is changed, if the configured interface is not the node's eth0.
    """
    interface = read_interface(node)
    why_not = interface.why_not_eth0_of(node)
    if why_not:
        raise Refused(Message("error.routes-would-be-wrong", why_not=why_not))
    if not interface.is_source_dest_check_on:
        return False
    take_any_packet(node)
    return True


@translate_errors
def take_any_packet(node: Node) -> None:
    """Switches the check off on the configured interface, whichever that is."""
    client("ec2").modify_network_interface_attribute(
        NetworkInterfaceId=node.eth0_interface_id, SourceDestCheck={"Value": False}
    )

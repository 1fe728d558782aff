"""Network interfaces with the addresses they were given, and routes to them that can become black holes.

Follows, in the EC2 API Reference: CreateNetworkInterface, DescribeNetworkInterfaces, ModifyNetworkInterfaceAttribute,
CreateRoute (RouteAlreadyExists), ReplaceRoute (InvalidRoute.NotFound), Route (state `blackhole`: the target isn't
available); and in the Amazon VPC User Guide: "Configure route tables".
The emulator gives interfaces random addresses, knows no route to an interface and no attribute changes.
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "InstanceId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "TransitGatewayId",
)
_ATTACHMENT_STATES_THAT_FORWARD = ("pending", "running", "stopping")


def install() -> None:
    actions = ec2._ACTION_MAP
    create_interface = actions["CreateNetworkInterface"]
    describe_tables = actions["DescribeRouteTables"]

    def create_network_interface(parameters: Parameters) -> Response:
        known = set(ec2._network_interfaces)
        response: Response = create_interface(parameters)
        (interface,) = [eni for key, eni in ec2._network_interfaces.items() if key not in known]
        if address := ec2._p(parameters, "PrivateIpAddress"):
            interface["PrivateIpAddress"] = address
        ec2._parse_tag_specs(parameters, "network-interface", interface["NetworkInterfaceId"])
        return _xml("CreateNetworkInterface", ec2._eni_fields_xml(interface, tag="networkInterface"), response)

    def describe_route_tables(parameters: Parameters) -> Response:
        ids = ec2._parse_member_list(parameters, "RouteTableId")
        for table_id in ids:
            if table_id not in ec2._route_tables:
                return _error("InvalidRouteTableID.NotFound", f"The routeTable ID '{table_id}' does not exist")
        for table in ec2._route_tables.values():
            for route in table["Routes"]:
                route["State"] = "active" if _is_target_available(route) else "blackhole"
        response: Response = describe_tables(parameters)
        return response

    actions["CreateNetworkInterface"] = create_network_interface
    actions["DescribeNetworkInterfaces"] = describe_network_interfaces
    actions["ModifyNetworkInterfaceAttribute"] = modify_network_interface_attribute
    actions["DescribeRouteTables"] = describe_route_tables
    actions["CreateRoute"] = create_route
    actions["ReplaceRoute"] = replace_route
    actions["DeleteRoute"] = delete_route


def describe_network_interfaces(parameters: Parameters) -> Response:
    ids = ec2._parse_member_list(parameters, "NetworkInterfaceId")
    for interface_id in ids:
        if interface_id not in ec2._network_interfaces:
            return _interface_not_found(interface_id)
    filters = ec2._parse_filters(parameters)
    shown = [
        interface
        for interface in ec2._network_interfaces.values()
        if (not ids or interface["NetworkInterfaceId"] in ids) and _matches(interface, filters)
    ]
    items = "".join(ec2._eni_fields_xml(interface) for interface in shown)
    return _xml("DescribeNetworkInterfaces", f"<networkInterfaceSet>{items}</networkInterfaceSet>")


def modify_network_interface_attribute(parameters: Parameters) -> Response:
    interface_id = ec2._p(parameters, "NetworkInterfaceId")
    interface = ec2._network_interfaces.get(interface_id)
    if interface is None:
        return _interface_not_found(interface_id)
    if check := ec2._p(parameters, "SourceDestCheck.Value"):
        interface["SourceDestCheck"] = check.lower() == "true"
        attachment = interface.get("Attachment") or {}
        # An instance's own attribute is its primary interface's.
        if attachment.get("DeviceIndex") == 0 and attachment["InstanceId"] in ec2._instances:
            ec2._instances[attachment["InstanceId"]]["SourceDestCheck"] = interface["SourceDestCheck"]
    if description := ec2._p(parameters, "Description.Value"):
        interface["Description"] = description
    if groups := ec2._parse_member_list(parameters, "SecurityGroupId"):
        interface["Groups"] = [
            {"GroupId": group, "GroupName": ec2._security_groups.get(group, {}).get("GroupName", group)}
            for group in groups
        ]
    return _xml("ModifyNetworkInterfaceAttribute", "<return>true</return>")


def create_route(parameters: Parameters) -> Response:
    found = _find_route(parameters)
    if isinstance(found, tuple):
        return found
    table, route = found["table"], found["route"]
    if route is not None:
        message = f"The route identified by {_destination(parameters)} already exists."
        return _error("RouteAlreadyExists", message)
    target = _target(parameters)
    if isinstance(target, tuple):
        return target
    destination = {"DestinationCidrBlock": _destination(parameters)}
    table["Routes"] = [*table["Routes"], {**destination, **target, "State": "active", "Origin": "CreateRoute"}]
    return _xml("CreateRoute", "<return>true</return>")


def replace_route(parameters: Parameters) -> Response:
    found = _find_route(parameters)
    if isinstance(found, tuple):
        return found
    table, route = found["table"], found["route"]
    if route is None:
        return _no_such_route(parameters)
    target = _target(parameters)
    if isinstance(target, tuple):
        return target
    kept = {key: value for key, value in route.items() if key not in _TARGETS}
    table["Routes"] = [{**kept, **target} if entry is route else entry for entry in table["Routes"]]
    return _xml("ReplaceRoute", "<return>true</return>")


def delete_route(parameters: Parameters) -> Response:
    found = _find_route(parameters)
    if isinstance(found, tuple):
        return found
    table, route = found["table"], found["route"]
    if route is None:
        return _no_such_route(parameters)
    table["Routes"] = [entry for entry in table["Routes"] if entry is not route]
    return _xml("DeleteRoute", "<return>true</return>")


def _find_route(parameters: Parameters) -> dict[str, Any] | Response:
    table_id = ec2._p(parameters, "RouteTableId")
    table = ec2._route_tables.get(table_id)
    if table is None:
        return _error("InvalidRouteTableID.NotFound", f"The routeTable ID '{table_id}' does not exist")
    destination = _destination(parameters)
    routes = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == destination]
    return {"table": table, "route": routes[0] if routes else None}


def _destination(parameters: Parameters) -> str:
    return str(ec2._p(parameters, "DestinationCidrBlock"))


def _target(parameters: Parameters) -> dict[str, str] | Response:
    target = {key: ec2._p(parameters, key) for key in _TARGETS if ec2._p(parameters, key)}
    interface_id = target.get("NetworkInterfaceId")
    if interface_id and interface_id not in ec2._network_interfaces:
        return _interface_not_found(interface_id)
    if not target:
        return _error("MissingParameter", "The request must contain exactly one route target.")
    return target


def _is_target_available(route: dict[str, Any]) -> bool:
    interface_id = route.get("NetworkInterfaceId")
    if interface_id is None:
        return True
    attachment = (ec2._network_interfaces.get(interface_id) or {}).get("Attachment") or {}
    instance = ec2._instances.get(attachment.get("InstanceId"))
    return instance is not None and instance["State"]["Name"] in _ATTACHMENT_STATES_THAT_FORWARD


def _matches(interface: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    attachment = interface.get("Attachment") or {}
    values = {
        "network-interface-id": interface["NetworkInterfaceId"],
        "subnet-id": interface["SubnetId"],
        "vpc-id": interface["VpcId"],
        "private-ip-address": interface["PrivateIpAddress"],
        "addresses.private-ip-address": interface["PrivateIpAddress"],
        "attachment.instance-id": attachment.get("InstanceId"),
        "attachment.device-index": str(attachment.get("DeviceIndex", "")),
        "status": interface["Status"],
    }
    return all(values.get(name) in wanted for name, wanted in filters.items() if name in values)


def _interface_not_found(interface_id: str) -> Response:
    message = f"The networkInterface ID '{interface_id}' does not exist"
    return _error("InvalidNetworkInterfaceID.NotFound", message)


def _no_such_route(parameters: Parameters) -> Response:
    table_id = ec2._p(parameters, "RouteTableId")
    message = f"no route with destination-cidr-block {_destination(parameters)} in route table {table_id}"
    return _error("InvalidRoute.NotFound", message)


def _error(code: str, message: str) -> Response:
    response: Response = ec2._error(code, message, 400)
    return response


def _xml(action: str, inner: str, failed: Response | None = None) -> Response:
    if failed and failed[0] != 200:
        return failed
    response: Response = ec2._xml(200, f"{action}Response", inner)
    return response

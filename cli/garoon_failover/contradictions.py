"""Parameters that somebody gave, held against the account: a pure function."""

from __future__ import annotations

from collections.abc import Mapping

from garoon_failover.account import Account, Instance
from garoon_failover.discovery import DEFAULT_VIRTUAL_IP, carrying, eth, join


def contradictions(parameters: Mapping[str, str], account: Account) -> list[str]:
    """What the parameters say and the account, or another parameter, does not: sentences with both facts."""
    found = []
    if parameters.get("VpcId") not in (None, account.vpc_id):
        found.append(
            f"VpcId is {parameters['VpcId']}, but the route tables with the virtual IP are in {account.vpc_id}."
        )
    ip = parameters.get("VirtualIp", DEFAULT_VIRTUAL_IP)
    listed = [one.strip() for one in parameters.get("RouteTableIds", "").split(",") if one.strip()]
    carried = {table.id: table for table in carrying(account.tables, ip)}
    for table_id in listed:
        if table_id not in carried:
            found.append(f"RouteTableIds has {table_id}, but {ip}/32 is only in {join(carried) or 'none'}.")
    for table_id in carried:
        if listed and table_id not in listed:
            found.append(f"{carried[table_id].words} carries {ip}/32, but is not in RouteTableIds.")
    arn = parameters.get("TargetGroupArn")
    if arn is not None and arn not in [one.arn for one in account.target_groups]:
        there = join(one.arn for one in account.target_groups) or "none"
        found.append(f"TargetGroupArn is {arn}, and {account.vpc_id} has {there}.")
    for letter, other in (("A", "B"), ("B", "A")):
        found += _contradictions_of_node(letter, other, parameters, account)
    if parameters.get("NodeAName") is not None and parameters.get("NodeAName") == parameters.get("NodeBName"):
        found.append(f"NodeAName and NodeBName are both {parameters['NodeAName']}.")
    return found


def why_not_home(parameters: Mapping[str, str], account: Account) -> list[str]:
    """Why node A cannot be home of a stack that is not deployed yet: it begins with A active."""
    ip = parameters.get("VirtualIp", DEFAULT_VIRTUAL_IP)
    node_a = parameters.get("NodeAInstanceId")
    interfaces = {table.host_routes[ip]: table for table in carrying(account.tables, ip)}
    for interface_id, table in interfaces.items():
        interface = account.interface(interface_id)
        active = account.instance(interface.instance_id) if interface else None
        if active is not None and active.id != node_a:
            return [
                f"NodeAInstanceId is {node_a}, but {table.words} points {ip}/32 to {active.words}, which is active "
                "now: a stack begins with node A active."
            ]
    return []


def _contradictions_of_node(letter: str, other: str, parameters: Mapping[str, str], account: Account) -> list[str]:
    node = f"Node{letter}"
    instance_id = parameters.get(f"{node}InstanceId")
    if instance_id is None:
        return []
    instance = account.instance(instance_id)
    if instance is None:
        return [f"{node}InstanceId is {instance_id}, and {account.vpc_id} has no such instance."]
    if letter == "A" and instance_id == parameters.get(f"Node{other}InstanceId"):
        return [f"NodeAInstanceId and NodeBInstanceId are both {instance_id}."]
    found = _contradictions_of_interfaces(node, instance, parameters, account)
    for volume_id in filter(None, parameters.get(f"{node}DataVolumeId", "").split(",")):
        volume = account.volume(volume_id)
        what = f"{node}DataVolumeId is {volume_id}"
        own = join(one.id for one in account.data_volumes_of(instance)) or "none"
        if volume is None:
            found.append(f"{what}, and there is no such volume; the data volume of {instance.words} is {own}.")
        elif volume.instance_id != instance.id:
            attached = account.instance(volume.instance_id)
            where = attached.words if attached else volume.instance_id or "no instance"
            found.append(f"{what}, which is attached to {where}, and {node}InstanceId is {instance.words}.")
        elif volume not in account.data_volumes_of(instance):
            found.append(
                f"{what}, which is the root volume of {instance.words} ({volume.device}); its data volume is {own}."
            )
    return found


def _contradictions_of_interfaces(
    node: str, instance: Instance, parameters: Mapping[str, str], account: Account
) -> list[str]:
    found = []
    eths = {"Eth0": eth(account, instance, 0), "Eth1": eth(account, instance, 1)}
    eth0_id = parameters.get(f"{node}Eth0InterfaceId")
    eth0 = eths["Eth0"]
    if eth0_id is not None and (eth0 is None or eth0.id != eth0_id):
        given = account.interface(eth0_id)
        what = f"{node}Eth0InterfaceId is {eth0_id}"
        right = f"eth0 of {instance.words} is {eth0.id if eth0 else 'none'}"
        if given is None:
            found.append(f"{what}, and {account.vpc_id} has no such interface; {right}.")
        elif given.instance_id == instance.id:
            found.append(f"{what}, which is eth{given.device_index} of {instance.words}; {right}.")
        else:
            owner = account.instance(given.instance_id)
            found.append(f"{what}, which is attached to {owner.words if owner else given.instance_id}; {right}.")
    for device, interface in eths.items():
        for what, value in (
            ("Address", interface.address if interface else "none"),
            ("SubnetId", interface.subnet_id if interface else "none"),
        ):
            given_value = parameters.get(f"{node}{device}{what}")
            if given_value not in (None, value):
                whose = _whose(given_value, account)
                found.append(
                    f"{node}{device}{what} is {given_value}{whose}, "
                    f"but {device.lower()} of {instance.words} has {value}."
                )
    return found


def _whose(value: str | None, account: Account) -> str:
    """Which node's it is instead, if it is an instance's."""
    for interface in account.interfaces:
        owner = account.instance(interface.instance_id)
        if value in (interface.address, interface.subnet_id) and owner:
            return f", that of eth{interface.device_index} of {owner.words}"
    return ""

"""Whether TCP gets from one address to an interface: security groups and network ACLs, as AWS evaluates them.

Amazon VPC User Guide: "Security group rules" (what is not allowed is denied; answers are let through), "Network ACL
rules" (by number, the first that matches counts; answers need a rule of their own; not looked at within a subnet).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network

from failover.models import Value

from garoon_failover.account import Interface

EPHEMERAL_PORTS = (32768, 45000, 60999)
"""The ends and the middle of what Linux connects from (ip(7), ip_local_port_range)."""
_TCP = ("-1", "6", "tcp")


class GroupRule(Value):
    protocol: str
    first_port: int
    last_port: int
    cidrs: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    has_prefix_list: bool = False
    """It names addresses by a list that is not looked into."""

    def covers(self, port: int, address: str, group_ids: Iterable[str]) -> bool:
        is_port = self.protocol == "-1" or (self.protocol in _TCP and self.first_port <= port <= self.last_port)
        is_source = any(_is_in(address, cidr) for cidr in self.cidrs) or bool(set(self.group_ids) & set(group_ids))
        return is_port and is_source


class SecurityGroup(Value):
    id: str
    name: str
    inbound: tuple[GroupRule, ...]
    outbound: tuple[GroupRule, ...]


class AclEntry(Value):
    number: int
    is_egress: bool
    is_allow: bool
    protocol: str
    cidr: str
    first_port: int = 0
    last_port: int = 65535

    def covers(self, port: int, address: str) -> bool:
        is_port = self.protocol == "-1" or (self.protocol in _TCP and self.first_port <= port <= self.last_port)
        return is_port and _is_in(address, self.cidr)


class Network(Value):
    groups: dict[str, SecurityGroup]
    acls: dict[str, tuple[str, tuple[AclEntry, ...]]]
    """The network ACL's id and its entries, by the subnet's id."""

    def why_not(self, source: Interface, target: Interface, port: int) -> str:
        """What keeps TCP from getting from one interface to the other's port. Without full stop; empty if nothing."""
        for interface, peer, is_inbound in ((target, source, True), (source, target, False)):
            rules = self._rules(interface, is_inbound=is_inbound)
            if not any(rule.covers(port, peer.address, peer.group_ids) for rule in rules):
                way = f"in from {peer.address}" if is_inbound else f"out to {peer.address}"
                return f"no security group of {interface.id} ({_names(self.groups, interface)}) lets it {way}"
        if source.subnet_id == target.subnet_id:
            return ""
        for subnet_id, is_egress, address, ports in (
            (source.subnet_id, True, target.address, (port,)),
            (target.subnet_id, False, source.address, (port,)),
            (target.subnet_id, True, source.address, EPHEMERAL_PORTS),
            (source.subnet_id, False, target.address, EPHEMERAL_PORTS),
        ):
            acl_id, entries = self.acls.get(subnet_id, ("none", ()))
            for one in ports:
                if not _allows(entries, one, address, is_egress=is_egress):
                    way = f"out to {address}" if is_egress else f"in from {address}"
                    return f"the network ACL {acl_id} of {subnet_id} does not let TCP {one} {way}"
        return ""

    def is_seen(self, interface: Interface) -> bool:
        """All that its security groups allow is known."""
        rules = [rule for is_inbound in (True, False) for rule in self._rules(interface, is_inbound=is_inbound)]
        return set(interface.group_ids) <= set(self.groups) and not any(rule.has_prefix_list for rule in rules)

    def _rules(self, interface: Interface, *, is_inbound: bool) -> list[GroupRule]:
        groups = [self.groups[one] for one in interface.group_ids if one in self.groups]
        return [rule for group in groups for rule in (group.inbound if is_inbound else group.outbound)]


def _allows(entries: Iterable[AclEntry], port: int, address: str, *, is_egress: bool) -> bool:
    matching = [entry for entry in entries if entry.is_egress is is_egress and entry.covers(port, address)]
    return bool(matching) and min(matching, key=lambda entry: entry.number).is_allow


def _is_in(address: str, cidr: str) -> bool:
    return ip_address(address) in ip_network(cidr, strict=False)


def _names(groups: Mapping[str, SecurityGroup], interface: Interface) -> str:
    return ", ".join(groups[one].name if one in groups else one for one in interface.group_ids) or "none"

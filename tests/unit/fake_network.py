"""The network ACLs of the four subnets: a stand-in for the EC2 client, as failover.adapters.isolation uses it."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from failover.settings import Settings

OWN_ACL, OTHER_OWN_ACL = "acl-00a0", "acl-00a1"
"""What the eth0 subnets and the eth1 subnets have before anything happens."""


class FakeNetwork:
    """Two nodes, each with an interface in each of its two subnets."""

    def __init__(self, settings: Settings) -> None:
        self.acls = {
            subnet: acl
            for node in settings.nodes
            for subnet, acl in zip(node.subnet_ids, (OWN_ACL, OTHER_OWN_ACL), strict=True)
        }
        self.interfaces: list[tuple[str, str, str | None]] = [
            (f"eni-{subnet}", subnet, node.instance_id) for node in settings.nodes for subnet in node.subnet_ids
        ]
        self.shows_no_interfaces = False
        """The answer is well-formed and empty."""
        self.allowing = {OWN_ACL, OTHER_OWN_ACL}
        self.replaced: list[tuple[str, str]] = []
        self.fails_after: int | None = None
        """After so many replaced associations AWS throttles the next ones."""
        self.shown: dict[str, str] | None = None
        """What is read in place of the truth: EC2 is eventually consistent."""

    def get_paginator(self, action: str) -> "FakePaginator":
        pages = {"describe_network_acls": self._acls, "describe_network_interfaces": self._interfaces}
        return FakePaginator(pages[action])

    def replace_network_acl_association(self, AssociationId: str, NetworkAclId: str) -> None:  # noqa: N803
        if self.fails_after is not None and len(self.replaced) >= self.fails_after:
            raise ClientError(
                {"Error": {"Code": "RequestLimitExceeded", "Message": "slow down"}}, "ReplaceNetworkAclAssociation"
            )
        subnet = AssociationId.removeprefix("aclassoc-")
        self.acls[subnet] = NetworkAclId
        self.replaced.append((subnet, NetworkAclId))

    def _acls(self, filters: dict[str, list[str]]) -> dict[str, Any]:
        acls = self.acls | (self.shown or {})
        wanted = {acls[subnet] for subnet in filters["association.subnet-id"] if subnet in acls}
        return {
            "NetworkAcls": [
                {
                    "NetworkAclId": acl_id,
                    "Entries": [
                        *([{"RuleAction": "allow"}] if acl_id in self.allowing else []),
                        {"RuleAction": "deny"},
                    ],
                    "Associations": [
                        {"SubnetId": subnet, "NetworkAclAssociationId": f"aclassoc-{subnet}"}
                        for subnet, acl in acls.items()
                        if acl == acl_id
                    ],
                }
                for acl_id in sorted(wanted)
            ]
        }

    def _interfaces(self, filters: dict[str, list[str]]) -> dict[str, Any]:
        return {
            "NetworkInterfaces": [
                {"NetworkInterfaceId": interface, "SubnetId": subnet}
                | ({"Attachment": {"InstanceId": instance}} if instance else {})
                for interface, subnet, instance in (() if self.shows_no_interfaces else self.interfaces)
                if subnet in filters.get("subnet-id", [subnet])
                and instance in filters.get("attachment.instance-id", [instance])
            ]
        }


class FakePaginator:
    """One page."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def paginate(self, Filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:  # noqa: N803
        yield self._page({each["Name"]: each["Values"] for each in Filters})

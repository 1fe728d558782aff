"""The network ACLs of a node's two subnets: cutting the node off, seeing that it is, and putting back what was.

A network ACL keeps no state, so one that denies everything also ends the flows that a security group would go on
letting through (Amazon EC2 User Guide, "Security group connection tracking"). It is looked at where traffic enters and
leaves a subnet, not within it (Amazon VPC User Guide, "Network ACL basics"): so each of the two subnets may hold
nothing but the node's own interface, and the node none in another subnet.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from failover.adapters.clients import client, error_code, translate_errors
from failover.errors import Failed, NotYet
from failover.messages import Message
from failover.models import Value
from failover.proof import NotProven, Proof, Proven
from failover.settings import Node, Settings

_LATE_SECONDS = 10.0
"""How long an association that EC2 shows and does not know any more is read again before the workflow tries anew."""


class SubnetAcl(Value):
    """Which network ACL a subnet has now."""

    subnet_id: str
    acl_id: str
    association_id: str
    does_allow: bool
    """It has an entry that lets something through."""


@translate_errors
def read_acls(node: Node) -> list[SubnetAcl]:
    """The network ACLs of the node's subnets, eth0's first. Raises Failed if a subnet does not exist."""
    found = _find_acls(node.subnet_ids)
    missing = [subnet_id for subnet_id in node.subnet_ids if subnet_id not in found]
    if missing:
        raise Failed(Message("error.no-such-subnets", node=node.name, names=list(missing)))
    return [found[subnet_id] for subnet_id in node.subnet_ids]


def _find_acls(subnet_ids: Sequence[str]) -> dict[str, SubnetAcl]:
    """By the subnet's id; those that EC2 does not know are left out."""
    return {
        association["SubnetId"]: SubnetAcl(
            subnet_id=association["SubnetId"],
            acl_id=acl["NetworkAclId"],
            association_id=association["NetworkAclAssociationId"],
            does_allow=_does_allow(acl),
        )
        for page in client("ec2")
        .get_paginator("describe_network_acls")
        .paginate(Filters=[{"Name": "association.subnet-id", "Values": list(subnet_ids)}])
        for acl in page["NetworkAcls"]
        for association in acl["Associations"]
    }


def isolated(acls: Iterable[SubnetAcl], settings: Settings) -> list[SubnetAcl]:
    """Those that have the stack's network ACL, which denies everything."""
    return [acl for acl in acls if acl.acl_id == settings.isolation_acl_id]


def prove_isolated(node: Node, settings: Settings) -> Proof:
    """Whether all of the node's subnets have the stack's network ACL, and it denies everything.

    Raises as `read_acls` does.
    """
    for acl in read_acls(node):
        if acl.acl_id != settings.isolation_acl_id:
            return NotProven(why=Message("proof.other-acl", subnet_id=acl.subnet_id, node=node.name, acl_id=acl.acl_id))
        if acl.does_allow:
            return _opened(acl.acl_id)
    return Proven(how=Message("proof.subnets-isolated", node=node.name))


def _opened(acl_id: str) -> NotProven:
    return NotProven(why=Message("proof.acl-open", acl_id=acl_id))


@translate_errors
def prove_alone(node: Node) -> Proof:
    """Whether network ACLs on its subnets would cut off the node, and it alone.

    An answer that leaves the node's own interfaces out is no proof that there are no others.
    """
    interfaces = client("ec2").get_paginator("describe_network_interfaces")
    for filter_ in (
        {"Name": "subnet-id", "Values": list(node.subnet_ids)},
        {"Name": "attachment.instance-id", "Values": [node.instance_id]},
    ):
        missing = set(node.subnet_ids)
        for page in interfaces.paginate(Filters=[filter_]):
            for interface in page["NetworkInterfaces"]:
                name, subnet_id = interface["NetworkInterfaceId"], interface["SubnetId"]
                if interface.get("Attachment", {}).get("InstanceId") != node.instance_id:
                    return NotProven(
                        why=Message("proof.foreign-interface", subnet_id=subnet_id, name=name, node=node.name)
                    )
                if subnet_id not in node.subnet_ids:
                    return NotProven(
                        why=Message("proof.interface-outside", node=node.name, name=name, subnet_id=subnet_id)
                    )
                if name == node.eth0_interface_id and subnet_id != node.eth0_subnet_id:
                    return NotProven(
                        why=Message(
                            "proof.eth0-elsewhere",
                            node=node.name,
                            subnet_id=subnet_id,
                            eth0_subnet_id=node.eth0_subnet_id,
                        )
                    )
                missing.discard(subnet_id)
        if missing:
            return NotProven(why=Message("proof.no-interface", node=node.name, subnet_id=min(missing)))
    return Proven(how=Message("proof.alone", node=node.name))


@translate_errors
def prove_acl_denies(settings: Settings) -> Proof:
    """Whether the stack's network ACL would cut a node off.

    While it is on no subnet it looks like one that is left over, and is easily deleted.
    """
    acl_id = settings.isolation_acl_id
    try:
        [acl] = client("ec2").describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"]
    except ClientError as error:
        if error_code(error) == "InvalidNetworkAclID.NotFound":
            return NotProven(why=Message("proof.acl-gone", acl_id=acl_id))
        raise
    return _opened(acl_id) if _does_allow(acl) else Proven(how=Message("proof.acl-denies", acl_id=acl_id))


def _does_allow(acl: Any) -> bool:
    return any(entry["RuleAction"] != "deny" for entry in acl["Entries"])


@translate_errors
def isolate(acls: Iterable[SubnetAcl], settings: Settings) -> None:
    """Gives each subnet, one after the other, the network ACL that denies everything.

    In the order of `read_acls`: clients and the path to CloudWatch go before the replication link. The other way round
    the standby would see an active node that serves without it, and the node's last word would be that replication is
    lost; either forbids the promotion.
    """
    for acl in acls:
        if acl.acl_id != settings.isolation_acl_id:
            _replace(acl, settings.isolation_acl_id)


@translate_errors
def restore(acls: Iterable[SubnetAcl], recorded: Mapping[str, str], settings: Settings) -> None:
    """Gives each isolated subnet the network ACL that the record says it had; leaves the others alone.

    Raises Failed, before anything is changed, for an isolated subnet of which nothing is recorded.
    """
    to_restore = isolated(acls, settings)
    unknown = [acl.subnet_id for acl in to_restore if acl.subnet_id not in recorded]
    if unknown:
        raise Failed(Message("error.acl-not-recorded", pair=list(unknown)))
    for acl in to_restore:
        _replace(acl, recorded[acl.subnet_id])


def _replace(acl: SubnetAcl, acl_id: str) -> None:
    """Each change gives the association a new id, which EC2 may show late: it is read again until the two agree."""
    give_up_at = time.monotonic() + _LATE_SECONDS
    while acl.acl_id != acl_id:
        try:
            client("ec2").replace_network_acl_association(AssociationId=acl.association_id, NetworkAclId=acl_id)
        except ClientError as error:
            if error_code(error) != "InvalidAssociationID.NotFound":
                raise
            if time.monotonic() >= give_up_at:
                raise NotYet(Message("error.acl-unsettled", subnet_id=acl.subnet_id, cause=str(error))) from error
            time.sleep(1.0)
            acl = _find_acls([acl.subnet_id]).get(acl.subnet_id, acl)
        else:
            return

"""What proves, at this moment, that a node is cut off from everybody."""

from failover.adapters import isolation, nodes
from failover.settings import Node, Settings


def why_not_cut_off(node: Node, settings: Settings) -> str:
    """Why it is not proven that nobody reaches the node now. A sentence without its full stop; empty if it is proven.

    Two sources must agree: AWS, that both its subnets have the network ACL that denies everything and hold nothing
    else; and its peer, that it sees the node on neither path and neither service.
    Raises CloudUnavailable or Failed if one of them could not be asked.
    """
    acls = isolation.read_acls(node)
    for acl in acls:
        if acl.acl_id != settings.isolation_acl_id:
            return f"the subnet {acl.subnet_id} of {node.name} has the network ACL {acl.acl_id}"
        if acl.does_allow:
            return f"the stack's network ACL {acl.acl_id} has an entry that lets something through"
    why_not_alone = isolation.why_not_alone(node)
    if why_not_alone:
        return why_not_alone
    peer = settings.peer_of(node.name)
    result = nodes.run_verb(peer, "probe", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.probe is None:
        return f"{peer.name} did not say what it sees of {node.name}"
    if result.probe.sees_anything:
        return f"{peer.name} still sees {node.name} on the network"
    return ""

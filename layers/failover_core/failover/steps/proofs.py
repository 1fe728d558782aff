"""What proves, at this moment, that a node is off, or cut off from everybody."""

from failover.adapters import instances, isolation, nodes
from failover.models import ClusterRecord, InstanceState
from failover.settings import Node, Settings


def why_not_off(node: Node, record: ClusterRecord, settings: Settings) -> str:
    """Why it is not proven that the node's instance is off. A sentence without its full stop; empty if it is proven.

    EC2 says `stopped` or `terminated`. Or EC2 has forgotten the instance, it is on record that this very id was off or
    gone, and neither Systems Manager nor the peer reaches anything there: an id that is merely unknown proves nothing.
    Raises CloudUnavailable or Failed if one of them could not be asked.
    """
    state = instances.read_instance(node)[0]
    if state.is_off:
        return ""
    if state is not InstanceState.FORGOTTEN:
        return f"EC2 does not say that {node.instance_id} is stopped"
    if not record.was_proven_off(node.instance_id):
        return (
            f"EC2 does not know {node.instance_id}, which alone is no proof: if {node.name} is gone for good, start "
            f'the failover workflow with {{"peerIsGone": "{node.instance_id}"}}'
        )
    if nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds) is not None:
        return f"EC2 does not know {node.instance_id}, but it answers"
    return _why_seen(node, settings)


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
    return _why_seen(node, settings)


def _why_seen(node: Node, settings: Settings) -> str:
    peer = settings.peer_of(node.name)
    result = nodes.run_verb(peer, "probe", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.probe is None:
        return f"{peer.name} did not say what it sees of {node.name}"
    if result.probe.sees_anything:
        return f"{peer.name} still sees {node.name} on the network"
    return ""

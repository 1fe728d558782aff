"""What proves, at this moment, that a node is off, or cut off from everybody."""

from failover.adapters import instances, isolation, nodes
from failover.models import ClusterRecord, InstanceState
from failover.proof import NotProven, Proof, Proven
from failover.settings import Node, Settings


def prove_off(node: Node, record: ClusterRecord, settings: Settings) -> Proof:
    """Whether the node's instance is off.

    EC2 says `stopped` or `terminated`. Or EC2 has forgotten the instance, it is on record that this very id was off or
    gone, and neither Systems Manager nor the peer reaches anything there: an id that is merely unknown proves nothing.
    Raises CloudUnavailable or Failed if one of them could not be asked.
    """
    state = instances.read_instance(node)[0]
    if state.is_off:
        word = "terminated" if state is InstanceState.GONE else "stopped"
        return Proven(how=f"EC2 says that the instance {node.instance_id} of {node.name} is {word}")
    if state is not InstanceState.FORGOTTEN:
        return NotProven(why=f"EC2 does not say that {node.instance_id} is stopped")
    if not record.was_proven_off(node.instance_id):
        return NotProven(
            why=f"EC2 does not know {node.instance_id}, which alone is no proof: if {node.name} is gone for good, "
            f'start the failover workflow with {{"peerIsGone": "{node.instance_id}"}}'
        )
    if nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds) is not None:
        return NotProven(why=f"EC2 does not know {node.instance_id}, but it answers")
    unseen = _prove_unseen(node, settings)
    if isinstance(unseen, NotProven):
        return unseen
    return Proven(how=f"the instance {node.instance_id}, which EC2 does not know any more, was off, and {unseen.how}")


def prove_cut_off(node: Node, settings: Settings) -> Proof:
    """Whether nobody reaches the node now.

    Two sources must agree: AWS, that both its subnets have the network ACL that denies everything and hold nothing
    else; and its peer, that it sees the node on neither path and neither service.
    Raises CloudUnavailable or Failed if one of them could not be asked.
    """
    for proof in (isolation.prove_isolated(node, settings), isolation.prove_alone(node)):
        if isinstance(proof, NotProven):
            return proof
    unseen = _prove_unseen(node, settings)
    if isinstance(unseen, NotProven):
        return unseen
    return Proven(how=f"{node.name} is isolated, and {unseen.how}")


def _prove_unseen(node: Node, settings: Settings) -> Proof:
    peer = settings.peer_of(node.name)
    result = nodes.run_verb(peer, "probe", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.probe is None:
        return NotProven(why=f"{peer.name} did not say what it sees of {node.name}")
    if result.probe.sees_anything is None:
        return NotProven(why=f"{peer.name} could not see whether {node.name} is still on the network")
    if result.probe.sees_anything:
        return NotProven(why=f"{peer.name} still sees {node.name} on the network")
    return Proven(how=f"{peer.name} sees nothing of it")

"""What proves, at this moment, that a node is off, or shut off from everybody."""

from failover.adapters import instances, isolation, nodes
from failover.messages import Message
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
        return Proven(how=Message("proof.off", instance_id=node.instance_id, node=node.name, state=state.words))
    if state is not InstanceState.FORGOTTEN:
        return NotProven(why=Message("proof.not-off", instance_id=node.instance_id))
    if not record.was_proven_off(node.instance_id):
        return NotProven(why=Message("proof.not-known", instance_id=node.instance_id, node=node.name))
    if nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds) is not None:
        return NotProven(why=Message("proof.not-known-answers", instance_id=node.instance_id))
    unseen = _prove_unseen(node, settings)
    if isinstance(unseen, NotProven):
        return unseen
    return Proven(how=Message("proof.was-off", instance_id=node.instance_id, how=unseen.how))


def prove_shut(node: Node, settings: Settings) -> Proof:
    """AWS's half of the proof that the node is cut off: both its subnets have the network ACL that denies everything,
    and hold nothing else.

    The other half is its peer's: it sees the node on neither path and neither service. The peer looks itself when it is
    ordered to promote (`nodes.Promotion.peer_proof`), which is later than any look that is asked for before.
    Raises CloudUnavailable or Failed if AWS could not be asked.
    """
    for proof in (isolation.prove_isolated(node, settings), isolation.prove_alone(node)):
        if isinstance(proof, NotProven):
            return proof
    return Proven(how=Message("proof.shut", node=node.name))


def _prove_unseen(node: Node, settings: Settings) -> Proof:
    peer = settings.peer_of(node.name)
    result = nodes.run_verb(peer, "probe", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.probe is None:
        return NotProven(why=Message("proof.peer-did-not-say", peer=peer.name, node=node.name))
    if result.probe.sees_anything is None:
        return NotProven(why=Message("proof.peer-could-not-see", peer=peer.name, node=node.name))
    if result.probe.sees_anything:
        return NotProven(why=Message("proof.peer-still-sees", peer=peer.name, node=node.name))
    return Proven(how=Message("proof.unseen", peer=peer.name))

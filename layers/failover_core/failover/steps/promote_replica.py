"""Make a node's replica the writable one, once the other node is proven unable to write."""

from failover.adapters import cluster_table, instances
from failover.errors import Failed
from failover.models import InstanceState, Value
from failover.runtime import StepInput
from failover.settings import Settings
from failover.steps.verbs import obey


class PromoteReplicaInput(StepInput):
    node: str
    accept_data_loss: bool = False


class Promoted(Value):
    node: str
    epoch: int
    proof: str
    """Why the other node cannot write."""


def promote_replica(request: PromoteReplicaInput, settings: Settings) -> Promoted:
    """The node is primary with its volume mounted, and recorded as active.

    Believes no earlier step: the other node must be off now, or obey a demote of this move's epoch now (which also
    makes it refuse whatever an earlier execution may still have on the way to it). The move is written down before
    the node is asked, so that a crash in between is seen by the next execution.
    Raises NotYet, Refused or Failed as `obey` does, and LockLost.
    """
    target = settings.node(request.node)
    epoch = cluster_table.begin_move(settings, request.execution, target.name)
    proof = _prove_peer_inactive(target.name, epoch, settings)
    status = obey(target, "promote", settings, epoch=epoch, accept_data_loss=request.accept_data_loss)
    if status.replication.role != "Primary" or not status.is_mounted:
        raise Failed(
            f"{target.name} said that it is promoted, but its replica is {status.replication.role} and its volume is "
            f"{'mounted' if status.is_mounted else 'not mounted'}."
        )
    cluster_table.complete_move(settings, request.execution, target.name, epoch)
    return Promoted(node=target.name, epoch=epoch, proof=proof)


def _prove_peer_inactive(target: str, epoch: int, settings: Settings) -> str:
    peer = settings.peer_of(target)
    if instances.read_instance(peer)[0] is InstanceState.OFF:
        return f"the instance of {peer.name} is stopped"
    if not obey(peer, "demote", settings, epoch=epoch).is_demoted:
        raise Failed(f"{peer.name} is neither stopped nor demoted, so {target} is not promoted.")
    return f"{peer.name} is demoted"

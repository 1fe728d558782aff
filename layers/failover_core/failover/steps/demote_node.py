"""Take a node that answers out of service, and have its own word that it is."""

from failover.adapters import cluster_table, instances
from failover.errors import Failed, StateUnknown
from failover.messages import Message
from failover.models import Value
from failover.runtime import StepInput
from failover.settings import Settings
from failover.steps.verbs import obey


class DemoteNodeInput(StepInput):
    node: str


class Demoted(Value):
    node: str
    epoch: int
    """The move's. The node obeys none that is lower, from now on: what is final stays known."""
    is_off: bool = False
    """It was off, so it could not be told."""


def demote_node(request: DemoteNodeInput, settings: Settings) -> Demoted:
    """The node is demoted: secondary, not mounted, and deaf to commands of earlier epochs. A node that is
    off counts as demoted.

    Raises NotYet, StateUnknown, Refused or Failed as `obey` does, and LockLost.
    """
    node = settings.node(request.node)
    peer = settings.peer_of(node.name)
    epoch = cluster_table.begin_move(settings, request.execution, peer.name)
    if instances.read_instance(node)[0].is_off:
        return Demoted(node=node.name, epoch=epoch, is_off=True)
    status = obey(node, "demote", settings, execution=request.execution, epoch=epoch)
    if not status.is_demoted:
        if not status.is_role_seen:
            raise StateUnknown(Message("error.demoted-but-unseen", node=node.name, unseen_parts=status.unseen_parts()))
        raise Failed(
            Message("error.demoted-but-mounted", node=node.name, role=Message(f"role.{status.replication.role}"))
        )
    return Demoted(node=node.name, epoch=epoch)

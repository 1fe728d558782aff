"""Make a node's replica the writable one, once the other node is proven unable to write."""

import time
from datetime import UTC, datetime

from failover.adapters import alarms, cluster_table, isolation, nodes
from failover.errors import Failed, NotYet, Refused, StateUnknown
from failover.messages import Message
from failover.models import ClusterRecord, NodeStatus, Value
from failover.proof import NotProven, Proven
from failover.runtime import StepInput
from failover.settings import Node, Settings
from failover.steps.proofs import prove_cut_off, prove_off
from failover.steps.verbs import obey, wait_left

_LATE_SECONDS = 30.0
"""How long one run of the step waits for EC2 to show the fence that this execution has proven."""
_PAUSE_SECONDS = 1.0


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

    Believes no earlier step: the other node must be off now, or cut off now, or obey a demote of this move's epoch now
    (which also makes it refuse whatever an earlier execution may still have on the way to it). And since it was
    assessed it may have come back and written without its standby: so its last word on replication is looked at once
    more. The move is written down before the node is asked, so that a crash in between is seen by the next execution.
    Raises NotYet, StateUnknown, Refused or Failed as `obey` does, and LockLost.
    """
    begun_at = time.monotonic()
    target = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    active = record.active
    epoch = cluster_table.begin_move(settings, request.execution, target.name)
    proof, peer_status = _prove_peer_inactive(target.name, epoch, record, request.execution, settings, begun_at)
    if target.name != active and not request.accept_data_loss:
        _require_nothing_missed(target, peer_status, settings)
    status = obey(
        target, "promote", settings, execution=request.execution, epoch=epoch,
        accept_data_loss=request.accept_data_loss, timeout_seconds=wait_left(begun_at),
    )  # fmt: skip
    if not status.is_role_seen:
        raise StateUnknown(Message("error.promoted-but-unseen", target=target.name, unseen_parts=status.unseen_parts()))
    if status.replication.role != "primary" or not status.is_mounted:
        raise Failed(
            Message(
                "error.promoted-but",
                target=target.name,
                role=Message(f"role.{status.replication.role}"),
                mount=Message("mount.is-mounted" if status.is_mounted else "mount.is-not-mounted"),
            )
        )
    cluster_table.complete_move(settings, request.execution, target.name, epoch)
    return Promoted(node=target.name, epoch=epoch, proof=proof.how)


def _prove_peer_inactive(
    target: str, epoch: int, record: ClusterRecord, execution: str, settings: Settings, begun_at: float
) -> tuple[Proven, NodeStatus | None]:
    """Why the other node cannot write, and what it says of itself if it answers. Without a proof it raises."""
    peer = settings.peer_of(target)
    was_fenced = record.fence is not None and (record.fence.node, record.fence.execution) == (peer.name, execution)
    while True:
        off = prove_off(peer, record, settings)
        if isinstance(off, Proven):
            return off, None
        if isolation.isolated(isolation.read_acls(peer), settings):
            # Nobody can ask it for a demote.
            cut_off = prove_cut_off(peer, settings)
            if isinstance(cut_off, NotProven):
                raise NotYet(Message("error.not-cut-off-yet", peer=peer.name, why=cut_off.why))
            return cut_off, None
        # What this execution has proven a moment ago, EC2 may not show again yet: it reads what is some time old.
        if not was_fenced or time.monotonic() - begun_at >= _LATE_SECONDS:
            break
        time.sleep(_PAUSE_SECONDS)
    status = obey(peer, "demote", settings, execution=execution, epoch=epoch, timeout_seconds=wait_left(begun_at))
    if not status.is_role_seen:
        raise StateUnknown(Message("error.peer-demoted-but-unseen", peer=peer.name, unseen_parts=status.unseen_parts()))
    if not status.is_demoted:
        raise Failed(Message("error.peer-not-harmless", peer=peer.name, target=target))
    return Proven(how=Message("proof.demoted", peer=peer.name)), status


def _require_nothing_missed(target: Node, peer_status: NodeStatus | None, settings: Settings) -> None:
    """The active node was replicating to its end, by its own word. Or the target is primary already. Raises Refused."""
    active = settings.peer_of(target.name)
    if peer_status is not None and peer_status.replication.is_connected:
        return
    if peer_status is not None and peer_status.is_unreplicated:
        raise Refused(Message("error.out-of-touch-when-demoted", active=active.name, target=target.name))
    if alarms.was_replicating_to_its_end(active, settings, datetime.now(UTC)):
        return
    result = nodes.run_verb(target, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.status is None or not result.status.is_role_seen:
        raise NotYet(Message("error.replication-ended-unknown", active=active.name, target=target.name))
    if result.status.replication.role != "primary":
        raise Refused(Message("error.replication-ended", active=active.name, target=target.name))

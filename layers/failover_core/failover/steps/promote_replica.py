"""Make a node's replica the writable one, once the other node is proven unable to write."""

import time
from datetime import UTC, datetime

from failover.adapters import alarms, cluster_table, isolation, nodes
from failover.errors import Failed, NotFenced, NotYet, Refused, StateUnknown
from failover.messages import Message
from failover.models import ClusterRecord, NodeStatus, Value
from failover.proof import NotProven, Proven
from failover.runtime import StepInput
from failover.settings import Node, Settings
from failover.steps.demote_node import Demoted
from failover.steps.proofs import prove_off, prove_shut
from failover.steps.verbs import PeerNotProvenError, obey, wait_left

_LATE_SECONDS = 30.0
"""How long one run of the step waits for EC2 to show the fence that this execution has proven."""
_PAUSE_SECONDS = 1.0


class PromoteReplicaInput(StepInput):
    node: str
    accept_data_loss: bool = False
    demoted: Demoted | None = None
    """What DemoteNode said, if it was done before."""


class Promoted(Value):
    node: str
    epoch: int
    proof: str
    """Why the other node cannot write."""


class _Inactive(Value):
    """The other node cannot write."""

    how: Message
    peer_proof: nodes.PeerProof = "none"
    """What the target must find of it besides, right before it takes the role: without that it is no proof."""
    status: NodeStatus | None = None
    """What the other node said of itself, if it was asked."""


def promote_replica(request: PromoteReplicaInput, settings: Settings) -> Promoted:
    """The node is primary with its volume mounted, and recorded as active; what users reach is begun on it.

    Believes no earlier step: the other node must be off now; or cut off, by AWS and by the target's own look when it
    takes the role; or have obeyed a demote of this move's epoch, which makes it refuse whatever an earlier execution
    may still have on the way to it, and be demoted now, by its own word or as the target finds it on the replication
    link. And since it was assessed it may have come back and written without its standby: so its last word on
    replication is looked at once more. The move is written down before the node is asked, so that a crash in between is
    seen by the next execution.
    Raises NotFenced while that proof is lacking, NotYet, StateUnknown, Refused or Failed as `obey` does, and LockLost.
    """
    begun_at = time.monotonic()
    target = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    epoch = cluster_table.begin_move(settings, request.execution, target.name)
    proof, status, is_by_its_word = _order(request, target, record, epoch, settings, begun_at)
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
    # Only since the target has looked was that word the last one, whatever AWS's half says.
    if is_by_its_word and proof.peer_proof == "unseen":
        _require_word_still_good(target, settings)
    cluster_table.complete_move(settings, request.execution, target.name, epoch)
    return Promoted(node=target.name, epoch=epoch, proof=proof.how)


def _order(
    request: PromoteReplicaInput, target: Node, record: ClusterRecord, epoch: int, settings: Settings, begun_at: float
) -> tuple[_Inactive, NodeStatus, bool]:
    """Why the other node could not write, what the target says after the promotion, and whether the active node's last
    word stands for it that nothing was missed."""
    peer = settings.peer_of(target.name)
    inactive = _demoted_before(request.demoted, peer, target, epoch)
    while True:
        proof = inactive or _prove_peer_inactive(target.name, epoch, record, request.execution, settings, begun_at)
        is_by_its_word = False
        if target.name != record.active and not request.accept_data_loss:
            is_by_its_word = _require_nothing_missed(target, proof, settings)
        try:
            status = obey(
                target, "promote", settings, execution=request.execution, epoch=epoch,
                promotion=nodes.Promotion(request.accept_data_loss, proof.peer_proof, and_start=True),
                timeout_seconds=wait_left(begun_at),
            )  # fmt: skip
        except PeerNotProvenError as error:
            if inactive is None and time.monotonic() - begun_at >= _LATE_SECONDS:
                raise NotFenced(Message("error.not-promoted-yet", target=target.name, words=error.words)) from error
        else:
            return proof, status, is_by_its_word
        if inactive is None:
            time.sleep(_PAUSE_SECONDS)
        inactive = None


def _demoted_before(demoted: Demoted | None, peer: Node, target: Node, epoch: int) -> _Inactive | None:
    """It obeyed this very move, so nothing older can promote it any more; that nothing else did, the target finds."""
    if demoted is None or demoted.is_off or (demoted.node, demoted.epoch) != (peer.name, epoch):
        return None
    return _Inactive(how=Message("proof.secondary", peer=peer.name, target=target.name), peer_proof="secondary")


def _prove_peer_inactive(
    target: str, epoch: int, record: ClusterRecord, execution: str, settings: Settings, begun_at: float
) -> _Inactive:
    """Why the other node cannot write. Without a proof it raises."""
    peer = settings.peer_of(target)
    was_fenced = record.fence is not None and (record.fence.node, record.fence.execution) == (peer.name, execution)
    while True:
        off = prove_off(peer, record, settings)
        if isinstance(off, Proven):
            return _Inactive(how=off.how)
        if isolation.isolated(isolation.read_acls(peer), settings):
            # Nobody can ask it for a demote.
            shut = prove_shut(peer, settings)
            if isinstance(shut, NotProven):
                raise NotFenced(Message("error.not-cut-off-yet", peer=peer.name, why=shut.why))
            unseen = Message("proof.unseen", peer=target)
            return _Inactive(how=Message("proof.isolated", node=peer.name, how=unseen), peer_proof="unseen")
        # What this execution has proven a moment ago, EC2 may not show again yet: it reads what is some time old.
        if not was_fenced or time.monotonic() - begun_at >= _LATE_SECONDS:
            break
        time.sleep(_PAUSE_SECONDS)
    status = obey(peer, "demote", settings, execution=execution, epoch=epoch, timeout_seconds=wait_left(begun_at))
    if not status.is_role_seen:
        raise StateUnknown(Message("error.peer-demoted-but-unseen", peer=peer.name, unseen_parts=status.unseen_parts()))
    if not status.is_demoted:
        raise Failed(Message("error.peer-not-harmless", peer=peer.name, target=target))
    return _Inactive(how=Message("proof.demoted", peer=peer.name), status=status)


def _require_nothing_missed(target: Node, proof: _Inactive, settings: Settings) -> bool:
    """The active node was replicating to its end, by its own last word (True), or as it was demoted; or the target is
    primary already. Raises Refused."""
    active, peer_status = settings.peer_of(target.name), proof.status
    if proof.peer_proof == "secondary" or (peer_status is not None and peer_status.replication.is_connected):
        return False
    if peer_status is not None and peer_status.is_unreplicated:
        raise Refused(Message("error.out-of-touch-when-demoted", active=active.name, target=target.name))
    if alarms.was_replicating_to_its_end(active, settings, datetime.now(UTC)):
        return True
    result = nodes.run_verb(target, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.status is None or not result.status.is_role_seen:
        raise NotYet(Message("error.replication-ended-unknown", active=active.name, target=target.name))
    if result.status.replication.role != "primary":
        raise Refused(Message("error.replication-ended", active=active.name, target=target.name))
    return False


def _require_word_still_good(target: Node, settings: Settings) -> None:
    active = settings.peer_of(target.name)
    if alarms.was_replicating_to_its_end(active, settings, datetime.now(UTC)) is False:
        raise Refused(Message("error.replication-ended", active=active.name, target=target.name))

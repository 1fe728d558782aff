"""Keep what a returning node holds, before it may be overwritten: an EBS snapshot of its data volume."""

from functools import partial
from typing import assert_never

from failover.adapters import cluster_table, snapshots
from failover.errors import Failed, NotYet, Refused
from failover.messages import Message
from failover.models import Value
from failover.rehearsal import try_orders
from failover.runtime import StepInput
from failover.settings import Settings


class KeepDataInput(StepInput):
    node: str


class DataKept(Value):
    node: str
    snapshot_id: str


def keep_data(request: KeepDataInput, settings: Settings) -> DataKept:
    """A completed snapshot of the node's data volume, taken once for each execution.

    Refuses (Failed) the active node. Raises Refused, before anything is taken, if the configured volume is not the one
    that is attached to this node; NotYet until the snapshot is complete; LockLost.
    """
    node = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    if node.name == record.active:
        raise Failed(Message("error.active-not-overwritten", node=node.name))
    kept = record.kept_data
    if kept is None or (kept.node, kept.execution) != (node.name, request.execution):
        why_not = snapshots.read_data_volume(node).why_not_of(node)
        if why_not:
            raise Refused(Message("error.wrong-volume", why_not=why_not, node=node.name))
        reason = f"What {node.name} held before it follows {record.active} ({request.execution})"
        snapshot_id = snapshots.take_snapshot(node, settings, request.execution, reason)
        cluster_table.record_kept_data(settings, request.execution, node.name, snapshot_id)
    else:
        snapshot_id = kept.snapshot_id
    state, progress = snapshots.read_snapshot(snapshot_id)
    match state:
        case snapshots.SnapshotState.COMPLETED:
            return DataKept(node=node.name, snapshot_id=snapshot_id)
        case snapshots.SnapshotState.PENDING:
            raise NotYet(
                Message("error.snapshot-not-complete", snapshot_id=snapshot_id, node=node.name, progress=progress)
            )
        case snapshots.SnapshotState.ERROR:
            raise Failed(Message("error.snapshot-failed", snapshot_id=snapshot_id, node=node.name))
    assert_never(state)


def rehearse_keep_data(settings: Settings) -> list[str]:
    """Why AWS would not take what the step orders, of either node. Changes nothing."""
    return try_orders(
        [
            partial(cluster_table.read_record, settings),
            *(partial(snapshots.take_snapshot, node, settings, "rehearsal", "A rehearsal") for node in settings.nodes),
        ]
    )

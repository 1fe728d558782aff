"""Keep what a returning node holds, before it may be overwritten: an EBS snapshot of each of its data volumes."""

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
    """Of several volumes, those of all, separated by commas."""


def keep_data(request: KeepDataInput, settings: Settings) -> DataKept:
    """A completed snapshot of each of the node's data volumes, taken once for each execution.

    Refuses (Failed) the active node. Raises Refused, before anything is taken, if a configured volume is not attached
    to this node, or there are not as many as it has replicas; NotYet until the snapshots are complete; LockLost.
    """
    node = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    if node.name == record.active:
        raise Failed(Message("error.active-not-overwritten", node=node.name))
    kept = record.kept_data
    if kept is None or (kept.node, kept.execution) != (node.name, request.execution):
        why_not = snapshots.why_not_kept(node, snapshots.read_data_volumes(node), settings)
        if why_not:
            raise Refused(Message("error.wrong-volume", why_not=why_not, node=node.name))
        reason = f"What {node.name} held before it follows {record.active} ({request.execution})"
        snapshot_id = ",".join(snapshots.take_snapshots(node, settings, request.execution, reason))
        cluster_table.record_kept_data(settings, request.execution, node.name, snapshot_id)
    else:
        snapshot_id = kept.snapshot_id
    for one in snapshot_id.split(","):
        _require_complete(one, node.name)
    return DataKept(node=node.name, snapshot_id=snapshot_id)


def _require_complete(snapshot_id: str, node: str) -> None:
    state, progress = snapshots.read_snapshot(snapshot_id)
    match state:
        case snapshots.SnapshotState.COMPLETED:
            return
        case snapshots.SnapshotState.PENDING:
            raise NotYet(Message("error.snapshot-not-complete", snapshot_id=snapshot_id, node=node, progress=progress))
        case snapshots.SnapshotState.ERROR:
            raise Failed(Message("error.snapshot-failed", snapshot_id=snapshot_id, node=node))
    assert_never(state)


def rehearse_keep_data(settings: Settings) -> list[str]:
    """Why AWS would not take what the step orders, of either node. Changes nothing."""
    return try_orders(
        [
            partial(cluster_table.read_record, settings),
            *(partial(snapshots.take_snapshots, node, settings, "rehearsal", "A rehearsal") for node in settings.nodes),
        ]
    )

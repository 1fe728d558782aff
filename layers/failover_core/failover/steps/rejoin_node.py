"""Bring a node back as an up-to-date standby of the active one."""

import time

from aws_lambda_powertools.metrics import MetricUnit

from failover.adapters import cluster_table
from failover.errors import DataNotKept, Failed, NotYet, Refused, StateUnknown
from failover.messages import Message
from failover.models import NodeStatus, Value
from failover.runtime import StepInput, metrics
from failover.settings import Node, Settings
from failover.steps.verbs import obey, wait_left


class RejoinNodeInput(StepInput):
    node: str
    snapshot_id: str | None = None
    """Where keep_data kept what the node holds."""


class Rejoined(Value):
    node: str
    snapshot_id: str | None


def rejoin_node(request: RejoinNodeInput, settings: Settings) -> Rejoined:
    """The node is demoted and up to date, its peer replicates to it, and its fence is history.

    Raises StateUnknown if the node could not see its role or its mount; DataNotKept if it may hold writes that nobody
    else has and no snapshot is given; NotYet while it catches up; Failed if the active node is in trouble meanwhile;
    Refused for the active node; NotYet, Refused or Failed as `obey` does; LockLost.
    """
    node = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    if node.name == record.active:
        raise Refused(Message("error.active-follows-nobody", node=node.name))
    active = settings.node(record.active)
    try:
        # Briefly: where it is silent the active node is asked too, in the same run.
        status = obey(
            node, "status", settings, execution=request.execution, epoch=record.epoch,
            timeout_seconds=settings.answer_timeout_seconds,
        )  # fmt: skip
    except NotYet:
        # It may be waited for as long as one that catches up.
        _give_way(node, active, record.epoch, request.execution, settings)
        raise
    if not status.is_role_seen:
        # Then it is not known either whether it holds what nobody else has.
        raise StateUnknown(Message("error.answers-but-unseen", node=node.name, unseen_parts=status.unseen_parts()))
    fence = record.fence if record.fence is not None and record.fence.node == node.name else None
    was_fenced = fence is not None and fence.covers(node.instance_id, node.data_volume_id)
    if (was_fenced or status.may_be_ahead) and request.snapshot_id is None:
        raise DataNotKept(Message("error.data-not-kept", node=node.name))
    if not status.replication.is_linked or status.may_be_ahead:
        status = _follow(node, active, record.epoch, request.execution, settings)
    if not status.is_up_to_date_standby:
        _give_way(node, active, record.epoch, request.execution, settings)
        raise NotYet(_progress(node, status))
    if fence is not None:
        cluster_table.clear_fence(settings, request.execution)
    return Rejoined(node=node.name, snapshot_id=request.snapshot_id)


def _give_way(node: Node, active: Node, epoch: int, execution: str, settings: Settings) -> None:
    """A node may take an hour, and while it is waited for no other execution may put the active node right.

    Raises Failed if the active node does not serve or does not answer: the lock is given back. A resync goes on.
    """
    try:
        is_serving = obey(active, "status", settings, execution=execution, epoch=epoch).is_serving
    except NotYet as error:
        raise Failed(Message("error.no-standby-until", why=error.said, node=node.name, active=active.name)) from error
    if is_serving is False:
        raise Failed(Message("error.gave-way", active=active.name, node=node.name))


def _follow(node: Node, active: Node, epoch: int, execution: str, settings: Settings) -> NodeStatus:
    begun_at = time.monotonic()
    obey(active, "reconnect", settings, execution=execution, epoch=epoch)
    return obey(node, "rejoin", settings, execution=execution, epoch=epoch, timeout_seconds=wait_left(begun_at))


def _progress(node: Node, status: NodeStatus) -> Message:
    replication = status.replication
    if replication.sync_percent is None:
        return Message("error.catching-up", node=node.name, replication=replication.words)
    metrics.add_metric(name="ResyncPercent", unit=MetricUnit.Percent, value=replication.sync_percent)
    return Message("error.catching-up-percent", node=node.name, percent=replication.sync_percent)

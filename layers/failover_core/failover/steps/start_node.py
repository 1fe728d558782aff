"""Bring a node's machine back, with its network, up to the point where it answers."""

from datetime import UTC, datetime, timedelta
from functools import partial

from failover.adapters import cluster_table, instances, isolation, nodes
from failover.errors import Failed, NotYet, as_sentence
from failover.messages import Message
from failover.models import ClusterRecord, InstanceState, Value
from failover.rehearsal import try_orders
from failover.runtime import StepInput
from failover.settings import LOCK_SECONDS, Node, Settings

_CAPACITY_PAUSE = timedelta(seconds=60)
"""How long it is waited before an Availability Zone without capacity is asked again."""


class StartNodeInput(StepInput):
    node: str


class NodeStarted(Value):
    node: str


def start_node(request: StartNodeInput, settings: Settings) -> NodeStarted:
    """The node's instance runs, its subnets have the network ACLs that they had, and garoon-node answers.

    A node boots demoted. One that is isolated and was not off since it was fenced may still be what it was, and with
    its network its old connections would come back to life: it is stopped first.
    Raises NotYet until then, also while EC2 does not know the instance; Failed if it is not recorded what the subnets
    had, if the instance is terminated, or if EC2 says why it does not stay on; LockLost.
    """
    node = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    state = instances.read_instance(node)[0]
    is_isolated = bool(isolation.isolated(isolation.read_acls(node), settings))
    if is_isolated and state is InstanceState.ON and not _was_off(node, record):
        instances.stop_now(node)
        raise NotYet(Message("error.stopped-before-let-in", node=node.name))
    if state in (InstanceState.GONE, InstanceState.FORGOTTEN):
        # What is terminated stays so. An id that EC2 does not know may be one that it shows again in a moment.
        is_final = state is InstanceState.GONE or node.instance_id in record.gone_instances
        raise (Failed if is_final else NotYet)(
            Message("error.cannot-be-started", instance_id=node.instance_id, node=node.name, state=state.words)
        )
    if state not in (InstanceState.OFF, InstanceState.ON):
        raise NotYet(Message("error.instance-is", node=node.name, state=state.words))
    if is_isolated:
        if state is InstanceState.OFF:
            # On record before anything is put back: a run that finds the instance on must know that it was off.
            cluster_table.record_fence(settings, request.execution, node.name, is_off_proven=True)
        _let_in(node, record, settings)
    if state is InstanceState.OFF:
        _require_no_failed_start(node, record)
        instances.start(node)
        raise NotYet(Message("error.instance-starting", node=node.name))
    result = nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.status is None:
        raise NotYet(Message("error.starting-silent", node=node.name))
    return NodeStarted(node=node.name)


def _was_off(node: Node, record: ClusterRecord) -> bool:
    """This very instance was proven off since it was fenced."""
    return record.fence is not None and record.fence.proves_off(node.instance_id)


def _require_no_failed_start(node: Node, record: ClusterRecord) -> None:
    """EC2 may take the order to start and let the instance go off again: it says why.

    Raises NotYet for a while if it lacks the capacity just now, Failed for any other reason.
    """
    start = instances.read_last_start(node)
    began_at = record.lock_expires_at and record.lock_expires_at - timedelta(seconds=LOCK_SECONDS)
    if began_at is None or start.at is None or start.at < began_at or not start.is_failed:
        return
    what = f"The instance {node.instance_id} of {node.name} was started and went off again: {start.reason}"
    if not start.lacks_capacity:
        raise Failed(as_sentence(what))
    if datetime.now(UTC) - start.at < _CAPACITY_PAUSE:
        raise NotYet(as_sentence(what))


def _let_in(node: Node, record: ClusterRecord, settings: Settings) -> None:
    recorded = record.fence.acls if record.fence else {}
    isolation.restore(isolation.read_acls(node), recorded, settings)
    still_isolated = isolation.isolated(isolation.read_acls(node), settings)
    if still_isolated:
        raise NotYet(Message("error.still-isolated", subnet_id=still_isolated[0].subnet_id, node=node.name))


def rehearse_start_node(settings: Settings) -> list[str]:
    """Why AWS would not take what the step orders, of either node. Changes nothing."""
    return try_orders(
        [
            partial(cluster_table.read_record, settings),
            *(
                partial(order, node)
                for node in settings.nodes
                for order in (instances.stop_now, instances.start, partial(_restore_as_if_isolated, settings))
            ),
        ]
    )


def _restore_as_if_isolated(settings: Settings, node: Node) -> None:
    acls = isolation.read_acls(node)
    as_if = [acl.model_copy(update={"acl_id": settings.isolation_acl_id}) for acl in acls]
    isolation.restore(as_if, {acl.subnet_id: acl.acl_id for acl in acls}, settings)

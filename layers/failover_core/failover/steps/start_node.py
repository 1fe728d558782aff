"""Bring a node's machine back, with its network, up to the point where it answers."""

from failover.adapters import cluster_table, instances, isolation, nodes
from failover.errors import NotYet
from failover.models import ClusterRecord, InstanceState, Value
from failover.runtime import StepInput
from failover.settings import Node, Settings


class StartNodeInput(StepInput):
    node: str


class NodeStarted(Value):
    node: str


def start_node(request: StartNodeInput, settings: Settings) -> NodeStarted:
    """The node's instance runs, its subnets have the network ACLs that they had, and garoon-node answers.

    A node boots demoted. One that is isolated and was not off since it was fenced may still be what it was, and with
    its network its old connections would come back to life: it is stopped first.
    Raises NotYet until then, Failed if it is not recorded what the subnets had, and LockLost.
    """
    node = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    state = instances.read_instance(node)[0]
    is_isolated = bool(isolation.isolated(isolation.read_acls(node), settings))
    if is_isolated and state is InstanceState.ON and not _was_off(node, record):
        instances.stop_now(node)
        raise NotYet(f"{node.name} is isolated and may still be active: its instance is stopped before it is let in.")
    if state not in (InstanceState.OFF, InstanceState.ON):
        raise NotYet(f"The instance of {node.name} is {state}.")
    if is_isolated:
        if state is InstanceState.OFF:
            # On record before anything is put back: a run that finds the instance on must know that it was off.
            cluster_table.record_fence(settings, request.execution, node.name, is_off_proven=True)
        _let_in(node, record, settings)
    if state is InstanceState.OFF:
        instances.start(node)
        raise NotYet(f"The instance of {node.name} is starting.")
    result = nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.status is None:
        raise NotYet(f"{node.name} is starting and does not answer yet.")
    return NodeStarted(node=node.name)


def _was_off(node: Node, record: ClusterRecord) -> bool:
    """The node was proven off since it was fenced."""
    return record.fence is not None and record.fence.node == node.name and record.fence.is_off_proven


def _let_in(node: Node, record: ClusterRecord, settings: Settings) -> None:
    recorded = record.fence.acls if record.fence else {}
    isolation.restore(isolation.read_acls(node), recorded, settings)
    still_isolated = isolation.isolated(isolation.read_acls(node), settings)
    if still_isolated:
        raise NotYet(f"Read back, {still_isolated[0].subnet_id} of {node.name} is still isolated.")

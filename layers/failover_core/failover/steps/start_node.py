"""Bring a node's machine back, up to the point where it answers."""

from failover.adapters import cluster_table, instances, nodes
from failover.errors import NotYet
from failover.models import InstanceState, Value
from failover.runtime import StepInput
from failover.settings import Settings


class StartNodeInput(StepInput):
    node: str


class NodeStarted(Value):
    node: str


def start_node(request: StartNodeInput, settings: Settings) -> NodeStarted:
    """The node's instance runs and garoon-node answers; a node boots demoted.

    Raises NotYet until then, and LockLost.
    """
    node = settings.node(request.node)
    cluster_table.require_lock(settings, request.execution)
    state = instances.read_instance(node)[0]
    if state is InstanceState.OFF:
        instances.start(node)
        raise NotYet(f"The instance of {node.name} is starting.")
    if state is not InstanceState.ON:
        raise NotYet(f"The instance of {node.name} is {state}.")
    result = nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.status is None:
        raise NotYet(f"{node.name} is starting and does not answer yet.")
    return NodeStarted(node=node.name)

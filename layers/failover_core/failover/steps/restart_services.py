"""Bring the whole hierarchy into service again on the active node, whatever part of it is down."""

from failover.adapters import cluster_table
from failover.errors import Failed, StateUnknown
from failover.models import Value
from failover.runtime import StepInput
from failover.settings import Settings
from failover.steps.verbs import obey


class RestartServicesInput(StepInput):
    node: str


class Restarted(Value):
    node: str


def restart_services(request: RestartServicesInput, settings: Settings) -> Restarted:
    """The node, which is primary, serves again. What runs is not disturbed.

    Raises NotYet, StateUnknown, Refused or Failed as `obey` does, and LockLost.
    """
    node = settings.node(request.node)
    epoch = cluster_table.require_lock(settings, request.execution).epoch
    status = obey(node, "restart", settings, execution=request.execution, epoch=epoch)
    if status.is_serving is None:
        raise StateUnknown(
            f"The services of {node.name} were restarted, but its look at itself failed: {status.unseen_parts()}."
        )
    if not status.is_serving:
        raise Failed(f"The services of {node.name} were restarted, but {status.failing_parts()}.")
    return Restarted(node=node.name)

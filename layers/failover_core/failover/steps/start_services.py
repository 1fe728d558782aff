"""Start Garoon's services on the node that was promoted."""

from failover.adapters import cluster_table
from failover.errors import Failed, StateUnknown
from failover.models import Value
from failover.runtime import StepInput
from failover.settings import Settings
from failover.steps.verbs import obey


class StartServicesInput(StepInput):
    node: str


class Serving(Value):
    node: str


def start_services(request: StartServicesInput, settings: Settings) -> Serving:
    """The node serves: both services, the NFS exports and the virtual IP are up and answer.

    Raises NotYet, StateUnknown, Refused or Failed as `obey` does, and LockLost.
    """
    node = settings.node(request.node)
    epoch = cluster_table.require_lock(settings, request.execution).epoch
    status = obey(node, "start", settings, execution=request.execution, epoch=epoch)
    if status.is_serving is None:
        raise StateUnknown(
            f"Garoon was started on {node.name}, but its look at itself failed: {status.unseen_parts()}."
        )
    if not status.is_serving:
        raise Failed(f"Garoon was started on {node.name}, but {status.failing_parts()}.")
    return Serving(node=node.name)

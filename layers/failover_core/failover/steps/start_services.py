"""Start Garoon's services on the node that was promoted."""

from failover.errors import Failed, StateUnknown
from failover.models import Value
from failover.settings import Settings
from failover.steps.verbs import ServiceInput, bring_into_service


class Serving(Value):
    node: str


def start_services(request: ServiceInput, settings: Settings) -> Serving:
    """The node serves: both services, the NFS exports and the virtual IP are up and answer.

    Raises NotYet, StateUnknown, Recovering, Refused or Failed as `bring_into_service` does, and LockLost.
    """
    status = bring_into_service(request, "start", settings)
    if status.is_serving is None:
        raise StateUnknown(
            f"Garoon was started on {request.node}, but its look at itself failed: {status.unseen_parts()}."
        )
    if not status.is_serving:
        raise Failed(f"Garoon was started on {request.node}, but {status.failing_parts()}.")
    return Serving(node=request.node)

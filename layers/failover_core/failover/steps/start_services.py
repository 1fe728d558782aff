"""Start Garoon's services on the node that was promoted."""

from failover.models import Value
from failover.settings import Settings
from failover.steps.verbs import ServiceInput, bring_into_service


class Serving(Value):
    node: str


def start_services(request: ServiceInput, settings: Settings) -> Serving:
    """The node serves: both services, the NFS exports and the virtual IP are up and answer.

    Raises NotYet, StateUnknown, Recovering, Refused or Failed as `bring_into_service` does, and LockLost.
    """
    bring_into_service(request, "start", settings)
    return Serving(node=request.node)

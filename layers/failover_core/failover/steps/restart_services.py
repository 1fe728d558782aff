"""Bring the whole hierarchy into service again on the active node, whatever part of it is down."""

from failover.errors import Failed, StateUnknown
from failover.models import Value
from failover.settings import Settings
from failover.steps.verbs import ServiceInput, bring_into_service


class Restarted(Value):
    node: str


def restart_services(request: ServiceInput, settings: Settings) -> Restarted:
    """The node, which is primary, serves again. What runs is not disturbed.

    Raises NotYet, StateUnknown, Recovering, Refused or Failed as `bring_into_service` does, and LockLost.
    """
    status = bring_into_service(request, "restart", settings)
    if status.is_serving is None:
        raise StateUnknown(
            f"The services of {request.node} were restarted, but its look at itself failed: {status.unseen_parts()}."
        )
    if not status.is_serving:
        raise Failed(f"The services of {request.node} were restarted, but {status.failing_parts()}.")
    return Restarted(node=request.node)

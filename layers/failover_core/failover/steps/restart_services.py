"""Bring the whole hierarchy into service again on the active node, whatever part of it is down."""

from failover.models import Value
from failover.settings import Settings
from failover.steps.verbs import ServiceInput, bring_into_service


class Restarted(Value):
    node: str


def restart_services(request: ServiceInput, settings: Settings) -> Restarted:
    """The node, which is primary, serves again. What runs is not disturbed.

    Raises NotYet, StateUnknown, Recovering, Refused or Failed as `bring_into_service` does, and LockLost.
    """
    bring_into_service(request, "restart", settings)
    return Restarted(node=request.node)

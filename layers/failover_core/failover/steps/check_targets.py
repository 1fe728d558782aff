"""Prove that the web tier serves again: the load balancer's targets are healthy."""

from failover.adapters import targets
from failover.errors import NotYet
from failover.messages import Message
from failover.models import Value
from failover.runtime import StepInput
from failover.settings import Settings


class CheckTargetsInput(StepInput):
    pass


class TargetsChecked(Value):
    healthy: int
    targets: list[targets.TargetHealth]


def check_targets(_request: CheckTargetsInput, settings: Settings) -> TargetsChecked:
    """At least MinimumHealthyTargets targets are healthy. Raises NotYet, with each target's state, until then."""
    found = targets.read_target_health(settings)
    healthy = sum(target.state == "healthy" for target in found)
    if healthy < settings.minimum_healthy_targets:
        states = (
            ", ".join(f"{target.target} {target.state} {target.reason}".strip() for target in found) or "none at all"
        )
        raise NotYet(
            Message("error.too-few-healthy", healthy=healthy, wanted=settings.minimum_healthy_targets, words=states)
        )
    return TargetsChecked(healthy=healthy, targets=found)

"""The load balancer's view of the App servers."""

from failover.adapters.clients import client, translate_errors
from failover.models import Value
from failover.settings import Settings


class TargetHealth(Value):
    """State of one target, with Elastic Load Balancing's reason code where it is not healthy."""

    target: str
    state: str
    reason: str = ""


@translate_errors
def read_target_health(settings: Settings) -> list[TargetHealth]:
    """Health of every registered target."""
    answer = client("elbv2").describe_target_health(TargetGroupArn=settings.target_group_arn)
    return [
        TargetHealth(
            target=description["Target"]["Id"],
            state=description["TargetHealth"]["State"],
            reason=description["TargetHealth"].get("Reason", ""),
        )
        for description in answer["TargetHealthDescriptions"]
    ]

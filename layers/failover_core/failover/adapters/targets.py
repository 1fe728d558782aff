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


class TargetCheck(Value):
    """How the load balancer checks each target."""

    interval_seconds: int
    healthy_threshold: int
    unhealthy_threshold: int

    @property
    def seconds_until_healthy(self) -> int:
        return self.interval_seconds * self.healthy_threshold

    @property
    def seconds_until_unhealthy(self) -> int:
        return self.interval_seconds * self.unhealthy_threshold


@translate_errors
def read_target_check(settings: Settings) -> TargetCheck:
    """The target group's health check settings."""
    group = client("elbv2").describe_target_groups(TargetGroupArns=[settings.target_group_arn])["TargetGroups"][0]
    return TargetCheck(
        interval_seconds=group["HealthCheckIntervalSeconds"],
        healthy_threshold=group["HealthyThresholdCount"],
        unhealthy_threshold=group["UnhealthyThresholdCount"],
    )

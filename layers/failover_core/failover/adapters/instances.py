"""EC2 instances: what state a node's machine is in, and turning it off and on."""

from failover.adapters.clients import client, translate_errors
from failover.models import InstanceState, StatusChecks
from failover.settings import Node

_STATES = {
    "pending": InstanceState.ON,
    "running": InstanceState.ON,
    "stopping": InstanceState.GOING_OFF,
    "shutting-down": InstanceState.GOING_OFF,
    "stopped": InstanceState.OFF,
    "terminated": InstanceState.OFF,
}


@translate_errors
def read_instance(node: Node) -> tuple[InstanceState, StatusChecks]:
    """The node's instance state and its status checks.

    Checks count as FAILED only when EC2 says `impaired`; `initializing` and `insufficient-data` are UNKNOWN
    (EC2 API Reference, InstanceStatusSummary). An instance that EC2 does not list is UNKNOWN, never OFF.
    """
    answer = client("ec2").describe_instance_status(InstanceIds=[node.instance_id], IncludeAllInstances=True)
    for status in answer["InstanceStatuses"]:
        if status["InstanceId"] == node.instance_id:
            summaries = {
                status.get(check, {}).get("Status", "not-applicable")
                for check in ("SystemStatus", "InstanceStatus", "AttachedEbsStatus")
            }
            state = _STATES.get(status["InstanceState"]["Name"], InstanceState.UNKNOWN)
            return state, _summarize(summaries)
    return InstanceState.UNKNOWN, StatusChecks.UNKNOWN


def _summarize(summaries: set[str]) -> StatusChecks:
    if "impaired" in summaries:
        return StatusChecks.FAILED
    if summaries <= {"ok", "not-applicable"} and "ok" in summaries:
        return StatusChecks.PASSED
    return StatusChecks.UNKNOWN


@translate_errors
def is_stop_protected(node: Node) -> bool:
    """Whether EC2 refuses to stop the instance through its API (EC2 User Guide, "Stop protection")."""
    answer = client("ec2").describe_instance_attribute(InstanceId=node.instance_id, Attribute="disableApiStop")
    return bool(answer["DisableApiStop"]["Value"])


@translate_errors
def stop_now(node: Node) -> None:
    """Asks EC2 to cut the instance off without a shutdown of its OS. A node already stopping or stopped is fine.

    Force alone still tries a clean shutdown first; together with SkipOsShutdown it does not (EC2 API Reference,
    StopInstances).
    """
    client("ec2").stop_instances(InstanceIds=[node.instance_id], Force=True, SkipOsShutdown=True)


@translate_errors
def start(node: Node) -> None:
    """Asks EC2 to start the instance. A running one is fine."""
    client("ec2").start_instances(InstanceIds=[node.instance_id])

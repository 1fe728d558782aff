"""EC2 instances: what state a node's machine is in, and turning it off and on."""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from failover.adapters.clients import client, error_code, translate_errors
from failover.errors import NotYet
from failover.messages import Message
from failover.models import InstanceState, StatusChecks, Value
from failover.settings import Node

_STATES = {
    "pending": InstanceState.ON,
    "running": InstanceState.ON,
    "stopping": InstanceState.GOING_OFF,
    "shutting-down": InstanceState.GOING_OFF,
    "stopped": InstanceState.OFF,
    "terminated": InstanceState.GONE,
}

_NOT_NOW_CODES = ("InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientCapacity")
_STOPPED_ON_PURPOSE = (
    "Client.UserInitiatedShutdown",
    "Client.InstanceInitiatedShutdown",
    "Client.UserInitiatedHibernate",
)
"""Amazon EC2 API Reference, "StateReason"; "Error codes"."""


@translate_errors
def read_instance(node: Node) -> tuple[InstanceState, StatusChecks]:
    """The node's instance state and its status checks.

    Checks count as FAILED only when EC2 says `impaired`; `initializing` and `insufficient-data` are UNKNOWN
    (EC2 API Reference, InstanceStatusSummary). An instance that EC2 does not know or list is FORGOTTEN, never OFF: a
    terminated one is kept in sight for about an hour (Amazon EC2 User Guide, "Terminate Amazon EC2 instances").
    """
    try:
        answer = client("ec2").describe_instance_status(InstanceIds=[node.instance_id], IncludeAllInstances=True)
    except ClientError as error:
        if error_code(error) in ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"):
            return InstanceState.FORGOTTEN, StatusChecks.UNKNOWN
        raise
    for status in answer["InstanceStatuses"]:
        if status["InstanceId"] == node.instance_id:
            summaries = {
                status.get(check, {}).get("Status", "not-applicable")
                for check in ("SystemStatus", "InstanceStatus", "AttachedEbsStatus")
            }
            state = _STATES.get(status["InstanceState"]["Name"], InstanceState.UNKNOWN)
            return state, _summarize(summaries)
    return InstanceState.FORGOTTEN, StatusChecks.UNKNOWN


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
    """Asks EC2 to start the instance, of which it has just told the state. A running one is fine.

    Raises NotYet while the zone lacks the capacity, and for an id that EC2 does not know after all: it reads what is
    some seconds old (Amazon EC2 API Reference, "Eventual consistency").
    """
    try:
        client("ec2").start_instances(InstanceIds=[node.instance_id])
    except ClientError as error:
        if error_code(error) in (*_NOT_NOW_CODES, "InvalidInstanceID.NotFound"):
            raise NotYet(
                Message("error.cannot-start-now", instance_id=node.instance_id, node=node.name, cause=str(error))
            ) from error
        raise


class LastStart(Value):
    """The last time that an instance was started, and why it is not on any more."""

    at: datetime | None
    reason_code: str = ""
    reason: str = ""

    @property
    def is_failed(self) -> bool:
        """It went off by itself. What a user or its own shutdown stopped is as it should be."""
        return bool(self.reason_code) and self.reason_code not in _STOPPED_ON_PURPOSE

    @property
    def lacks_capacity(self) -> bool:
        return self.reason_code.rpartition(".")[2] in _NOT_NOW_CODES


@translate_errors
def read_last_start(node: Node) -> LastStart:
    """Of an instance that is stopped. EC2 gives the reason of its last change of state (Amazon EC2 API Reference,
    "StateReason") and the time of its last start (ibid., "Instance", launchTime)."""
    instance = _describe(node)
    reason = instance.get("StateReason", {})
    return LastStart(
        at=instance.get("LaunchTime"), reason_code=reason.get("Code", ""), reason=reason.get("Message", "")
    )


@translate_errors
def can_hibernate(node: Node) -> bool:
    """Whether the instance is enabled for hibernation (Amazon EC2 API Reference, "HibernationOptions").

    A hibernated instance is `stopped` to EC2, and goes on where it was once it is started: with its volume mounted and
    its services running ("Hibernate your Amazon EC2 instance", Amazon EC2 User Guide).
    """
    return bool(_describe(node).get("HibernationOptions", {}).get("Configured", False))


def _describe(node: Node) -> dict[str, Any]:
    """All that EC2 says of the instance; empty if it does not list it."""
    answer = client("ec2").describe_instances(InstanceIds=[node.instance_id])
    found = (instance for reservation in answer["Reservations"] for instance in reservation["Instances"])
    return dict(next(found, {}))

"""A node's data volumes, and EBS snapshots of them: what a node held before it is overwritten."""

from collections.abc import Sequence
from enum import StrEnum

from botocore.exceptions import ClientError

from failover.adapters.clients import client, error_code, translate_errors
from failover.errors import NotYet
from failover.messages import NOTHING, Message, Param
from failover.models import Value
from failover.settings import Node, Settings

_NOT_NOW_CODES = (
    "ConcurrentSnapshotLimitExceeded",
    "PendingSnapshotLimitExceeded",
    "SnapshotCreationPerVolumeRateExceeded",
)
"""Amazon EC2 API Reference, "Error codes": other snapshots are being made; it helps to wait."""

_ROOT_DEVICES = ("/dev/sda", "/dev/sda1", "/dev/xvda")
"""Reserved for an instance's root volume (Amazon EC2 User Guide, "Device names for volumes on EC2 instances")."""

_EXECUTION_TAG = "garoon-failover:execution"


class DataVolume(Value):
    """The volume that is configured as a node's data volume, as EC2 has it."""

    volume_id: str
    exists: bool
    instance_id: str | None
    """The instance that it is attached to."""
    device: str | None
    """Under which name, e.g. /dev/xvdb."""

    def why_not_of(self, node: Node) -> Message:
        """Why it is not the data volume of that node. A sentence without its full stop; empty if it is."""
        facts: dict[str, Param] = {"id": self.volume_id, "node": node.name, "instance": node.instance_id}
        if not self.exists:
            return Message("volume.unknown", **facts)
        if self.instance_id is None:
            return Message("volume.detached", **facts)
        if self.instance_id != node.instance_id:
            return Message("volume.attached-elsewhere", **facts, other=self.instance_id)
        if self.device in _ROOT_DEVICES:
            return Message("volume.is-root", **facts, device=str(self.device))
        return NOTHING


def why_not_kept(node: Node, volumes: Sequence[DataVolume], settings: Settings) -> Message:
    """Why snapshots of these would not hold all that the node holds. Without its full stop; empty if they would."""
    if len(volumes) != settings.volume_count:
        return Message("volume.unnamed", node=node.name, count=settings.volume_count, named=node.data_volume_id)
    return next(filter(None, (volume.why_not_of(node) for volume in volumes)), NOTHING)


@translate_errors
def read_data_volumes(node: Node) -> tuple[DataVolume, ...]:
    """The configured volumes and what they are attached to. One that is being detached is attached to nothing."""
    return tuple(_read_data_volume(volume_id) for volume_id in node.data_volume_ids)


def _read_data_volume(volume_id: str) -> DataVolume:
    try:
        volumes = client("ec2").describe_volumes(VolumeIds=[volume_id])["Volumes"]
    except ClientError as error:
        if error_code(error) != "InvalidVolume.NotFound":
            raise
        volumes = []
    attached = [
        attachment
        for volume in volumes
        for attachment in volume.get("Attachments", [])
        if attachment["State"] in ("attached", "busy")
    ]
    return DataVolume(
        volume_id=volume_id,
        exists=bool(volumes),
        instance_id=attached[0].get("InstanceId") if attached else None,
        device=attached[0].get("Device") if attached else None,
    )


class SnapshotState(StrEnum):
    """Amazon EC2 API Reference, Snapshot: `status`."""

    PENDING = "pending"
    COMPLETED = "completed"
    ERROR = "error"


@translate_errors
def take_snapshots(node: Node, settings: Settings, execution: str, reason: str) -> tuple[str, ...]:
    """A snapshot of each of the node's data volumes as they are now, for this execution: their ids.

    One that it made already is taken. They belong together although they are taken one after the other: nothing is
    mounted on the node then. A snapshot holds what the volume held when the call was made, also while it is still
    pending (Amazon EBS User Guide, "Create Amazon EBS snapshots"). CreateSnapshot takes no client token, so the
    execution's tag tells whose it is.
    Raises NotYet while EC2 makes too many others.
    """
    return tuple(_take_snapshot(node, one, settings, execution, reason) for one in node.data_volume_ids)


def _take_snapshot(node: Node, volume_id: str, settings: Settings, execution: str, reason: str) -> str:
    mine = client("ec2").describe_snapshots(
        OwnerIds=["self"],
        Filters=[
            {"Name": "volume-id", "Values": [volume_id]},
            {"Name": f"tag:{_EXECUTION_TAG}", "Values": [execution]},
        ],
    )["Snapshots"]
    if mine:
        return str(mine[0]["SnapshotId"])
    tags = {
        "Name": f"{settings.cluster_name} {node.name}",
        "garoon-failover:cluster": settings.cluster_name,
        _EXECUTION_TAG: execution,
    }
    try:
        answer = client("ec2").create_snapshot(
            VolumeId=volume_id,
            Description=reason[:255],
            TagSpecifications=[
                {"ResourceType": "snapshot", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ],
        )
    except ClientError as error:
        if error_code(error) in _NOT_NOW_CODES:
            raise NotYet(Message("error.no-snapshot-now", data_volume_id=volume_id, cause=str(error))) from error
        raise
    return str(answer["SnapshotId"])


@translate_errors
def read_snapshot(snapshot_id: str) -> tuple[SnapshotState, str]:
    """State and progress, e.g. "42%". One that EC2 does not list yet is pending."""
    try:
        [snapshot] = client("ec2").describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
    except ClientError as error:
        if error_code(error) == "InvalidSnapshot.NotFound":
            return SnapshotState.PENDING, "0%"
        raise
    return SnapshotState(snapshot["State"]), snapshot.get("Progress", "")

"""EBS snapshots of a node's data volume: what a node held before it is overwritten."""

from enum import StrEnum

from botocore.exceptions import ClientError

from failover.adapters.clients import client, error_code, translate_errors
from failover.settings import Node, Settings


class SnapshotState(StrEnum):
    """Amazon EC2 API Reference, Snapshot: `status`."""

    PENDING = "pending"
    COMPLETED = "completed"
    ERROR = "error"


@translate_errors
def take_snapshot(node: Node, settings: Settings, reason: str) -> str:
    """Asks for a snapshot of the node's data volume as it is now; returns its id.

    It holds what the volume held when the call was made, also while it is still pending (Amazon EBS User Guide,
    "Create Amazon EBS snapshots").
    """
    tags = {"Name": f"{settings.cluster_name} {node.name}", "garoon-failover:cluster": settings.cluster_name}
    answer = client("ec2").create_snapshot(
        VolumeId=node.data_volume_id,
        Description=reason[:255],
        TagSpecifications=[
            {"ResourceType": "snapshot", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    )
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

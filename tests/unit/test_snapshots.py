"""Snapshots: of the very volume of the node, one for each execution, and "not now" is not "no"."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from failover.adapters import snapshots
from failover.adapters.snapshots import read_data_volumes, take_snapshots
from failover.errors import Failed, NotYet
from failover.settings import Node, Settings

from tests.unit.conftest import EXECUTION, OTHER_EXECUTION

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def attached(aws: None, settings: Settings) -> Settings:
    """db-01 has its data volume at /dev/xvdb."""
    ec2 = boto3.client("ec2")
    machine = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)["Instances"][0]
    zone = machine["Placement"]["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=8)["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=machine["InstanceId"], Device="/dev/xvdb")
    node = settings.node_a.model_copy(update={"instance_id": machine["InstanceId"], "data_volume_id": volume})
    return settings.model_copy(update={"node_a": node})


def why_not(node: Node) -> str:
    [volume] = read_data_volumes(node)
    return volume.why_not_of(node)


def test_volume_is_held_against_the_instance_that_ec2_says_it_belongs_to(attached: Settings) -> None:
    node = attached.node_a
    assert why_not(node) == ""
    boto3.client("ec2").detach_volume(VolumeId=node.data_volume_id, InstanceId=node.instance_id)
    assert "attached to no instance" in why_not(node)
    gone = node.model_copy(update={"data_volume_id": "vol-0123456789abcdef0"})
    assert "EC2 knows no such volume" in why_not(gone)
    [root] = [
        one["VolumeId"]
        for one in boto3.client("ec2").describe_volumes()["Volumes"]
        if one["VolumeId"] != node.data_volume_id
    ]
    swapped = node.model_copy(update={"data_volume_id": root})
    assert "root volume" in why_not(swapped)


def test_execution_that_lost_the_answer_takes_no_second_snapshot(attached: Settings) -> None:
    first = take_snapshots(attached.node_a, attached, EXECUTION, "why")
    assert take_snapshots(attached.node_a, attached, EXECUTION, "why") == first
    assert take_snapshots(attached.node_a, attached, OTHER_EXECUTION, "why") != first


def test_each_of_several_volumes_is_looked_at_and_kept(attached: Settings) -> None:
    ec2 = boto3.client("ec2")
    zone = ec2.describe_volumes(VolumeIds=[attached.node_a.data_volume_id])["Volumes"][0]["AvailabilityZone"]
    second = ec2.create_volume(AvailabilityZone=zone, Size=8)["VolumeId"]
    node = attached.node_a.model_copy(update={"data_volume_id": f"{attached.node_a.data_volume_id},{second}"})
    assert [bool(volume.why_not_of(node)) for volume in read_data_volumes(node)] == [False, True]

    kept = take_snapshots(node, attached, EXECUTION, "why")

    assert take_snapshots(node, attached, EXECUTION, "why") == kept
    found = ec2.describe_snapshots(SnapshotIds=list(kept))["Snapshots"]
    assert {one["VolumeId"] for one in found} == {attached.node_a.data_volume_id, second}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("SnapshotCreationPerVolumeRateExceeded", NotYet),
        ("ConcurrentSnapshotLimitExceeded", NotYet),
        ("PendingSnapshotLimitExceeded", NotYet),
        ("SnapshotLimitExceeded", Failed),
    ],
)
def test_too_many_snapshots_at_once_is_not_now_and_too_many_at_all_is_no(
    code: str, error: type[Exception], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def describe_snapshots(self, **_given: Any) -> dict[str, Any]:
            return {"Snapshots": []}

        def create_snapshot(self, **_given: Any) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "wait"}}, "CreateSnapshot")

    monkeypatch.setattr(snapshots, "client", lambda _service: Full())
    with pytest.raises(error, match=code):
        take_snapshots(settings.node_a, settings, EXECUTION, "why")

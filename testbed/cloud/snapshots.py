"""EBS snapshots that take time and hold something: what the host's volume held when they were asked for.

Follows, in the Amazon EBS User Guide, "Create Amazon EBS snapshots" (a snapshot holds what was on the volume when it
was asked for, also while it is `pending`), and in the EC2 API Reference: CreateSnapshot, Snapshot (status, progress).
The emulator's own snapshots are complete at once, and hold nothing.
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from testbed.cloud.emulator import Cloud
from testbed.hosts.layout import snapshot_directory

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]


class Snapshots:
    """Snapshots of data volumes."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def install(self) -> None:
        self._create_original = ec2._ACTION_MAP["CreateSnapshot"]
        ec2._ACTION_MAP["CreateSnapshot"] = self.create

    def create(self, parameters: Parameters) -> Response:
        known = set(ec2._snapshots)
        response: Response = self._create_original(parameters)
        if response[0] != 200:
            return response
        [snapshot] = [snapshot for key, snapshot in ec2._snapshots.items() if key not in known]
        self._keep_content(snapshot)
        snapshot |= {"State": "pending", "Progress": "0%"}
        self._cloud.background.start(_complete, snapshot, after_seconds=self._cloud.profile.snapshot_seconds)
        return ec2._xml(200, "CreateSnapshotResponse", ec2._snapshot_inner_xml(snapshot))  # type: ignore[no-any-return]

    def _keep_content(self, snapshot: dict[str, Any]) -> None:
        for attachment in ec2._volumes[snapshot["VolumeId"]]["Attachments"]:
            machine = self._cloud.machines.find(attachment["InstanceId"])
            if machine is not None:
                directory = snapshot_directory(self._cloud.world_directory, snapshot["SnapshotId"])
                machine.copy_volume(directory, _number(attachment["Device"]))


def _number(device: str) -> int:
    """Of the replicated volume: /dev/xvdb has Garoon's own, the letters behind it have the further ones."""
    return ord(device[-1]) - ord("b")


def _complete(snapshot: dict[str, Any]) -> None:
    snapshot |= {"State": "completed", "Progress": "100%"}

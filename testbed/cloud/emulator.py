"""What every extension gets: the world, the profile, the faults, the hosts, and the emulator's event bus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ministack.services import eventbridge

from testbed.cloud.background import Background
from testbed.cloud.faults import CloudFaults
from testbed.cloud.machines import Machines
from testbed.world.profiles import Profile

MINISTACK_VERSION = "1.5.33"


@dataclass(frozen=True)
class Cloud:
    """The running cloud, as its extensions see it."""

    world_directory: Path
    profile: Profile
    faults: CloudFaults
    machines: Machines
    background: Background


def emit_event(source: str, detail_type: str, resources: Sequence[str], detail: Mapping[str, object]) -> None:
    """An AWS service's own event on the default bus of the current account and region."""
    entry = {"Source": source, "DetailType": detail_type, "Resources": list(resources), "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

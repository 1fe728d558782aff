"""What garoon-node.sh prints: an answer of any verb, and what `survey` finds. `status` and `probe` are in models."""

from collections.abc import Iterable
from typing import Literal

from failover.models import NodeStatus, Observed, PeerProbe


class BlockDevice(Observed):
    name: str
    """Below /dev; one entry for each of its names."""
    bytes: int
    volume: str
    """Id of the EBS volume that it is of; empty where the device does not tell."""


class ReplicaRoom(Observed):
    """Where the replication's own data would lie on the data device, as `survey` computes it for one peer."""

    device: str
    bytes: int
    used_bytes: int | None
    """By the file system; None where it is none that the survey knows."""
    needed_bytes: int
    fits: Literal["there", "internal", "enlargedPartition", "enlargedVolume", "external", "unknown"]
    """Is it there, or where does it fit? Behind the file system as it is; there, once the partition reaches to the end
    of its disk; there, once the volume is larger; only on another device; or nobody can say what lies on this one."""
    commands: tuple[str, ...]
    """What makes the room, in their order; empty where none is to be made."""


class NodeHost(Observed):
    """What `survey` finds of that which everything else needs."""

    bash: str
    missing_commands: tuple[str, ...]
    engine: str | None = None
    """Of the replication, name and version; empty if there is none, None where a script of before does not say it."""
    agent: str
    """Version of the CloudWatch agent; empty if there is none."""
    devices: tuple[BlockDevice, ...] | None
    """None: the look failed; as with `free_mib`."""
    mounted_at_boot: tuple[str, ...]
    enabled_at_boot: tuple[str, ...]
    """Of the services that were found: those that the system starts itself."""
    free_mib: dict[str, int] | None
    """By directory."""
    room: ReplicaRoom | None = None
    """None: the device is not there, or a script of before it was asked."""
    further_room: tuple[ReplicaRoom | None, ...] = ()
    """Of the data devices of FurtherVolumes."""


class NodeSurvey(Observed):
    """What `survey` finds of an installation of Garoon on the node, whatever is configured."""

    services: tuple[str, ...]
    """Init scripts and units by name that look like Garoon's."""
    missing: tuple[str, ...]
    """What the node is to start and has not."""
    identifiers: tuple[str, ...]
    """Of installations, as the services' names tell them."""
    database_ports: tuple[str, ...] | None
    """In the database's settings on the mounted volume; None: the look failed."""
    exports: tuple[str, ...]
    """Paths below the mount point that are exported now."""
    host: NodeHost | None = None
    """None: a script of before it was asked."""

    def services_beside(self, configured: Iterable[str]) -> list[str]:
        """Those that were found and are none of these; a unit may be named without its suffix."""
        known = {name.removesuffix(".service") for name in configured}
        return [name for name in self.services if name.removesuffix(".service") not in known]


class VerbResult(Observed):
    """The one JSON object that every verb of garoon-node.sh prints."""

    verb: str
    result: Literal["done", "refused", "failed", "pending"]
    code: str
    message: str
    clock: int | None = None
    """The node's, in Unix seconds, when it answered."""
    status: NodeStatus | None = None
    probe: PeerProbe | None = None
    survey: NodeSurvey | None = None

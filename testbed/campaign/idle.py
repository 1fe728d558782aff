"""Could the pair have served without a person? Asked of each case in which it did not.

It could if a node was well and held every write that the user was told of: then the rest, to fence the other and to
promote this one, is the controller's. What keeps it from that by intention is explained here, kind by kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.campaign.hosts import Host
    from testbed.campaign.world import World

UNEXPLAINED = "unexplained"


def why_idle(world: World) -> str:
    """Why a pair that could serve does not: one of `EXPLANATIONS`, or UNEXPLAINED. Empty if it could not serve."""
    if not any(could_serve(world, host) for host in world.hosts.values()):
        return ""
    return next((name for name, applies in EXPLANATIONS.items() if applies(world)), UNEXPLAINED)


def could_serve(world: World, host: Host) -> bool:
    """It works, or worked when the controller had it stopped; and it lacks nothing that the user was told of."""
    weakness = host.weakness
    is_sound = weakness.does_database_start and weakness.does_database_answer and weakness.does_volume_mount
    return is_sound and (host.is_well or host.was_well_when_stopped) and world.acknowledged <= set(host.data)


EXPLANATIONS: Mapping[str, Callable[[World], bool]] = {}

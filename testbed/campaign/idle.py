"""Could the pair have served without a person? Asked of each case that was halted safely, once its faults were over.

It could if a node was well and held every write that the user was told of: then what is left to do, to fence the other
one and to promote this one, is the controller's. What keeps it from that on purpose is explained here, kind by kind;
the page shows how many cases each explanation stands for. A case that none explains is a fault of the controller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.campaign.hosts import Host
    from testbed.campaign.world import World

UNEXPLAINED = "unexplained"
_MINIMUM_INTERVAL_SECONDS = 900.0
_UNTIL_NEXT_LOOK_SECONDS = 60.0
"""What still stands when the interval is over is looked at by the schedule."""


def why_idle(world: World) -> str:
    """Why a pair that could serve does not: a sentence of `EXPLANATIONS`, or UNEXPLAINED. Empty if it could not."""
    fit = [host for host in world.hosts.values() if could_serve(world, host)]
    if not fit:
        return ""
    return next((sentence for sentence, applies in EXPLANATIONS.items() if applies(world, fit)), UNEXPLAINED)


def could_serve(world: World, host: Host) -> bool:
    """It works, or worked when the controller had it stopped; and it lacks nothing that the user was told of."""
    weakness = host.weakness
    is_sound = weakness.does_database_start and weakness.does_database_answer and weakness.does_volume_mount
    is_current = world.mirror.replica(host.name).data == "current" and world.acknowledged <= set(host.data)
    return is_sound and is_current and (host.is_well or host.was_well_when_stopped)


def _is_in_maintenance(world: World, _fit: list[Host]) -> bool:
    return "maintenanceUntil" in world.record() and _age(world, "maintenanceUntil") < 0


def _is_record_broken(world: World, _fit: list[Host]) -> bool:
    return world.is_record_tampered


def _is_within_interval(world: World, _fit: list[Host]) -> bool:
    waited_for = _MINIMUM_INTERVAL_SECONDS + _UNTIL_NEXT_LOOK_SECONDS
    return "lastFailoverAt" in world.record() and _age(world, "lastFailoverAt") < waited_for


def _may_lack_writes(world: World, fit: list[Host]) -> bool:
    """The active node is lost, and its last word was that it does not replicate."""
    active = world.hosts[str(world.record().get("active", "db-01"))]
    is_left_alone = world.alarms[world.alarm_name(active, "replication-degraded")].get() == "ALARM"
    return active not in fit and is_left_alone


def _is_off_by_an_order(world: World, fit: list[Host]) -> bool:
    """The active node is the only one that is current, and its instance was stopped; the standby is well, and stale."""
    active = world.hosts[str(world.record().get("active", "db-01"))]
    return fit == [active] and active.instance_state.get() == "stopped" and active.peer.is_well


def _age(world: World, moment: str) -> float:
    """Seconds since a moment of the record."""
    at = datetime.fromisoformat(str(world.record()[moment]))
    return (datetime.fromtimestamp(world.loop.now, UTC) - at).total_seconds()


EXPLANATIONS: Mapping[str, Callable[[World, list[Host]], bool]] = {
    "Maintenance was on: nothing happens automatically then.": _is_in_maintenance,
    "The cluster record had been spoilt: an operator says which node is active, the controller does not guess.": (
        _is_record_broken
    ),
    "The last automatic failover was less than the minimum interval ago: another one needs an operator, or the time.": (
        _is_within_interval
    ),
    "The active node's last word was that it did not replicate: the standby lacked nothing by luck, which only the "
    "observer knows; its promotion is an operator's `acceptDataLoss` (promise 3).": _may_lack_writes,
    "The active node's instance had been stopped while the standby lacked writes: an instance that is off is started "
    "by a person, because whoever stopped it may have meant it.": _is_off_by_an_order,
}
"""By the sentence that the page shows: does it apply, given the nodes that could serve?"""

"""What the cluster is in when a fault comes on top: each is a story that ends well when nothing else goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.campaign.world import World
from testbed.cluster.node import Weakness


@dataclass(frozen=True)
class Situation:
    """A story: how it begins, and how it ends without further faults."""

    name: str
    begin: Callable[[World], None]
    outcome: str
    """Of the execution that deals with it."""
    input: Mapping[str, Any] | None = None
    """What an operator starts the workflow with; None when events do."""
    workflow: str = "failover"
    prepare: Callable[[World], None] = lambda _world: None
    """What came before, and went well."""
    is_served_at_the_end: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the functions are told otherwise than by default."""
    repair: Callable[[World], None] = lambda _world: None
    """What the operator repairs before he starts the workflow again."""


def lose_network(world: World) -> None:
    world.hosts["db-01"].change("both network interfaces go down", eth0_up=False, eth1_up=False)


def lose_power(world: World) -> None:
    world.hosts["db-01"].lose_power()


def lose_power_and_stop(world: World) -> None:
    """An operator stops the first execution while it fences."""
    lose_power(world)
    engine = world.engine

    def stop() -> None:
        while not any(engine.state_of(execution["executionArn"]) == "FenceNode" for execution in engine.running()):
            world.loop.sleep(0.1)
        for execution in engine.running():
            engine.stop(execution["executionArn"], "stopped by an operator")

    world.loop.spawn(stop, "operator")


def fail_over(world: World) -> None:
    """It has happened: db-02 is active, and db-01, fenced and switched off, is to come back."""
    lose_network(world)
    world.run(
        300.0, until=lambda: world.is_served() and not world.engine.is_anything_running() and len(world.states) > 1
    )
    world.run(20.0)
    world.hosts["db-01"].change("its network is mended", eth0_up=True, eth1_up=True)


def start_first_instance(world: World) -> None:
    world.hosts["db-01"].start_instance()


def fail_over_and_rejoin(world: World) -> None:
    fail_over(world)
    start_first_instance(world)
    world.run(420.0, until=lambda: world.mirror.replica("db-01").link == "connected")
    world.run(60.0)


def hang(world: World) -> None:
    world.hosts["db-01"].change("hangs", is_hung=True)


def stop_instance(world: World) -> None:
    world.hosts["db-01"].stop_instance(skips_shutdown=True)


def crash_database(world: World) -> None:
    world.hosts["db-01"].change("its database crashes", is_database_up=False)


def break_database(world: World) -> None:
    world.hosts["db-01"].weakness.does_database_start = False
    crash_database(world)


def mend(world: World) -> None:
    """The operator has every weak part replaced."""
    for host in world.hosts.values():
        host.weakness = Weakness()


def reboot(world: World) -> None:
    world.hosts["db-01"].reboot()


def lose_standby_for_good(world: World) -> None:
    """Its instance is terminated; the stack sees it, and later EC2 knows the id no more."""
    world.hosts["db-02"].terminate_instance()
    world.run(120.0)
    world.hosts["db-02"].is_known_to_ec2 = False


def drift_route(world: World) -> None:
    world.set_route("rtb-0b", "eni-0b")


def lose_power_with_weak_standby(world: World) -> None:
    world.hosts["db-02"].weakness.does_volume_mount = False
    stop_instance(world)


def nothing(_world: World) -> None:
    pass


def lose_standby(world: World) -> None:
    world.hosts["db-02"].lose_power()


def lose_both(world: World) -> None:
    lose_power(world)
    lose_standby(world)


def lose_aws_path(world: World) -> None:
    world.hosts["db-01"].change("loses its path to AWS", aws_path_up=False)


def lose_power_with_stale_standby(world: World) -> None:
    """The link is lost, the user goes on writing, the standby learns that it is outdated; then the active node dies."""
    world.hosts["db-01"].change("its eth1 goes down", eth1_up=False)
    world.run(60.0)
    world.hosts["db-01"].lose_power()


def keep_maintenance(world: World) -> None:
    world.apis.table.put({"clusterName": {"S": "garoon"}, "maintenanceUntil": {"S": "2026-11-22T04:08:00Z"}})
    crash_database(world)


ALL = {
    situation.name: situation
    for situation in (
        Situation("network-loss", lose_network, "FailedOver"),
        Situation("power-loss", lose_power, "FailedOver"),
        Situation("fence-by-stop", lose_power, "FailedOver", environment={"FENCE_METHOD": "StopInstance"}),
        Situation("execution-stopped", lose_power_and_stop, "FailedOver"),
        Situation("rejoin", start_first_instance, "Rejoined", prepare=fail_over),
        Situation("switchback", nothing, "SwitchedOver", input={}, workflow="switchback", prepare=fail_over_and_rejoin),
        Situation(
            "switchback-of-a-fenced-node", nothing, "SwitchedOver", input={}, workflow="switchback", prepare=fail_over
        ),
        Situation("active-hangs", hang, "FailedOver"),
        Situation("instance-stopped", stop_instance, "FailedOver"),
        Situation("service-crash", crash_database, "ServicesRestarted"),
        Situation("service-broken", break_database, "Moved", repair=mend),
        Situation("active-reboots", reboot, "Resumed"),
        Situation("standby-forgotten", reboot, "Resumed", prepare=lose_standby_for_good),
        Situation("route-drift", drift_route, "RoutesRepaired"),
        Situation("promote-fails", lose_power_with_weak_standby, "Restored", repair=mend),
        Situation("asked-by-hand", nothing, "NothingToDo", input={}),
        Situation("data-loss-accepted", lose_power_with_stale_standby, "FailedOver", input={"acceptDataLoss": True}),
        Situation("standby-lost", lose_standby, "Warned", input={}),
        Situation("aws-path-lost", lose_aws_path, "Warned"),
        Situation("both-down", lose_both, "Halted", is_served_at_the_end=False),
        Situation("standby-stale", lose_power_with_stale_standby, "Halted", is_served_at_the_end=False),
        Situation("maintenance", keep_maintenance, "Halted"),
    )
}

"""A pair that could serve and does not is called so; what keeps it from that on purpose is named."""

from collections.abc import Iterator

import pytest

from testbed.campaign.idle import EXPLANATIONS, UNEXPLAINED, why_idle
from testbed.campaign.install import Controller
from testbed.campaign.world import World


@pytest.fixture
def world(controller: Controller) -> Iterator[World]:
    controller.deploy({})
    world = World(controller.stack, controller.handlers, controller.clients, "idle")
    world.run(20.0)
    yield world
    world.end()


def explained(words: str) -> str:
    return next(sentence for sentence in EXPLANATIONS if words in sentence)


def test_pair_of_which_one_is_well_and_current_could_serve(world: World) -> None:
    world.hosts["db-01"].lose_power()
    assert why_idle(world) == UNEXPLAINED


def test_pair_without_a_well_node_could_not_serve(world: World) -> None:
    world.hosts["db-01"].lose_power()
    world.hosts["db-02"].weakness.does_volume_mount = False
    assert why_idle(world) == ""


def test_node_that_lacks_what_users_were_told_is_safe_could_not_serve(world: World) -> None:
    world.hosts["db-01"].lose_power()
    world.hosts["db-02"].data.pop()
    assert why_idle(world) == ""


def test_node_that_the_controller_had_stopped_while_it_worked_could_serve(world: World) -> None:
    world.hosts["db-02"].lose_power()
    world.hosts["db-01"].was_well_when_stopped = True
    world.hosts["db-01"].stop_instance(skips_shutdown=True)
    world.run(30.0, until=lambda: world.hosts["db-01"].instance_state.get() == "stopped")
    assert why_idle(world) == UNEXPLAINED


def test_active_node_that_was_stopped_beside_a_stale_standby_is_started_by_a_person(world: World) -> None:
    world.hosts["db-01"].was_well_when_stopped = True
    world.hosts["db-01"].stop_instance(skips_shutdown=True)
    world.run(30.0, until=lambda: world.hosts["db-01"].instance_state.get() == "stopped")
    assert why_idle(world) == UNEXPLAINED
    world.mirror.outdate("db-02")
    assert why_idle(world) == explained("by a person")


def test_what_keeps_it_on_purpose_is_named(world: World) -> None:
    world.hosts["db-01"].lose_power()
    world.apis.table.put({"clusterName": {"S": "garoon"}, "maintenanceUntil": {"S": "2099-01-01T00:00:00Z"}})
    assert why_idle(world) == explained("Maintenance")
    world.apis.table.put({"clusterName": {"S": "garoon"}, "lastFailoverAt": {"S": "2099-01-01T00:00:00Z"}})
    assert why_idle(world) == explained("interval")
    world.apis.table.put(None)
    world.alarms["garoon-db-01-replication-degraded"].set("ALARM")
    assert why_idle(world) == explained("did not replicate")
    world.is_record_tampered = True
    assert why_idle(world) == explained("spoilt")

"""Simulated clusters for the tests of the node script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testbed.hosts import claim_world_number, create_pair
from tests.node.node import Cluster, Node, wait_for


@contextmanager
def running_cluster(
    world: Path, shape: Mapping[str, Any] | None = None, script: str | None = None, **parameters: str
) -> Iterator[Cluster]:
    """`shape`: what `create_pair` takes beside the defaults. `script`: another one. `parameters`: of `install`."""
    with claim_world_number() as number:
        first, second = create_pair(world, number, **(shape or {}))
        nodes = Cluster(Node(first, second, script), Node(second, first, script))
        try:
            for host in (first, second):
                host.boot()
            for node in (nodes.first, nodes.second):
                node.host.wait_until_ready()
                node.set_local(
                    ANSWER_SECONDS="2",
                    START_SECONDS="10",
                    STALL_SECONDS="20",
                    LOOK_SECONDS="1",
                    PEER_LOSS_SECONDS="2",
                    LOCK_WAIT_SECONDS="20",
                    RELEASE_SECONDS="4",
                )
                assert node.install(**parameters).exit_code == 0
            wait_for("both replicas up to date", nodes.is_in_sync)
            yield nodes
        finally:
            for host in (first, second):
                host.power_off()
            print(first.console(), second.console(), first.journal(), second.journal(), sep="\n")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Both nodes on and installed, in sync, nobody active."""
    with running_cluster(tmp_path / "world") as nodes:
        yield nodes


@pytest.fixture
def active_cluster(cluster: Cluster) -> Cluster:
    """db-01 serves, db-02 is its up-to-date standby."""
    cluster.activate()
    return cluster


@pytest.fixture(scope="session")
def long_lived_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("long-lived") / "world") as nodes:
        yield nodes


@pytest.fixture
def serving_cluster(long_lived_cluster: Cluster) -> Cluster:
    """As `active_cluster`, healed from the test before: for tests that switch nothing off and move no role."""
    for node in (long_lived_cluster.first, long_lived_cluster.second):
        node.host.clear_faults()
        node.set_local(START_SECONDS="10", STALL_SECONDS="20")
        node.host.wait_until_ready()
    long_lived_cluster.activate(epoch="0")
    wait_for("db-01 in service", lambda: long_lived_cluster.first.status()["isServing"])
    wait_for("both replicas up to date", long_lived_cluster.is_in_sync)
    return long_lived_cluster

"""A node that was active and comes back must not lose what only it holds, nor overwrite what its successor wrote."""

from __future__ import annotations

import pytest

from tests.node.node import Cluster, Node, wait_for


def cut_off_while_writing(cluster: Cluster) -> None:
    """db-01 writes on alone, is cut off from the power, and db-02 takes over and writes too."""
    first, second = cluster.first, cluster.second
    second.stop_watch()
    first.host.set_fault("nic_eth1", "down")
    wait_for("the link lost", lambda: first.status()["replication"]["link"] == "waiting")
    assert first.say(first.host.settings.database_port, "PUT only-on-db-01 x") == "OK"
    first.host.power_off()
    cluster.activate(second, epoch="2")
    assert second.say(second.host.settings.database_port, "PUT only-on-db-02 x") == "OK"


def boot(node: Node) -> None:
    node.host.set_fault("nic_eth1", None)
    node.host.boot()
    node.host.wait_until_ready()


def has_memo(node: Node, name: str) -> bool:
    return (node.host.files.volume / "cybozu/mysql-5.0/data/memo" / name).exists()


def test_a_former_active_stays_out_of_touch_when_it_boots(active_cluster: Cluster) -> None:
    """On contact DRBD would overwrite it, before anybody kept its data."""
    cut_off_while_writing(active_cluster)

    boot(active_cluster.first)

    status = active_cluster.first.status()
    assert status["wasActive"]
    assert status["replication"]["link"] == "apart"
    assert status["replication"]["role"] == "secondary"
    assert has_memo(active_cluster.first, "only-on-db-01")


def test_a_rejoined_node_follows_its_successor(active_cluster: Cluster) -> None:
    cut_off_while_writing(active_cluster)
    boot(active_cluster.first)

    active_cluster.second.must("reconnect", Epoch="2")
    active_cluster.first.must("rejoin", Epoch="2")

    wait_for("both in sync", active_cluster.is_in_sync)
    assert not active_cluster.first.status()["wasActive"]
    assert has_memo(active_cluster.first, "only-on-db-02")
    assert not has_memo(active_cluster.first, "only-on-db-01")
    [discarded] = active_cluster.mirror.read().discarded
    assert discarded["node"] == "db-01"
    assert "cybozu/mysql-5.0/data/memo/only-on-db-01" in discarded["files"]


def test_both_sides_of_a_split_are_brought_together(active_cluster: Cluster) -> None:
    """DRBD found the split brain and dropped the connection on both sides: both must look for each other again."""
    cut_off_while_writing(active_cluster)
    boot(active_cluster.first)
    active_cluster.mirror.connect("db-01")
    wait_for(
        "the split", lambda: active_cluster.second.status()["replication"]["link"] == "apart"
    )  # fmt: skip

    active_cluster.first.must("rejoin", Epoch="2")
    active_cluster.second.must("reconnect", Epoch="2")

    wait_for("both in sync", active_cluster.is_in_sync)
    assert has_memo(active_cluster.second, "only-on-db-02")


def test_rejoining_twice_is_rejoining_once(active_cluster: Cluster) -> None:
    active_cluster.second.must("rejoin", Epoch="1")
    active_cluster.second.must("rejoin", Epoch="1")

    assert active_cluster.is_in_sync()


def test_an_active_node_never_follows(active_cluster: Cluster) -> None:
    report = active_cluster.first.run("rejoin", Epoch="1")

    assert (report.exit_code, report.result, report.code) == (17, "refused", "not_demoted")
    assert report.state["isServing"]
    assert active_cluster.is_in_sync()


def test_a_standby_is_not_followed(active_cluster: Cluster) -> None:
    report = active_cluster.second.run("reconnect", Epoch="1")

    assert (report.exit_code, report.result, report.code) == (16, "refused", "not_primary")


@pytest.mark.parametrize("verb", ["rejoin", "reconnect"])
def test_a_command_of_a_former_epoch_connects_nothing(active_cluster: Cluster, verb: str) -> None:
    for node in (active_cluster.first, active_cluster.second):
        node.must("start" if node is active_cluster.first else "demote", Epoch="5")
        assert node.run(verb, Epoch="4").code == "stale_epoch"


def test_an_active_node_demoted_out_of_touch_says_that_it_may_be_ahead(active_cluster: Cluster) -> None:
    first = active_cluster.first
    first.host.set_fault("nic_eth1", "down")
    wait_for("the link lost", lambda: first.status()["replication"]["link"] == "waiting")

    first.must("demote", Epoch="2")
    first.must("demote", Epoch="2")

    assert first.status()["isUnreplicated"]
    assert not first.status()["wasActive"]
    boot_again(first)
    assert first.status()["replication"]["link"] == "apart"


def boot_again(node: Node) -> None:
    node.host.power_off()
    boot(node)


def test_an_active_node_that_booted_is_in_touch_again_once_promoted(active_cluster: Cluster) -> None:
    boot_again(active_cluster.first)

    active_cluster.activate(active_cluster.first, epoch="2")

    wait_for("both in sync", active_cluster.is_in_sync)

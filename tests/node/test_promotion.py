"""A node must not be promoted onto stale data, beside another primary, too late, or for a move that is over."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.node.node import SCRIPT, Cluster, wait_for
from tests.node.test_recovery import starts


def test_a_replica_in_the_middle_of_a_resync_is_not_promoted(active_cluster: Cluster) -> None:
    standby = active_cluster.second
    active_cluster.start_resync(standby)
    active_cluster.first.host.power_off()

    report = standby.run("promote", Epoch="2")

    assert (report.exit_code, report.result, report.code) == (10, "refused", "stale_replica")
    assert "stale" in report.message
    assert report.state["replication"]["role"] == "secondary"
    assert not report.state["isMounted"]
    assert not report.state["wasActive"]


def test_a_replica_that_syncs_from_a_living_peer_is_not_promoted(cluster: Cluster) -> None:
    # DRBD itself would allow it: the peer can serve the missing blocks, until it is gone.
    cluster.start_resync(cluster.second)

    report = cluster.second.run("promote")

    assert (report.exit_code, report.code) == (10, "stale_replica")
    assert "resync" in report.message
    assert report.state["replication"]["syncPercent"] is not None


def test_an_operator_may_accept_the_loss_of_data(active_cluster: Cluster) -> None:
    standby = active_cluster.second
    active_cluster.start_resync(standby)
    active_cluster.first.host.power_off()

    report = standby.must("promote", AcceptDataLoss="true")

    assert report.state["replication"]["role"] == "primary"
    assert report.state["isWritable"]


def test_a_node_is_not_promoted_while_its_peer_is_primary(serving_cluster: Cluster) -> None:
    report = serving_cluster.second.run("promote", AcceptDataLoss="true")

    assert (report.exit_code, report.result, report.code) == (11, "refused", "peer_primary")
    assert report.state["replication"]["role"] == "secondary"
    assert serving_cluster.first.status()["isServing"]


@pytest.mark.parametrize("unseen", ["PEER_DATABASE", "PEER_NFS", "PATH_ETH0", "PATH_ETH1"])
@pytest.mark.parametrize("word", ["unknown", "silent", "answers"])
def test_what_a_node_sees_of_its_peer_or_could_not_see_is_no_proof_that_it_is_gone(unseen: str, word: str) -> None:
    """Sourced, the script runs nothing: its look is replaced by what it finds."""
    found = {
        "PEER_DATABASE": "unreachable",
        "PEER_NFS": "unreachable",
        "PATH_ETH0": "unreachable",
        "PATH_ETH1": "unreachable",
    }
    assignments = "; ".join(f"{name}={value}" for name, value in (found | {unseen: word}).items())
    text = (
        f"source {SCRIPT}; PEER_PROOF=unseen; read_probe() {{ {assignments}; }};"
        ' refuse_with_status() { echo "$1"; exit; }; require_peer_proof; echo "no word against it"'
    )
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "peer_not_proven\n"


def test_a_promotion_begins_what_users_reach_and_does_not_wait_for_it(cluster: Cluster) -> None:
    """The database recovers: the role is told at once, and `start` finds what was begun, once, and tells of it."""
    node = cluster.first
    node.set_local(START_SECONDS="2")
    node.host.set_fault("recovery_seconds", 6)

    report = node.must("promote", AndStart="true")

    assert report.state["replication"]["role"] == "primary"
    assert not report.state["databaseAnswers"]
    reports = [node.run("start")]
    assert reports[0].code == "recovering"
    while reports[-1].result == "pending":
        reports.append(node.run("start"))
    assert reports[-1].state["isServing"], reports[-1]
    assert starts(node, "cyde_5_0") == 1


def test_a_promotion_that_fails_begins_nothing(cluster: Cluster) -> None:
    node = cluster.first
    node.host.set_fault("mount_fails", True)

    assert node.run("promote", AndStart="true").result == "failed"

    node.must("demote", Epoch="2")  # which waits for what still is at work
    assert starts(node, "cyde_5_0") == 0
    assert not node.status()["hasVirtualIp"]


def test_a_dead_peer_still_seen_as_primary_is_waited_for(active_cluster: Cluster) -> None:
    active_cluster.first.host.power_off()

    report = active_cluster.second.must("promote", Epoch="2")

    assert report.state["replication"]["role"] == "primary"
    assert report.state["wasActive"]


def test_promoting_twice_is_promoting_once(cluster: Cluster) -> None:
    cluster.first.must("promote", Epoch="1")
    generations = cluster.mirror.read().replicas["db-01"].generations

    report = cluster.first.must("promote", Epoch="1")

    assert report.state["isMounted"]
    assert cluster.mirror.read().replicas["db-01"].generations == generations


def test_a_command_of_a_former_epoch_is_refused(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.must("demote", Epoch="5")

    for verb in ("promote", "start", "restart", "stop", "demote"):
        report = node.run(verb, Epoch="4")
        assert (report.exit_code, report.result, report.code) == (12, "refused", "stale_epoch"), verb

    assert node.status()["epoch"] == 5
    assert node.status()["replication"]["role"] == "secondary"


def test_the_epoch_survives_a_power_cut(cluster: Cluster) -> None:
    cluster.first.must("promote", Epoch="08")
    cluster.first.host.power_off()
    cluster.first.host.boot()
    cluster.first.host.wait_until_ready()

    assert cluster.first.status()["epoch"] == 8
    assert cluster.first.run("promote", Epoch="7").code == "stale_epoch"


def test_a_command_that_arrives_too_late_is_refused(serving_cluster: Cluster) -> None:
    node = serving_cluster.first

    report = node.run("demote", ExpiresAt=str(int(time.time()) - 1))

    assert (report.exit_code, report.result, report.code) == (13, "refused", "expired")
    assert node.status()["isServing"]
    node.must("demote", ExpiresAt=str(int(time.time()) + 60))


def test_a_promotion_that_drbd_refuses_leaves_a_standby(cluster: Cluster) -> None:
    cluster.first.host.set_fault("promote_fails", True)

    report = cluster.first.run("promote")

    assert (report.exit_code, report.result) == (1, "failed")
    assert "State change was refused" in report.message
    assert not report.state["wasActive"]


def test_a_volume_that_can_not_be_mounted_leaves_a_standby(cluster: Cluster) -> None:
    cluster.first.host.set_fault("mount_fails", True)

    report = cluster.first.run("promote")

    assert (report.exit_code, report.result) == (1, "failed")
    assert "superblock" in report.message
    assert report.state["replication"]["role"] == "secondary"
    assert not report.state["wasActive"]


def test_a_standby_that_misses_writes_outdates_itself(active_cluster: Cluster) -> None:
    """The peer goes on writing without it: DRBD itself must then refuse, whoever asks."""
    standby = active_cluster.second
    standby.install(WatchIntervalSeconds="1")
    active_cluster.first.host.set_fault("nic_eth1", "down")

    wait_for("the standby outdated", lambda: standby.status()["replication"]["data"] == "stale")

    assert "outdating this replica" in standby.host.journal()
    active_cluster.first.host.power_off()
    assert standby.run("promote").code == "stale_replica"


def test_a_standby_whose_peer_is_dead_does_not_outdate_itself(active_cluster: Cluster) -> None:
    standby = active_cluster.second
    standby.install(WatchIntervalSeconds="1")
    active_cluster.first.host.power_off()
    wait_for("the link lost", lambda: standby.status()["replication"]["link"] == "waiting")

    looks = standby.host.journal
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        assert standby.status()["replication"]["data"] == "current", looks()
        time.sleep(0.5)
    standby.must("promote")


def test_a_role_can_be_moved_without_the_replication_interface(active_cluster: Cluster) -> None:
    active_cluster.second.stop_watch()
    # `floating` addresses in the resource file: DRBD's tools forget the resource with the interface.
    for node in (active_cluster.first, active_cluster.second):
        node.host.set_fault("nic_eth1", "down")

    assert active_cluster.first.must("demote", Epoch="2").state["replication"]["role"] == "secondary"
    assert active_cluster.second.must("promote", Epoch="2").state["replication"]["role"] == "primary"


def test_a_command_that_was_timed_by_another_clock_is_told_this_one_s(serving_cluster: Cluster) -> None:
    node = serving_cluster.first

    for expires_at in (int(time.time()) - 3600, int(time.time()) + 3600):
        report = node.run("demote", ExpiresAt=str(expires_at))
        assert (report.exit_code, report.code) == (13, "expired")
        assert abs(report.clock - time.time()) < 5
    assert node.status()["isServing"]


def test_a_node_says_whose_machine_it_is(cluster: Cluster) -> None:
    assert cluster.first.status()["instanceId"] == cluster.first.host.settings.instance_id

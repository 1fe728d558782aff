"""`status` and `probe`: they always answer, soon, and tell answering from accepting."""

from __future__ import annotations

import time

from tests.node.node import Cluster, wait_for


def test_a_hung_volume_does_not_hang_the_status(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    node.host.set_fault("volume", "hang")
    wait_for("the volume hung", lambda: not node.status()["isWritable"])
    began = time.monotonic()

    status = node.status()

    assert time.monotonic() - began < 8
    assert status["isMounted"]
    assert not status["isServing"]


def test_a_volume_that_takes_no_writes_does_not_serve(serving_cluster: Cluster) -> None:
    serving_cluster.first.host.set_fault("volume", "error")

    wait_for("the error noticed", lambda: not serving_cluster.first.status()["isWritable"])


def test_a_full_volume_is_not_called_hung(serving_cluster: Cluster) -> None:
    # What the look writes over needs no room; a file that is cut to nothing first would need it again.
    node = serving_cluster.first
    check = node.host.files.volume / ".garoon-node-write-check"
    check.write_bytes(b"x" * 2000)

    assert node.status()["isWritable"]

    assert check.read_bytes() == bytes(512) + b"x" * 1488


def test_the_answer_is_small_enough_for_run_command(serving_cluster: Cluster) -> None:
    assert serving_cluster.first.must("status").length < 2000


def test_the_status_shows_services_that_the_system_would_start_by_itself(cluster: Cluster) -> None:
    root = cluster.first.host.files.root
    (root / "etc/rc3.d").mkdir()
    (root / "etc/rc3.d/S85cyde_5_0").symlink_to("../init.d/cyde_5_0")
    (root / "etc/fstab").write_text("/dev/xvda1 / xfs defaults 0 0\n/dev/drbd0 /mnt/DIR1 xfs defaults 0 0\n")

    status = cluster.first.status()

    assert status["areServicesEnabledAtBoot"]
    assert status["isMountedByFstab"]


def test_the_status_names_the_nodes_that_the_hosts_file_lacks(cluster: Cluster) -> None:
    node, peer = cluster.first.host.settings, cluster.second.host.settings
    hosts = cluster.first.host.files.root / "etc/hosts"
    assert cluster.first.status()["missingHosts"] == []

    hosts.write_text(f"# {peer.eth0_address} db-02\n{node.eth0_address} db-01 {peer.eth0_address}\n")

    assert cluster.first.status()["missingHosts"] == [peer.eth0_address]


def test_the_status_tells_the_installed_script_from_the_one_that_answers(cluster: Cluster) -> None:
    installed = cluster.first.host.files.root / "usr/local/sbin/garoon-node"
    status = cluster.first.status()
    assert status["version"] == status["answeringVersion"] != ""

    installed.write_text(installed.read_text() + "# of an older stack\n")

    assert cluster.first.status()["version"] != status["version"]
    assert cluster.first.status()["answeringVersion"] == status["answeringVersion"]


def test_the_status_tells_the_time_of_the_nodes_clock(cluster: Cluster) -> None:
    earliest = int(time.time())
    assert earliest <= cluster.first.status()["clock"] <= time.time()


def test_a_probe_sees_a_serving_peer(serving_cluster: Cluster) -> None:
    sight = serving_cluster.second.must("probe").sight

    assert sight == {
        "peer": "db-01",
        "database": "answers",
        "nfs": "answers",
        "paths": {"eth0": True, "eth1": True},
    }


def test_a_probe_tells_what_is_wrong_with_the_peer(serving_cluster: Cluster) -> None:
    for fault, value, database, eth0, eth1 in (
        ("nic_eth0", "down", "unreachable", False, True),
        ("nic_eth1", "down", "answers", True, False),
        ("database", "silent", "silent", True, True),
        ("hang", True, "silent", False, False),
        ("aws", "down", "answers", True, True),
    ):
        serving_cluster.first.host.clear_faults()
        serving_cluster.first.host.set_fault(fault, value)
        expected = (database, {"eth0": eth0, "eth1": eth1})
        wait_for(f"the probe to see {fault}={value}", does_see, serving_cluster, expected)


def does_see(cluster: Cluster, expected: tuple[str, dict[str, bool]]) -> bool:
    sight = cluster.second.must("probe").sight
    return (sight["database"], sight["paths"]) == expected


def test_a_probe_sees_nothing_of_a_dead_peer(active_cluster: Cluster) -> None:
    active_cluster.first.host.power_off()

    sight = active_cluster.second.must("probe").sight

    assert (sight["database"], sight["nfs"]) == ("unreachable", "unreachable")
    assert sight["paths"] == {"eth0": False, "eth1": False}

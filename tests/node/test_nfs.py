"""The NFS server must be ready before it is needed, and a create must not hang where `status` says that all is well."""

from __future__ import annotations

import time
from pathlib import Path

from tests.node.node import Cluster, Node, wait_for

CLIENT = "10.0.2.10"


def create_file(node: Node, name: str = "memo") -> str:
    return node.say(node.host.settings.nfs_port, f"PUT {name} aGVsbG8=")


def record_client(node: Node) -> Path:
    """A client of before, of which the server has a record; it is nobody's any more."""
    record = node.host.files.root / "var/lib/nfs/nfsdcld" / CLIENT
    record.parent.mkdir(parents=True, exist_ok=True)
    record.touch()
    return record


def nfsd_file(node: Node, name: str) -> Path:
    return node.host.files.root / "proc/fs/nfsd" / name


def restart_nfs(node: Node) -> None:
    node.host.deliver("systemctl restart nfs-server", {}, 10)


def test_a_server_in_its_grace_period_answers_and_does_not_serve(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    record_client(node)
    assert node.status()["isServing"]

    restart_nfs(node)

    state = node.status()
    assert (state["nfsAnswers"], state["isServing"]) == (False, False)


def test_a_restart_leaves_the_clients_of_this_server_the_time_to_claim_back(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    create_file(node)
    node.set_local(ANSWER_SECONDS="1")
    restart_nfs(node)

    report = node.run("restart", Epoch="1")

    assert report.result == "failed", "nobody can create a file yet"
    assert nfsd_file(node, "v4_end_grace").read_text() == "N\n"


def test_a_takeover_ends_a_grace_period_that_is_for_nobody(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    record = record_client(second)
    restart_nfs(second)
    assert second.status()["nfsAnswers"] is False
    began = time.monotonic()

    first.must("demote", Epoch="2")
    second.must("promote", Epoch="2")
    second.must("start", Epoch="2")

    assert create_file(second) == "OK"
    assert time.monotonic() - began < 20, "the grace period, of 15 s, was waited for"
    wait_for("the record of nobody being gone", lambda: not record.exists())


def test_demoting_takes_the_volume_from_a_client_with_an_open_file_and_not_the_server(active_cluster: Cluster) -> None:
    node = active_cluster.first
    assert create_file(node) == "OK"
    assert list(nfsd_file(node, "clients").iterdir())

    report = node.must("demote", Epoch="2")

    assert not report.state["isMounted"]
    assert report.state["nfsAnswers"], "it would be in its grace when it is needed next"
    assert list((node.host.files.root / "var/lib/nfs/nfsdcld").iterdir()) == []


def test_a_demoted_node_whose_server_had_to_be_stopped_has_it_again_at_once(active_cluster: Cluster) -> None:
    node = active_cluster.first
    record_client(node)
    node.host.deliver("systemctl stop nfs-server", {}, 10)

    node.must("demote", Epoch="2")

    assert node.status()["nfsAnswers"]


def test_a_booted_standby_has_its_server_past_its_grace(active_cluster: Cluster) -> None:
    node = active_cluster.first
    assert create_file(node) == "OK"
    node.host.power_off()
    node.host.boot()

    node.host.wait_until_ready()

    assert node.status()["nfsAnswers"]


def test_installing_sets_the_times_of_a_standby_at_once_and_of_a_node_in_service_later(active_cluster: Cluster) -> None:
    for node in (active_cluster.first, active_cluster.second):
        assert nfsd_file(node, "nfsv4leasetime").read_text() == "15\n"
        node.install(NfsLeaseSeconds="30")

    assert nfsd_file(active_cluster.second, "nfsv4leasetime").read_text() == "30\n"
    assert nfsd_file(active_cluster.first, "nfsv4leasetime").read_text() == "15\n"
    active_cluster.first.must("demote", Epoch="2")
    assert nfsd_file(active_cluster.first, "nfsv4gracetime").read_text() == "30\n"

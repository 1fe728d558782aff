"""Several replicated volumes move together: no volume is ever left where the others are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.generate_document import assemble
from testbed.hosts.layout import SECOND_VOLUME
from tests.node.conftest import running_cluster
from tests.node.node import OTHER_ENGINE, Cluster, Node, wait_for
from tests.node.test_arguments import INSTALL, run

POINTS = ("/mnt/DIR1", "/mnt/DIR2")
SECOND = SECOND_VOLUME
EXPORTS = ("www/cgi-bin/cbgrn/sessiondata", "/mnt/DIR2/files")
LISTS = {
    "FurtherVolumes": SECOND,
    "Exports": ",".join(f"{path}:{number}" for number, path in enumerate(EXPORTS, 3771)),
}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Cluster]:
    """Both nodes on, in sync, nobody active; the attachments are on a volume of their own."""
    with running_cluster(tmp_path / "world", {"mount_points": POINTS, "exports": EXPORTS}, **LISTS) as nodes:
        wait_for("the second volume up to date", is_in_sync, nodes)
        yield nodes


@pytest.fixture
def active_pair(pair: Cluster) -> Cluster:
    pair.activate()
    return pair


def is_in_sync(nodes: Cluster) -> bool:
    replicas = nodes.first.host.mirrors[1].read().replicas.values()
    return all(one.link == "connected" and one.data == "current" for one in replicas)


def roles(node: Node) -> list[str]:
    return [mirror.read().replicas[node.name].role for mirror in node.host.mirrors]


def mounted(node: Node) -> list[str]:
    lines = (node.host.files.root / "proc/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1] in POINTS]


def put_attachment(node: Node, name: str) -> None:
    assert node.say(node.host.settings.nfs_port, f"PUT {name} AAAA") == "OK"


def has_attachment(node: Node, name: str) -> bool:
    return (node.host.files.volume_of(1) / "files" / name).exists()


def test_both_go_where_the_role_goes_and_hold_the_same_data(active_pair: Cluster) -> None:
    first, second = active_pair.first, active_pair.second
    assert first.status()["isServing"]
    assert (roles(first), mounted(first)) == (["primary", "primary"], [*POINTS])
    assert first.say(3770, "PUT memo-1 5feceb66") == "OK"
    put_attachment(first, "memo-1")

    first.must("demote", Epoch="2")

    assert (roles(first), mounted(first)) == (["secondary", "secondary"], [])
    active_pair.activate(second, epoch="2")
    assert second.status()["isServing"]
    assert (roles(second), mounted(second)) == (["primary", "primary"], [*POINTS])
    assert second.say(3770, "GET memo-1") == "5feceb66"
    assert second.say(second.host.settings.nfs_port, "GET memo-1") == "AAAA"


@pytest.mark.parametrize("fault", ["promote_fails", "mount_fails"])
@pytest.mark.parametrize("volume", [0, 1])
def test_one_that_fails_takes_the_other_back_with_it_and_the_next_try_is_whole(
    pair: Cluster, fault: str, volume: int
) -> None:
    node = pair.first
    node.host.set_fault(fault, volume)

    report = node.run("promote", Epoch="1")

    assert report.result == "failed"
    assert (report.state["replication"]["role"], report.state["isMounted"]) == ("secondary", False)
    assert (roles(node), mounted(node)) == (["secondary", "secondary"], [])
    node.host.clear_faults()
    pair.activate(node)
    assert node.status()["isServing"]


def test_one_that_is_behind_keeps_all_from_being_promoted(pair: Cluster) -> None:
    node = pair.first
    node.host.mirrors[1].start_resync(node.name, seconds=600)
    drbd = node.host.files.root / "proc/drbd"
    wait_for("the resync being seen", lambda: "SyncTarget" in drbd.read_text())

    report = node.run("promote", Epoch="1")

    assert (report.result, report.code) == ("refused", "stale_replica")
    assert "in the middle of a resync" in report.message
    assert report.state["replication"]["data"] == "stale"
    assert roles(node) == ["secondary", "secondary"]


def test_a_half_promoted_set_counts_as_primary_and_is_finished_or_given_back(pair: Cluster) -> None:
    first, second = pair.first, pair.second
    first.host.mirrors[0].promote(first.name, is_forced=False)
    wait_for("it seen", lambda: first.status()["replication"]["role"] == "primary")

    status = first.status()
    assert (status["isMounted"], status["isServing"]) == (False, False)
    assert second.run("promote", Epoch="1").code == "peer_primary"
    assert first.run("start", Epoch="1").result == "failed"

    assert first.must("demote", Epoch="1").state["replication"]["role"] == "secondary"
    assert roles(first) == ["secondary", "secondary"]

    first.host.mirrors[1].promote(first.name, is_forced=False)
    wait_for("it seen again", lambda: first.status()["replication"]["role"] == "primary")
    pair.activate(first)
    assert (roles(first), first.status()["isServing"]) == (["primary", "primary"], True)


def test_a_half_promoted_set_of_which_the_rest_is_behind_is_not_finished(pair: Cluster) -> None:
    first = pair.first
    first.host.mirrors[0].promote(first.name, is_forced=False)
    first.host.mirrors[1].start_resync(first.name, seconds=600)
    drbd = first.host.files.root / "proc/drbd"
    wait_for("both being seen", lambda: "SyncTarget" in drbd.read_text() and "Primary" in drbd.read_text())

    assert first.run("promote", Epoch="1").code == "stale_replica"
    assert roles(first)[1] == "secondary"
    assert first.must("demote", Epoch="1").state["replication"]["role"] == "secondary"


def test_a_node_that_died_active_keeps_both_apart_and_follows_with_both(active_pair: Cluster) -> None:
    first, second = active_pair.first, active_pair.second
    second.stop_watch()
    first.host.set_fault("nic_eth1", "down")
    wait_for("the link lost", lambda: first.status()["replication"]["link"] == "waiting")
    put_attachment(first, "alone")
    first.host.power_off()
    first.host.clear_faults()
    active_pair.activate(second, epoch="2")
    put_attachment(second, "after")
    first.host.boot()
    first.host.wait_until_ready()
    wait_for("it up again", lambda: first.status()["replication"]["role"] == "secondary")
    assert first.status()["replication"]["link"] == "apart"
    assert first.status()["wasActive"]

    second.must("reconnect", Epoch="2")
    first.must("rejoin", Epoch="2")

    wait_for("both in sync", lambda: active_pair.is_in_sync() and is_in_sync(active_pair))
    # Only the attachments' volume held something of its own.
    assert [bool(mirror.read().discarded) for mirror in first.host.mirrors] == [False, True]
    assert has_attachment(first, "after")
    assert not has_attachment(first, "alone")
    assert first.status()["replication"] == second.status()["replication"] | {"role": "secondary"}


def test_a_split_in_one_is_a_split_of_all(active_pair: Cluster) -> None:
    first, second = active_pair.first, active_pair.second
    second.stop_watch()
    for node in (first, second):
        node.host.set_fault("nic_eth1", "down")
    wait_for("the link lost", lambda: first.status()["replication"]["link"] == "waiting")
    put_attachment(first, "alone")
    mirror = second.host.mirrors[1]
    with mirror.changing() as replicas:
        replicas.replicas[second.name].generations.append("its own")
    for node in (first, second):
        node.host.clear_faults()

    wait_for("the split", lambda: first.status()["replication"]["link"] == "apart")
    wait_for("of both", lambda: [one.view(first.name).link for one in first.host.mirrors] == ["apart", "apart"])


def test_a_volume_that_is_not_there_is_added_to_no_node_in_service(serving_cluster: Cluster) -> None:
    node = serving_cluster.first

    report = node.install(FurtherVolumes=SECOND)

    assert (report.exit_code, report.result) == (2, "refused")
    assert "the replica of db-01 has not all that FurtherVolumes names" in report.message
    status = node.status()
    assert status["isServing"]
    assert "FurtherVolumes" not in status["configured"]


def test_a_standby_takes_no_list_by_which_it_could_not_take_over(serving_cluster: Cluster) -> None:
    node = serving_cluster.second

    report = node.install(FurtherVolumes=SECOND)

    assert (report.exit_code, report.result) == (2, "refused")
    assert "the replica of db-02 has not all that FurtherVolumes names" in report.message
    replication = node.status()["replication"]
    assert (replication["data"], replication["link"]) == ("current", "connected")


def test_a_volume_joins_a_node_in_service_once_it_is_mounted_there(tmp_path: Path) -> None:
    """Both nodes have it in their resource already, and serve without it."""
    with running_cluster(tmp_path / "world", {"mount_points": POINTS, "exports": EXPORTS}) as nodes:
        first, second = nodes.first, nodes.second
        first.must("promote", Epoch="1")
        assert "not all of FurtherVolumes are mounted" in first.install(**LISTS).message

        first.host.deliver("mount /dev/drbd1 /mnt/DIR2", {}, 10)
        first.must("start", Epoch="1")

        assert [node.install(**LISTS).result for node in (first, second)] == ["done", "done"]
        assert first.status()["configured"]["FurtherVolumes"] == SECOND
        assert first.status()["isServing"]
        assert second.status()["replication"]["data"] == "current"


def test_a_volume_that_is_mounted_is_not_left_out_under_a_node_in_service(active_pair: Cluster) -> None:
    node = active_pair.first

    report = node.install(Exports="www/cgi-bin/cbgrn/sessiondata:3771")

    assert report.result == "refused"
    assert "/mnt/DIR2 is mounted and not among FurtherVolumes any more" in report.message
    assert node.status()["configured"]["FurtherVolumes"] == SECOND
    assert "FURTHER_VOLUMES" in (node.host.files.root / "etc/garoon-node.conf").read_text()


def test_a_node_with_one_volume_has_no_word_of_others_in_its_settings(serving_cluster: Cluster) -> None:
    assert "FURTHER" not in (serving_cluster.first.host.files.root / "etc/garoon-node.conf").read_text()


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"FurtherVolumes": "/dev/xvdc1:/dev/drbd1"}, "The value of FurtherVolumes is not allowed"),
        ({"FurtherVolumes": "/dev/xvdc1:/dev/drbd0:/mnt/DIR2"}, "names /dev/drbd0, which another volume has"),
        ({"FurtherVolumes": "/dev/xvdc1:/dev/drbd1:/mnt/DIR1"}, "names /mnt/DIR1, which another volume has"),
        ({"FurtherVolumes": SECOND, "Exports": "/srv/files:1"}, "Exports names /srv/files, which is on no volume"),
        ({"FurtherVolumes": SECOND, "Exports": "/mnt/DIR2/a:1,/mnt/DIR2/a:2"}, "Exports names /mnt/DIR2/a twice"),
    ],
)
def test_a_list_that_can_not_be_used_installs_nothing(tmp_path: Path, parameters: dict[str, str], why: str) -> None:
    report = run(tmp_path, Verb="install", **{**INSTALL, **parameters})

    assert (report.exit_code, report.code) == (2, "bad_arguments")
    assert why in report.message
    assert list(tmp_path.iterdir()) == []


def test_with_an_engine_that_has_a_connection_for_each_volume_they_move_together_too(tmp_path: Path) -> None:
    shape = {"mount_points": POINTS, "exports": EXPORTS, "engine": "mirrorctl"}
    lists = LISTS | {"FurtherVolumes": "/dev/xvdc1:/dev/mirror1:/mnt/DIR2"}
    with running_cluster(tmp_path / "world", shape, assemble(OTHER_ENGINE), **lists) as nodes:
        wait_for("the second volume up to date", is_in_sync, nodes)
        nodes.activate()
        test_both_go_where_the_role_goes_and_hold_the_same_data(nodes)

        nodes.second.must("demote", Epoch="3")
        nodes.first.host.set_fault("promote_fails", 1)

        assert nodes.first.run("promote", Epoch="3").result == "failed"
        assert (roles(nodes.first), mounted(nodes.first)) == (["secondary", "secondary"], [])

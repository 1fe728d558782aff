"""Installing changes what differs and nothing else; a booting node is a standby; a leaving one leaves cleanly."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.node import SCRIPT, Cluster, wait_for


def snapshot(root: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_text())
        for folder in ("etc", "usr", "opt")
        for path in (root / folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_installing_twice_changes_nothing(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    before = snapshot(node.host.files.root)
    watchers = [process for process in node.host.processes() if is_watch(process)]
    assert watchers

    report = node.install()

    assert "nothing changed" in report.message
    assert snapshot(node.host.files.root) == before
    assert [process for process in node.host.processes() if is_watch(process)] == watchers
    assert node.status()["isServing"]


def test_an_install_that_broke_off_halfway_is_finished_by_the_next(active_cluster: Cluster) -> None:
    node = active_cluster.first
    units = "garoon-node-boot.service garoon-node-watch.service"
    node.host.deliver(f"systemctl disable {units}; systemctl stop garoon-node-watch.service", {}, 10)
    assert not [process for process in node.host.processes() if is_watch(process)]

    report = node.install()

    assert "nothing changed" not in report.message
    assert node.host.deliver(f"systemctl is-enabled {units}", {}, 10).exit_code == 0
    wait_for("the watch running", lambda: any(is_watch(process) for process in node.host.processes()))


def test_a_changed_setting_reaches_the_watch_and_not_the_services(active_cluster: Cluster) -> None:
    node = active_cluster.first
    watchers = {process for process in node.host.processes() if is_watch(process)}

    node.install(WatchIntervalSeconds="9")

    assert watchers.isdisjoint(process for process in node.host.processes() if is_watch(process))
    assert node.status()["isServing"]
    assert 'WATCH_INTERVAL_SECONDS="9"' in (node.host.files.root / "etc/garoon-node.conf").read_text()


def test_the_installed_script_is_the_one_that_was_run(serving_cluster: Cluster) -> None:
    assert (serving_cluster.first.host.files.root / "usr/local/sbin/garoon-node").read_text() == SCRIPT.read_text()


def test_a_node_that_is_in_service_already_is_installed_as_the_active_one(active_cluster: Cluster) -> None:
    role = active_cluster.first.host.files.root / "var/lib/garoon-node/role"
    role.unlink()  # as on an installation that ran before this script came
    assert not active_cluster.first.status()["wasActive"]

    active_cluster.first.install()
    active_cluster.second.install()

    assert active_cluster.first.status()["wasActive"]
    assert not active_cluster.second.status()["wasActive"]


def test_a_resource_file_that_is_there_is_kept(cluster: Cluster) -> None:
    resource = cluster.first.host.files.root / "etc/drbd.d/garoon.res"
    text = resource.read_text()
    assert "protocol C;" in text
    assert f"on {os.uname().nodename} {{\n        address ipv4 {cluster.first.host.settings.eth1_address}:7788;" in text
    resource.write_text("# tuned by hand\n")

    cluster.first.install(ReplicationProtocol="A")

    assert resource.read_text() == "# tuned by hand\n"


def test_the_protocol_of_our_own_resource_file_follows_the_stack_s(serving_cluster: Cluster) -> None:
    """On a standing connection, and with whatever an operator tuned in the file kept."""
    nodes = (serving_cluster.first, serving_cluster.second)
    resources = [node.host.files.root / "etc/drbd.d/garoon.res" for node in nodes]
    for resource in resources:
        resource.write_text(resource.read_text().replace("timeout 20;", "timeout 30;"))
    assert [node.status()["replication"]["protocol"] for node in nodes] == ["C", "C"]

    for protocol in ("A", "C"):
        for node in nodes:
            node.install(ReplicationProtocol=protocol)
        assert [node.status()["replication"]["protocol"] for node in nodes] == [protocol, protocol]
        for resource in resources:
            assert f"        protocol {protocol};\n" in resource.read_text()
            assert "timeout 30;" in resource.read_text()


def test_a_new_protocol_connects_no_replica_that_must_not_be_in_touch(cluster: Cluster) -> None:
    """As `drbdadm adjust` would, which makes everything as the file has it."""
    cluster.first.host.deliver("drbdadm disconnect garoon", {}, 10.0)

    cluster.first.install(ReplicationProtocol="A")

    assert cluster.first.status()["replication"]["link"] == "apart"
    assert cluster.first.status()["replication"]["protocol"] is None
    assert "protocol A;" in (cluster.first.host.files.root / "etc/drbd.d/garoon.res").read_text()


THEIRS = {"agent": {"run_as_user": "root"}, "metrics": {"namespace": "Ours", "metrics_collected": {"statsd": {}}}}


@pytest.fixture
def agent_folder(serving_cluster: Cluster) -> Iterator[Path]:
    """Where the CloudWatch agent of db-01 has its configuration; as `install` left it, afterwards too."""
    folder = serving_cluster.first.host.files.root / "opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d"
    yield folder
    for file in folder.iterdir():
        file.unlink()
    serving_cluster.first.install()


def test_metrics_go_beside_what_the_agent_does_already(serving_cluster: Cluster, agent_folder: Path) -> None:
    """Nothing in our part but files in the section on logs: no namespace, no host name, no statsd changes."""
    ours = agent_folder / "file_garoon-node-agent.json"
    assert json.loads(ours.read_text()).keys() == {"logs"}
    ours.unlink()  # as `fetch-config` does
    (agent_folder / "file_theirs.json").write_text(json.dumps(THEIRS))

    assert "metrics will be missing" not in serving_cluster.first.install().message
    assert ours.exists()
    assert json.loads((agent_folder / "file_theirs.json").read_text()) == THEIRS
    assert "nothing changed" in serving_cluster.first.install().message


def test_the_agent_and_its_part_of_ours_are_told(serving_cluster: Cluster, agent_folder: Path) -> None:
    node = serving_cluster.first
    assert node.status()["agent"] == {"version": "1.300071.0b1", "isRunning": True, "hasOurPart": True}

    (agent_folder / "file_garoon-node-agent.json").unlink()  # with nothing to do, it does not run
    assert node.status()["agent"] == {"version": "1.300071.0b1", "isRunning": False, "hasOurPart": False}

    (agent_folder / "file_theirs.json").write_text(json.dumps(THEIRS))  # as after `fetch-config`
    assert node.status()["agent"] == {"version": "1.300071.0b1", "isRunning": True, "hasOurPart": False}


def test_an_agent_that_can_not_be_looked_for_neither_runs_nor_does_not(
    serving_cluster: Cluster, agent_folder: Path
) -> None:
    node = serving_cluster.first
    version = agent_folder.parents[1] / "bin/CWAGENT_VERSION"
    told = version.read_text()
    version.unlink()
    node.host.set_fault("hanging_commands", ["systemctl"])
    try:
        assert node.status()["agent"] == {"version": "", "isRunning": None, "hasOurPart": True}
    finally:
        node.host.clear_faults()
        version.write_text(told)


def test_a_configuration_that_does_not_go_with_ours_is_left_alone_and_told(
    serving_cluster: Cluster, agent_folder: Path
) -> None:
    ours = agent_folder / "file_garoon-node-agent.json"
    ours.unlink()
    (agent_folder / "file_theirs.json").write_text('{"logs": {"force_flush_interval": 60}}')

    report = serving_cluster.first.install()

    assert report.result == "done"
    assert "logs/force_flush_interval: Different values are specified" in report.message
    assert "docs/operations.md" in report.message
    assert [file.name for file in agent_folder.iterdir()] == ["file_theirs.json"]


def test_an_active_node_that_lost_power_comes_back_as_a_standby(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.host.power_off()
    node.host.boot()
    node.host.wait_until_ready()

    status = node.status()

    assert status["replication"]["role"] == "secondary"
    assert not status["isMounted"]
    assert set(status["services"].values()) == {"stopped"}
    assert not status["hasVirtualIp"]
    assert status["wasActive"], "the controller must be able to tell that it was the active node"


def test_an_active_node_that_came_back_can_be_brought_into_service_in_place(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.say(3770, "PUT memo-1 5feceb66")
    node.host.power_off()
    node.host.boot()
    node.host.wait_until_ready()

    active_cluster.activate(node, epoch="2")

    assert node.status()["isServing"]
    assert node.say(3770, "GET memo-1") == "5feceb66"


def test_a_node_that_shuts_down_leaves_cleanly(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.host.shutdown()

    replica = active_cluster.mirror.read().replicas["db-01"]
    assert not replica.is_crashed_primary
    assert "left the cluster cleanly" in node.host.journal()
    active_cluster.second.must("promote", Epoch="2")


def is_watch(process: int) -> bool:
    try:
        arguments = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return False  # it has ended since it was listed
    return b"watch" in arguments

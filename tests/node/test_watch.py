"""The metrics, from the script through the agent to PutMetricData."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from testbed.hosts import SimulatedHost
from tests.node.node import Cluster, Node, wait_for

Metric = tuple[str, int]


class Metrics:
    """What arrived: name and value of each metric, by node."""

    def __init__(self) -> None:
        self.seen: dict[str, set[Metric]] = {}
        self.words: dict[str, list[tuple[float, float]]] = {}  # time stamp and value of ReplicationHealthy
        self.dimensions: set[tuple[str, ...]] = set()
        self.instances: set[tuple[str, str]] = set()
        self.signs: list[dict[str, Any]] = []

    def signs_of(self, node: str) -> list[str]:
        signs = [sign for sign in self.signs if sign["node"] == node]
        return [sign["sign"] for sign in signs]

    def has(self, node: str, metric: Metric) -> bool:
        return metric in self.seen.get(node, set())

    def add(self, request: dict[str, Any]) -> None:
        """A PutLogEvents request; as CloudWatch Logs understands it."""
        messages = [event["message"] for event in request["logEvents"] if event["message"] != "."]
        if request["logGroupName"] == "/garoon-failover/garoon/signs":
            self.signs += [json.loads(message) for message in messages]
            return
        assert request["logGroupName"] == "/garoon-failover/garoon/beats"
        for message in messages:
            # By these the agent knows an event of the embedded metric format.
            assert re.fullmatch(r'\{.*"CloudWatchMetrics".*\}', message)
            self._add_beat(json.loads(message))

    def _add_beat(self, event: dict[str, Any]) -> None:
        (directive,) = event["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "GaroonFailover"
        self.dimensions.update(tuple(names) for names in directive["Dimensions"])
        self.instances.add((event["Node"], event["InstanceId"]))
        for metric in directive["Metrics"]:
            assert metric["StorageResolution"] == 1
            self.seen.setdefault(event["Node"], set()).add((metric["Name"], event[metric["Name"]]))
        self.words.setdefault(event["Node"], []).append(
            (event["_aws"]["Timestamp"] / 1000, event["ReplicationHealthy"])
        )


@pytest.fixture
def metrics(cluster: Cluster) -> Iterator[Metrics]:
    """A CloudWatch endpoint for both hosts, which start anew with it."""
    metrics = Metrics()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.headers.get("X-Amz-Target") == "Logs_20140328.PutLogEvents":
                metrics.add(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for node in (cluster.first, cluster.second):
        node.install(WatchIntervalSeconds="1")
        node.host.power_off()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        settings = replace(node.host.settings, cloud_endpoint=endpoint, log_flush_seconds=0.1)
        node.host.files.settings_file.write_text(settings.to_json())
        node.host = SimulatedHost(node.host.files.directory)
        node.host.boot()
    for node in (cluster.first, cluster.second):
        node.host.wait_until_ready()
    yield metrics
    server.shutdown()
    server.server_close()


def test_both_nodes_send_their_metrics_and_only_the_active_one_its_services(cluster: Cluster, metrics: Metrics) -> None:
    cluster.activate()

    wait_for("healthy services", lambda: ("ServicesHealthy", 1) in metrics.seen.get("db-01", set()))
    for name in ("db-01", "db-02"):
        for metric in (
            ("Heartbeat", 1),
            ("ReplicationHealthy", 1),
            ("CommunicationPathEth0", 1),
            ("CommunicationPathEth1", 1),
        ):
            wait_for(f"{metric} of {name}", metrics.has, name, metric)
    metrics.seen["db-02"].clear()  # before there was an active node, both said that nobody serves
    wait_for("a further look", metrics.has, "db-02", ("Heartbeat", 1))
    assert not any(metric[0] == "ServicesHealthy" for metric in metrics.seen["db-02"])
    wait_for("the standby's sight of the active node", metrics.has, "db-02", ("PeerReached", 1))
    metrics.seen["db-01"].clear()  # it was a standby before
    wait_for("a further look", metrics.has, "db-01", ("CommunicationPathEth0", 1))
    assert not any(metric[0] == "PeerReached" for metric in metrics.seen["db-01"])
    assert metrics.dimensions == {
        ("Cluster", "Node", "InstanceId"),
    }
    assert metrics.instances == {(node.name, node.host.instance_id) for node in (cluster.first, cluster.second)}

    cluster.first.host.kill_service("cyss_cbgrn")
    wait_for("unhealthy services", lambda: ("ServicesHealthy", 0) in metrics.seen["db-01"])

    cluster.first.host.set_fault("nic_eth1", "down")
    wait_for("the lost path", lambda: ("CommunicationPathEth1", 0) in metrics.seen["db-02"])
    wait_for("the lost replication", lambda: ("ReplicationHealthy", 0) in metrics.seen["db-02"])


def test_two_standbys_say_that_nobody_serves(cluster: Cluster, metrics: Metrics) -> None:
    cluster.activate()
    wait_for("healthy services", metrics.has, "db-01", ("ServicesHealthy", 1))
    metrics.seen.clear()

    cluster.first.must("demote", Epoch="1")

    for name in ("db-01", "db-02"):
        wait_for(f"{name} saying so", metrics.has, name, ("ServicesHealthy", 0))


@pytest.mark.parametrize("fault", [{"aws": "down"}, {"hang": True}, {"nic_eth0": "down"}])
def test_a_node_cut_off_from_aws_sends_nothing(cluster: Cluster, metrics: Metrics, fault: dict[str, object]) -> None:
    host = cluster.first.host
    host.files.faults_file.write_text(json.dumps(fault))
    wait_for("other metrics", lambda: "db-02" in metrics.seen)
    metrics.seen.clear()

    wait_for("a round of the other node", lambda: ("Heartbeat", 1) in metrics.seen.get("db-02", set()))

    assert "db-01" not in metrics.seen


def test_a_standby_that_loses_its_peer_on_both_paths_says_so_once(cluster: Cluster, metrics: Metrics) -> None:
    cluster.activate()
    wait_for("the sight of the peer", lambda: ("CommunicationPathEth1", 1) in metrics.seen.get("db-02", set()))

    cluster.first.host.set_fault("nic_eth1", "down")
    wait_for("one path lost", lambda: ("CommunicationPathEth1", 0) in metrics.seen["db-02"])
    assert metrics.signs_of("db-02") == []
    assert not metrics.has("db-02", ("PeerReached", 0))

    cluster.first.host.set_fault("nic_eth0", "down")
    wait_for("the sign", lambda: metrics.signs_of("db-02") == ["peerLost"])
    metrics.seen.clear()
    wait_for("a further look", lambda: ("CommunicationPathEth0", 0) in metrics.seen.get("db-02", set()))
    assert metrics.has("db-02", ("PeerReached", 0))
    assert metrics.signs_of("db-02") == ["peerLost"]


def test_an_active_node_whose_services_stay_down_says_so_once(cluster: Cluster, metrics: Metrics) -> None:
    cluster.activate()
    wait_for("healthy services", lambda: ("ServicesHealthy", 1) in metrics.seen.get("db-01", set()))

    cluster.first.host.kill_service("cyde_5_0")
    wait_for("the sign", lambda: metrics.signs_of("db-01").count("notServing") == 1)

    cluster.first.must("restart", Epoch="1")
    metrics.seen.clear()
    wait_for("healthy services again", lambda: ("ServicesHealthy", 1) in metrics.seen.get("db-01", set()))
    cluster.first.host.kill_service("cyde_5_0")
    wait_for("the next sign", lambda: metrics.signs_of("db-01").count("notServing") == 2)


def test_a_node_that_never_served_since_its_role_began_raises_no_sign(cluster: Cluster, metrics: Metrics) -> None:
    """A failover on its way must not be taken for a service that died."""
    cluster.first.must("promote", Epoch="1")

    wait_for("services looked at", lambda: ("ServicesHealthy", 0) in metrics.seen.get("db-01", set()))
    metrics.seen.clear()
    wait_for("a second look", lambda: ("ServicesHealthy", 0) in metrics.seen.get("db-01", set()))
    metrics.seen.clear()
    wait_for("a third look", lambda: ("ServicesHealthy", 0) in metrics.seen.get("db-01", set()))

    assert "notServing" not in metrics.signs_of("db-01")


def beats_of(node: Node) -> Path:
    return node.host.files.root / "run/garoon-node-beats.log"


def test_the_end_of_replication_is_told_and_kept_at_once_not_in_the_next_round(active_cluster: Cluster) -> None:
    """What a node said last must be young when it dies, and its standby must know that it was left behind."""
    for node in (active_cluster.first, active_cluster.second):
        node.set_local(WATCH_INTERVAL_SECONDS="10", LOOK_SECONDS="1")
        node.host.deliver("systemctl stop garoon-node-watch.service", {}, 10)
        beats_of(node).unlink()
        node.host.deliver("systemctl start garoon-node-watch.service", {}, 10)
    beats = beats_of(active_cluster.first)

    def words() -> list[tuple[float, int]]:
        text = beats.read_text() if beats.exists() else ""
        lines = [json.loads(line) for line in text.splitlines() if line != "."]
        return [(line["_aws"]["Timestamp"] / 1000, line["ReplicationHealthy"]) for line in lines]

    wait_for("a round's last beat", lambda: len(words()) >= 2)
    active_cluster.first.host.set_fault("nic_eth1", "down")
    lost_at = time.time()
    wait_for("the word", lambda: words()[-1][1] == 0)

    assert next(at for at, is_healthy in words() if not is_healthy) - lost_at < 6

    def data() -> str:
        return str(active_cluster.second.status()["replication"]["data"])

    wait_for("the standby's own mark", lambda: data() == "stale")
    assert time.time() - lost_at < 9

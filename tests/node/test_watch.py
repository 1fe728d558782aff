"""The metrics, from the script through the agent to PutMetricData."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from testbed.hosts import SimulatedHost
from tests.node.node import Cluster, wait_for

Metric = tuple[str, str, str]


class Metrics:
    """What arrived: name, path (or empty) and value of each gauge, by node."""

    def __init__(self) -> None:
        self.seen: dict[str, set[Metric]] = {}
        self.dimensions: set[tuple[str, ...]] = set()
        self.signs: list[dict[str, Any]] = []  # PutLogEvents requests

    def signs_of(self, node: str) -> list[str]:
        requests = [request for request in self.signs if request["logStreamName"] == node]
        assert {request["logGroupName"] for request in requests} <= {"/garoon-failover/garoon/signs"}
        signs = [json.loads(event["message"]) for request in requests for event in request["logEvents"]]
        assert all(sign["node"] == node for sign in signs)
        return [sign["sign"] for sign in signs]

    def has(self, node: str, metric: Metric) -> bool:
        return metric in self.seen.get(node, set())

    def add(self, form: dict[str, str]) -> None:
        index = 1
        while f"MetricData.member.{index}.MetricName" in form:
            prefix = f"MetricData.member.{index}"
            dimensions = {}
            position = 1
            while (name := form.get(f"{prefix}.Dimensions.member.{position}.Name")) is not None:
                dimensions[name] = form[f"{prefix}.Dimensions.member.{position}.Value"]
                position += 1
            self.dimensions.add(tuple(sorted(dimensions)))
            metric = (form[f"{prefix}.MetricName"], dimensions.get("Path", ""), form[f"{prefix}.Value"])
            self.seen.setdefault(dimensions["Node"], set()).add(metric)
            index += 1


@pytest.fixture
def metrics(cluster: Cluster) -> Iterator[Metrics]:
    """A CloudWatch endpoint for both hosts, which start anew with it."""
    metrics = Metrics()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.headers.get("X-Amz-Target") == "Logs_20140328.PutLogEvents":
                metrics.signs.append(json.loads(body))
            elif "X-Amz-Target" not in self.headers:
                metrics.add(dict(urllib.parse.parse_qsl(body)))
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
        settings = replace(node.host.settings, cloud_endpoint=endpoint, metric_flush_seconds=0.2, log_flush_seconds=0.1)
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

    wait_for("healthy services", lambda: ("ServicesHealthy", "", "1.0") in metrics.seen.get("db-01", set()))
    for name in ("db-01", "db-02"):
        for metric in (
            ("Heartbeat", "", "1.0"),
            ("ReplicationHealthy", "", "1.0"),
            ("CommunicationPath", "eth0", "1.0"),
            ("CommunicationPath", "eth1", "1.0"),
        ):
            wait_for(f"{metric} of {name}", metrics.has, name, metric)
    metrics.seen["db-02"].clear()  # before there was an active node, both said that nobody serves
    wait_for("a further look", metrics.has, "db-02", ("Heartbeat", "", "1.0"))
    assert not any(metric[0] == "ServicesHealthy" for metric in metrics.seen["db-02"])
    assert metrics.dimensions == {
        ("Cluster", "Node", "metric_type"),
        ("Cluster", "Node", "Path", "metric_type"),
    }

    cluster.first.host.kill_service("cyss_cbgrn")
    wait_for("unhealthy services", lambda: ("ServicesHealthy", "", "0.0") in metrics.seen["db-01"])

    cluster.first.host.set_fault("nic_eth1", "down")
    wait_for("the lost path", lambda: ("CommunicationPath", "eth1", "0.0") in metrics.seen["db-02"])
    wait_for("the lost replication", lambda: ("ReplicationHealthy", "", "0.0") in metrics.seen["db-02"])


def test_two_standbys_say_that_nobody_serves(cluster: Cluster, metrics: Metrics) -> None:
    cluster.activate()
    wait_for("healthy services", metrics.has, "db-01", ("ServicesHealthy", "", "1.0"))
    metrics.seen.clear()

    cluster.first.must("demote", Epoch="1")

    for name in ("db-01", "db-02"):
        wait_for(f"{name} saying so", metrics.has, name, ("ServicesHealthy", "", "0.0"))


@pytest.mark.parametrize("fault", [{"aws": "down"}, {"hang": True}, {"nic_eth0": "down"}])
def test_a_node_cut_off_from_aws_sends_nothing(cluster: Cluster, metrics: Metrics, fault: dict[str, object]) -> None:
    host = cluster.first.host
    host.files.faults_file.write_text(json.dumps(fault))
    wait_for("other metrics", lambda: "db-02" in metrics.seen)
    metrics.seen.clear()

    wait_for("a round of the other node", lambda: ("Heartbeat", "", "1.0") in metrics.seen.get("db-02", set()))

    assert "db-01" not in metrics.seen


def test_a_standby_that_loses_its_peer_on_both_paths_says_so_once(cluster: Cluster, metrics: Metrics) -> None:
    cluster.activate()
    wait_for("the sight of the peer", lambda: ("CommunicationPath", "eth1", "1.0") in metrics.seen.get("db-02", set()))

    cluster.first.host.set_fault("nic_eth1", "down")
    wait_for("one path lost", lambda: ("CommunicationPath", "eth1", "0.0") in metrics.seen["db-02"])
    assert metrics.signs_of("db-02") == []

    cluster.first.host.set_fault("nic_eth0", "down")
    wait_for("the sign", lambda: metrics.signs_of("db-02") == ["peerLost"])
    metrics.seen.clear()
    wait_for("a further look", lambda: ("CommunicationPath", "eth0", "0.0") in metrics.seen.get("db-02", set()))
    assert metrics.signs_of("db-02") == ["peerLost"]


def test_an_active_node_whose_services_stay_down_says_so_once(cluster: Cluster, metrics: Metrics) -> None:
    cluster.activate()
    wait_for("healthy services", lambda: ("ServicesHealthy", "", "1.0") in metrics.seen.get("db-01", set()))

    cluster.first.host.kill_service("cyde_5_0")
    wait_for("the sign", lambda: metrics.signs_of("db-01").count("notServing") == 1)

    cluster.first.must("restart", Epoch="1")
    metrics.seen.clear()
    wait_for("healthy services again", lambda: ("ServicesHealthy", "", "1.0") in metrics.seen.get("db-01", set()))
    cluster.first.host.kill_service("cyde_5_0")
    wait_for("the next sign", lambda: metrics.signs_of("db-01").count("notServing") == 2)


def test_a_node_that_never_served_since_its_role_began_raises_no_sign(cluster: Cluster, metrics: Metrics) -> None:
    """A failover on its way must not be taken for a service that died."""
    cluster.first.must("promote", Epoch="1")

    wait_for("services looked at", lambda: ("ServicesHealthy", "", "0.0") in metrics.seen.get("db-01", set()))
    metrics.seen.clear()
    wait_for("a second look", lambda: ("ServicesHealthy", "", "0.0") in metrics.seen.get("db-01", set()))
    metrics.seen.clear()
    wait_for("a third look", lambda: ("ServicesHealthy", "", "0.0") in metrics.seen.get("db-01", set()))

    assert "notServing" not in metrics.signs_of("db-01")

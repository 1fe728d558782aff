"""Simulated hosts must not lie: a test on them proves something only if they die, hang and forget like real ones."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from testbed.hosts import HostUnreachable
from testbed.judges.observer import read_hosts
from testbed.world.cut_off import write_cut_off
from tests.node.node import Cluster, wait_for


def test_nothing_runs_or_answers_after_a_power_cut(active_cluster: Cluster) -> None:
    host = active_cluster.first.host
    host.deliver("(trap '' TERM HUP; setsid sleep 300 >/dev/null 2>&1 &)", {}, 5)
    assert len(host.processes()) > 1

    host.power_off()

    assert host.processes() == []
    assert not host.is_on
    with pytest.raises(HostUnreachable):
        host.deliver("true", {}, 5)


def test_a_host_can_be_switched_on_at_once_after_a_power_cut(active_cluster: Cluster) -> None:
    node = active_cluster.first
    world = node.host.files.directory.parents[1]
    for _ in range(2):
        node.host.power_off()
        starting = threading.Thread(target=node.host.boot)
        starting.start()
        while starting.is_alive():
            assert not read_hosts(world)["db-01"].is_active, "a node that starts is what it was before"
        starting.join()
    node.host.wait_until_ready()

    assert active_cluster.second.must("probe").sight["paths"] == {"eth0": True, "eth1": True}


def test_a_hung_host_does_nothing_until_it_recovers(serving_cluster: Cluster) -> None:
    host = serving_cluster.first.host
    host.set_fault("hang", True)
    with pytest.raises(HostUnreachable):
        host.deliver("true", {}, 1)

    host.clear_faults()

    host.wait_until_ready()
    assert serving_cluster.first.status()["isServing"]


def test_a_command_whose_news_can_not_leave_has_run_all_the_same(serving_cluster: Cluster) -> None:
    host = serving_cluster.first.host
    cut = f'echo \'{{"aws": "down"}}\' >{host.files.faults_file}; touch "$GAROON_NODE_ROOT/ran"'

    with pytest.raises(HostUnreachable):
        host.deliver(cut, {}, 10)

    assert (host.files.root / "ran").exists()


def test_a_command_that_takes_too_long_is_killed(serving_cluster: Cluster) -> None:
    began = time.monotonic()

    result = serving_cluster.first.host.deliver("echo before; sleep 60", {}, 0.5)

    assert result.has_timed_out
    assert result.stdout == "before\n"
    assert time.monotonic() - began < 10


def test_an_isolated_host_is_reached_by_nobody_and_its_open_connections_end(active_cluster: Cluster) -> None:
    """A network ACL keeps no state: flows under way end as well."""
    first, second = active_cluster.first, active_cluster.second
    settings = first.host.files.settings()
    with socket.create_connection((settings.eth0_address, settings.database_port), timeout=5) as connection:
        assert connection.recv(1)
        write_cut_off(first.host.files.world, {settings.instance_id: frozenset({"eth0", "eth1"})})
        while connection.recv(1024):
            pass  # until it is closed; a time-out fails the test
    with pytest.raises(HostUnreachable):
        first.host.deliver("true", {}, 1)
    wait_for("the link lost", lambda: second.status()["replication"]["link"] == "waiting")
    sight = second.must("probe").sight
    assert (sight["database"], sight["nfs"]) == ("unreachable", "unreachable")
    assert sight["paths"] == {"eth0": False, "eth1": False}

    write_cut_off(first.host.files.world, {})

    wait_for("the replicas in touch", lambda: second.status()["replication"]["link"] == "connected")
    first.host.wait_until_ready()


def test_a_primary_that_writes_alone_gets_ahead_and_its_peer_catches_up(serving_cluster: Cluster) -> None:
    first, second = serving_cluster.first, serving_cluster.second
    first.host.set_fault("nic_eth1", "down")
    wait_for("the link lost", lambda: second.status()["replication"]["link"] == "waiting")
    assert first.say(3770, "PUT alone 1") == "OK"
    assert not (second.host.files.volume / "cybozu/mysql-5.0/data/memo/alone").exists()

    first.host.clear_faults()

    wait_for("in sync", serving_cluster.is_in_sync)
    assert (second.host.files.volume / "cybozu/mysql-5.0/data/memo/alone").read_text() == "1"


def test_what_a_host_wrote_alone_because_its_network_is_down_is_acknowledged_to_nobody(active_cluster: Cluster) -> None:
    """Also by a host that gets to it late."""
    first, second = active_cluster.first.host, active_cluster.second
    with ExitStack() as stack:
        connections = []
        for _ in range(20):
            connection = socket.create_connection((first.settings.eth0_address, first.settings.database_port), 10)
            connections.append(stack.enter_context(connection))
            assert connection.recv(1024)
        processes = first.processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        for number, connection in enumerate(connections):
            connection.sendall(f"PUT alone{number} 1\n".encode())
        for interface in ("eth0", "eth1"):
            first.set_fault(f"nic_{interface}", "down")
        wait_for("the link lost", lambda: second.status()["replication"]["link"] == "waiting")
        for process in processes:
            os.kill(process, signal.SIGCONT)
        for connection in connections:
            answer = b""
            with suppress(ConnectionError):
                answer = connection.recv(1024)
            assert answer == b""


def test_replicas_that_were_both_written_alone_are_never_merged(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    second.stop_watch()
    first.host.set_fault("nic_eth1", "down")
    wait_for("the link lost", lambda: second.status()["replication"]["link"] == "waiting")
    assert first.say(3770, "PUT alone 1") == "OK"
    second.must("promote")

    first.host.clear_faults()

    wait_for("a split", lambda: second.status()["replication"]["link"] == "apart")
    assert first.status()["replication"]["link"] == "apart"


def test_hosts_die_with_their_owner(cluster: Cluster) -> None:
    host = cluster.first.host
    host.power_off()
    host.boot(owner=2**22 + 1)

    wait_for("the orphan gone", lambda: not host.is_on and not host.processes())

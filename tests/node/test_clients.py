"""Clients of a node that is gone must notice at once, and looking at a server must leave nothing behind on it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.node.node import Cluster, Node, wait_for

NOTE = "mnt/DIR1/.garoon-node-connections"


@contextmanager
def nfs_client(node: Node) -> Iterator[str]:
    """An App server that stays connected, as the next active node must know it."""
    settings = node.host.settings
    with socket.create_connection((settings.eth0_address, settings.nfs_port)) as connection:
        address, port = connection.getsockname()
        hexadecimal = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
        yield f"{hexadecimal}:{port:04X}"


def database_log(node: Node) -> dict[str, Any]:
    log: dict[str, Any] = json.loads((node.host.files.root / "run/database-log").read_text())
    return log


def noted(note: Path) -> list[str]:
    return [line.strip() for line in note.read_text().splitlines()]


def is_noted(node: Node, client: str) -> bool:
    file = node.host.files.root / NOTE
    return file.exists() and f"{client} 0801" in noted(file)


def test_the_next_active_node_tickles_the_clients_of_a_dead_one(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    first.install(WatchIntervalSeconds="1")
    with nfs_client(first) as client:
        wait_for("the client being noted on the volume", is_noted, first, client)
        assert (first.host.files.root / NOTE).stat().st_size == 4096, "it needs no room, also on a full volume"
        replica = (first.host.files.root / NOTE).read_bytes()
        first.host.power_off()
    (second.host.files.volume / NOTE.rpartition("/")[2]).write_bytes(replica)  # what the mirror has done
    wait_for("the peer's loss being noticed", lambda: second.status()["replication"]["link"] == "waiting")

    active_cluster.activate(second, epoch="2")

    tickled = second.host.files.root / "run/tickled"
    wait_for("the client being tickled", lambda: tickled.exists() and f"{client},0801\n" in tickled.read_text())


def test_a_planned_move_notes_the_clients_before_it_lets_go_of_the_virtual_ip(active_cluster: Cluster) -> None:
    first = active_cluster.first
    volume = first.host.files.volume
    with nfs_client(first) as client:
        wait_for("the client being seen", lambda: client in (first.host.files.root / "proc/net/tcp").read_text())
        first.must("demote", Epoch="2")

    assert f"{client} 0801" in noted(volume / NOTE.rpartition("/")[2])


def test_a_node_without_clients_yet_keeps_the_note_of_those_before(active_cluster: Cluster) -> None:
    first = active_cluster.first
    note = first.host.files.root / NOTE
    note.write_text("0A02000A:0300 0801\n")
    first.install(WatchIntervalSeconds="1")

    time.sleep(3)

    assert note.read_text() == "0A02000A:0300 0801\n"


def test_looks_leave_no_trace_on_the_database(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    before = database_log(first)

    for _ in range(3):
        assert first.status()["databaseAnswers"]
        assert second.must("probe").sight["database"] == "answers"

    # Of the peer's three looks the server notes when they have ended, and the simulated host a moment later.
    wait_for("the refused logins being noted", lambda: database_log(first)["lines"] >= before["lines"] + 3)
    after = database_log(first)
    assert after["interrupted"] == before["interrupted"], "max_connect_errors of them, and this host is blocked"
    assert after["lines"] == before["lines"] + 3, "the refused logins of the peer, and nothing of the node's own looks"


def test_a_standby_whose_replica_is_linked_does_not_ask_the_peer_s_database(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    wait_for("both replicas up to date", active_cluster.is_in_sync)
    second.install(WatchIntervalSeconds="1")
    time.sleep(1)
    before = database_log(first)["connections"]

    time.sleep(4)

    assert database_log(first)["connections"] == before


@pytest.mark.parametrize(("fault", "word"), [(("database", "blocked"), "blocked"), (("database", "silent"), "silent")])
def test_a_database_that_refuses_a_host_lives_and_says_so(
    serving_cluster: Cluster, fault: tuple[str, str], word: str
) -> None:
    first, second = serving_cluster.first, serving_cluster.second
    first.host.set_fault(*fault)

    assert second.must("probe").sight["database"] == word
    assert first.status()["databaseAnswers"] == (word == "blocked")


def test_a_database_that_waits_for_a_name_server_is_not_restarted(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    node.host.set_fault("name_server", "lost")
    mark = node.host.files.service_mark("cyde_5_0")
    before = mark.stat().st_mtime_ns

    assert node.status()["databaseAnswers"]
    node.must("restart")

    assert mark.stat().st_mtime_ns == before

"""The campaign's node does what garoon-node.sh does: the same story on both, compared after each line of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pytest

from testbed.campaign.hosts import Host, VirtualMirror
from testbed.campaign.virtual_time import clock
from tests.node.conftest import cluster as cluster  # the real script on simulated hosts
from tests.node.node import Cluster, Node, wait_for

_PARTS = ("epoch", "wasActive", "isUnreplicated", "isMounted", "isServing", "hasVirtualIp", "isExported")

Line = tuple[str, ...]
"""What happens: (node, verb, parameter...) with parameters as `Epoch=2`, or (node, "loses power" | "boots")."""

MOVE: tuple[Line, ...] = (("db-01", "promote", "Epoch=1"), ("db-01", "start", "Epoch=1"))
STORIES: dict[str, tuple[Line, ...]] = {
    "bring-into-service": (*MOVE, ("db-01", "promote", "Epoch=1"), ("db-01", "start", "Epoch=1")),
    "beside-a-primary": (*MOVE, ("db-02", "promote", "Epoch=2"), ("db-02", "start", "Epoch=2")),
    "services-without-the-volume": (("db-01", "start", "Epoch=1"), ("db-01", "restart", "Epoch=1")),
    "out-of-service-and-back": (*MOVE, ("db-01", "stop", "Epoch=1"), ("db-01", "restart", "Epoch=1")),
    "switchover": (
        *MOVE,
        ("db-01", "demote", "Epoch=2"),
        ("db-01", "demote", "Epoch=2"),
        ("db-02", "promote", "Epoch=2"),
        ("db-02", "start", "Epoch=2"),
        ("db-01", "start", "Epoch=1"),
        ("db-01", "status"),
    ),
    "failover-and-rejoin": (
        *MOVE,
        ("db-01", "loses power"),
        ("db-02", "promote", "Epoch=2"),
        ("db-02", "start", "Epoch=2"),
        ("db-01", "boots"),
        ("db-01", "status"),
        ("db-01", "start", "Epoch=2"),
        ("db-01", "reconnect", "Epoch=2"),
        ("db-02", "reconnect", "Epoch=2"),
        ("db-02", "rejoin", "Epoch=2"),
        ("db-01", "rejoin", "Epoch=2"),
        ("db-01", "status"),
    ),
    "demoted-out-of-touch": (
        *MOVE,
        ("db-02", "loses power"),
        ("db-01", "demote", "Epoch=2"),
        ("db-01", "promote", "Epoch=3"),
        ("db-01", "start", "Epoch=3"),
    ),
    "reboot-of-the-active": (*MOVE, ("db-01", "loses power"), ("db-01", "boots"), ("db-01", "promote", "Epoch=2")),
    "command-that-is-too-old": (
        *MOVE,
        ("db-01", "demote", "Epoch=5"),
        ("db-01", "promote", "Epoch=4"),
        ("db-01", "stop", "Epoch=4"),
        ("db-01", "rejoin", "Epoch=4"),
        ("db-01", "demote", "Epoch=6", "ExpiresAt=1"),
    ),
}


class Actor(Protocol):
    """Somebody to whom a story happens."""

    def happen(self, name: str, what: str, given: dict[str, str]) -> dict[str, Any]:
        """What can be seen after the line: the answer's exit code and code, and the node's state."""


class ScriptActor:
    """The real script on simulated hosts."""

    def __init__(self, nodes: Cluster) -> None:
        self._nodes = {node.name: node for node in (nodes.first, nodes.second)}

    def happen(self, name: str, what: str, given: dict[str, str]) -> dict[str, Any]:
        node = self._nodes[name]
        if what == "loses power":
            node.host.power_off()
            peer = next(other for other in self._nodes.values() if other is not node)
            wait_for("the loss being noticed", lambda: peer.status()["replication"]["connection"] != "Connected")
            return {}
        if what == "boots":
            node.host.boot()
            node.host.wait_until_ready()
            return {}
        report = node.run(what, None, **given)
        return {"exit": report.exit_code, "code": report.code} | self._state(node)

    def _state(self, node: Node) -> dict[str, Any]:
        wait_for("no resync", lambda: "Sync" not in node.status()["replication"]["connection"])
        return _seen(node.status())


class ModelActor:
    """The campaign's node, in virtual time."""

    def __init__(self) -> None:
        self._loop = clock.begin()
        self._hosts = {name: Host(self._loop, name, letter, lambda _what: None) for name, letter in _NAMES}
        first, second = self._hosts.values()
        first.peer, second.peer = second, first
        mirror = VirtualMirror(self._loop, self._hosts)
        for host in (first, second):
            host.mirror = mirror

    def end(self) -> None:
        self._loop.end()

    def happen(self, name: str, what: str, given: dict[str, str]) -> dict[str, Any]:
        host = self._hosts[name]
        if what == "loses power":
            host.lose_power()
            self._pass(60.0)
            return {}
        if what == "boots":
            host.gain_power()
            self._pass(60.0)
            return {}
        exit_code, said = self._run(host, what, given)
        self._pass(60.0)
        return {"exit": exit_code, "code": said["code"]} | _seen(self._run(host, "status", {})[1]["status"])

    def _run(self, host: Host, verb: str, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
        answers: list[tuple[int, dict[str, Any]]] = []
        epoch, expires_at = int(given.get("Epoch", "0")), int(given.get("ExpiresAt", "0"))
        host.run(lambda: answers.append(host.obey(verb, epoch, expires_at, accept_data_loss=False)), verb)
        self._loop.run(lambda: bool(answers), self._loop.now + 300.0)
        return answers[0]

    def _pass(self, seconds: float) -> None:
        self._loop.run(lambda: False, self._loop.now + seconds)


_NAMES = (("db-01", "a"), ("db-02", "b"))


def _seen(status: dict[str, Any]) -> dict[str, Any]:
    replication = status["replication"]
    return {part: status[part] for part in _PARTS} | {
        part: replication[part] for part in ("role", "connection", "disk")
    }


@pytest.fixture
def model() -> Iterator[ModelActor]:
    actor = ModelActor()
    yield actor
    actor.end()


@pytest.mark.parametrize("name", STORIES)
def test_the_node_of_the_campaign_does_what_the_script_does(name: str, cluster: Cluster, model: ModelActor) -> None:
    assert _tell(STORIES[name], model) == _tell(STORIES[name], ScriptActor(cluster))


def _tell(story: Sequence[Line], actor: Actor) -> list[str]:
    told = []
    for line in story:
        name, what, *parameters = line
        given = dict(parameter.split("=", 1) for parameter in parameters)
        told.append(f"{' '.join(line)}: {actor.happen(name, what, given)}")
    return told

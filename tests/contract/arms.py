"""The arms that live in memory: the campaign's nodes, the unit tests' and the model's."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from testbed.campaign.hosts import Host
from testbed.campaign.virtual_time import clock
from testbed.cluster import node as cluster
from testbed.cluster.mirror import MirrorInMemory
from testbed.cluster.node import PLAIN, Promotion
from testbed.cluster.report import RESULTS, NodeState
from testbed.model import system
from testbed.model.world import Answer as ModelAnswer
from testbed.model.world import Command, Node, World, break_off, obey
from tests.contract.story import LOOKS, NAMES, Answer, Event
from tests.unit.fake_nodes import FakeNode, make_pair

_REST_SECONDS = 60.0
_LONG_RESYNC_SECONDS = 100_000.0
_NO_TIME = "the model's nodes obey at once, and its orders expire with the answer's time"
_ONE_SERVICE = "what a node serves is one thing to the model"
_NO_MOVE_BACK = "the model explores the failover workflow, which does not order it"


class _NodeArm(ABC):
    """The testbed's node: in virtual time, or where no time passes."""

    lacks: ClassVar[dict[str, str]] = {}
    cannot: ClassVar[dict[str, str]] = {}
    _nodes: Mapping[str, cluster.Node]

    @abstractmethod
    def _lose_power(self, node: str) -> None: ...

    @abstractmethod
    def _gain_power(self, node: str) -> None: ...

    @abstractmethod
    def _pass(self) -> None:
        """Lets what follows from an event come about."""

    def happen(self, name: str, event: Event) -> None:
        node = self._nodes[name]
        match event:
            case "loses power":
                self._lose_power(name)
            case "boots":
                self._gain_power(name)
            case "loses its link":
                node.change(event, eth1_up=False)
            case "finds its link again":
                node.change(event, eth1_up=True)
            case "is outdated":
                node.mirror.outdate(name)
            case "begins a long resync":
                node.mirror.start_resync(name, _LONG_RESYNC_SECONDS)
            case "loses its database":
                node.change(event, is_database_up=False)
            case "can't start its database":
                node.weakness.does_database_start = False
            case "can't mount its volume":
                node.weakness.does_volume_mount = False
            case "has a database that recovers":
                node.weakness.does_database_recover = True
            case "can't see its replica":
                node.weakness.is_replica_seen = False
            case "is at work on an earlier order":
                node.is_locked = True
            case "is well again":
                node.weakness = type(node.weakness)()
                node.is_locked = False
            case _:
                raise NotImplementedError(event)
        self._pass()

    def rest(self, is_at_rest: Callable[[], bool]) -> None:
        self._pass()
        is_at_rest()


class CampaignArm(_NodeArm):
    """The campaign's node, in virtual time."""

    name = "campaign"

    def __init__(self) -> None:
        self._loop = clock.begin()
        self._nodes: Mapping[str, Host] = {
            name: Host(self._loop, name, letter, lambda _what: None) for name, letter in zip(NAMES, "ab", strict=True)
        }
        first, second = self._nodes.values()
        first.peer, second.peer = second, first
        mirror = MirrorInMemory(self._loop, self._nodes)
        for host in (first, second):
            host.mirror = mirror

    def end(self) -> None:
        self._loop.end()

    def obey(self, node: str, verb: str, epoch: int, expires_in: int | None, promotion: Promotion = PLAIN) -> Answer:
        host = self._nodes[node]
        expires_at = 0 if expires_in is None else int(self._loop.now) + expires_in
        answers: list[tuple[int, dict[str, Any]]] = []
        host.run(lambda: answers.append(host.obey(verb, epoch, expires_at, promotion)), verb)
        self._loop.run(lambda: bool(answers), self._loop.now + 300.0)
        return Answer(*answers[0])

    def crash(self, node: str, verb: str, epoch: int, is_moment: Callable[[NodeState], bool]) -> None:
        host = self._nodes[node]
        host.run(lambda: host.obey(verb, epoch, 0), verb)
        assert self._loop.run(lambda: is_moment(host.state()), self._loop.now + _REST_SECONDS), "it never came"
        for event in ("loses power", "boots"):
            self.happen(node, event)

    def _lose_power(self, node: str) -> None:
        self._nodes[node].lose_power()

    def _gain_power(self, node: str) -> None:
        self._nodes[node].gain_power()

    def _pass(self) -> None:
        self._loop.run(lambda: False, self._loop.now + _REST_SECONDS)


class _PowerLostError(BaseException):
    """The order that is at work ends here."""


class UnitArm(_NodeArm):
    """The unit tests' node, for whom no time passes."""

    name = "unit"

    def __init__(self) -> None:
        self._nodes: Mapping[str, FakeNode] = {name: FakeNode(name) for name in NAMES}
        make_pair(*self._nodes.values())

    def end(self) -> None: ...

    def obey(self, node: str, verb: str, epoch: int, expires_in: int | None, promotion: Promotion = PLAIN) -> Answer:
        expires_at = 0 if expires_in is None else int(self._nodes[node].time.now) + expires_in
        report = self._nodes[node].run(verb, epoch, promotion, expires_at)
        return Answer(RESULTS[report["code"]][1], report)

    def crash(self, node: str, verb: str, epoch: int, is_moment: Callable[[NodeState], bool]) -> None:
        def die_then(_what: str) -> None:
            if is_moment(self._nodes[node].state()):
                raise _PowerLostError

        with self._nodes[node].watched(die_then), pytest.raises(_PowerLostError):
            self._nodes[node].run(verb, epoch)
        for event in ("loses power", "boots"):
            self.happen(node, event)

    def _lose_power(self, node: str) -> None:
        self._nodes[node].forget_boot()
        self._nodes[node].change("loses power", is_on=False)

    def _gain_power(self, node: str) -> None:
        self._nodes[node].change("boots", is_on=True)
        self._nodes[node].attach_or_connect()

    def _pass(self) -> None:
        for node in self._nodes.values():
            node.time.sleep(_REST_SECONDS)
            node.settle()


class ModelArm:
    """The model's node, of which a verb is one step."""

    name = "model"
    lacks: ClassVar[dict[str, str]] = {
        "protocol": "the model replicates before it acknowledges, always",
    }
    cannot: ClassVar[dict[str, str]] = {
        "promote and start": _ONE_SERVICE,
        "stop": _NO_MOVE_BACK,
        "reconnect": _NO_MOVE_BACK,
        "rejoin": _NO_MOVE_BACK,
        "loses its database": _ONE_SERVICE,
        "can't start its database": "an order that fails changes nothing in the model",
        "has a database that recovers": _ONE_SERVICE,
        "can't mount its volume": "an order that fails changes nothing in the model",
        "can't see its replica": "the model has no looks that fail on the node itself",
        "is at work on an earlier order": _NO_TIME,
        "dies in the middle of start": "to the model a start happened or did not",
    }

    def __init__(self) -> None:
        self._world = World(nodes=(Node(), Node()))
        self._is_resync_long = False

    def end(self) -> None: ...

    def obey(self, node: str, verb: str, epoch: int, expires_in: int | None, promotion: Promotion = PLAIN) -> Answer:
        index, answer = NAMES.index(node), ModelAnswer(verb)
        if verb not in LOOKS:
            command = Command(index, verb, epoch, promotion.accepts_data_loss, promotion.peer_proof)
            self._world, answer = obey(self._world, command)
        invocation = json.loads(system._invocation(self._world, index, answer, is_probe=verb == "probe"))
        return Answer(RESULTS[answer.code][1], json.loads(invocation["StandardOutputContent"]))

    def happen(self, node: str, event: Event) -> None:
        index, world = NAMES.index(node), self._world
        match event:
            case "loses power":
                self._world = world.stopped(index)
            case "boots":
                self._world = world.with_node(index, **world.nodes[index].booted()._asdict())
            case "loses its link":
                self._world = world._replace(is_link_up=False).settled()
            case "finds its link again":
                self._world = world._replace(is_link_up=True).settled()
            case "is outdated":
                self._world = world.with_node(index, data="stale")
            case "begins a long resync":
                self._is_resync_long = True
                self._world = world.with_node(1 - index, is_ahead=True)
            case _:
                raise NotImplementedError(event)

    def crash(self, node: str, verb: str, epoch: int, is_moment: Callable[[NodeState], bool]) -> None:
        index = NAMES.index(node)
        broken = break_off(self._world, Command(index, verb, epoch, accepts_data_loss=False))
        assert broken is not None
        assert is_moment(system._state(broken, index)), "it never came"
        self._world = broken.stopped(index)
        self.happen(node, "boots")

    def rest(self, is_at_rest: Callable[[], bool]) -> None:
        for index, node in enumerate(self._world.nodes):
            if self._world.is_connected and node.data == "stale" and not self._is_resync_long:
                self._world = self._world.with_node(1 - index, is_ahead=False).with_node(index, data="current")
        is_at_rest()

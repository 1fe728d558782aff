"""The world around the controller: two nodes with their replicas and machines, the route, Run Command's deliveries.

Every value is immutable; a change gives a new world. Abstracted: a verb of garoon-node.sh happens at once (the script
holds a lock while it works) or breaks off halfway; users write whenever a node serves; a node that loses its peer
reports that (`said_replicating`) before a write is acknowledged without the peer, which leaves out the one metric
period that docs/decisions/0003 speaks of; a command does not outlive the stop of its node, because it expires before an
instance can have stopped and booted.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

NAMES = ("db-01", "db-02")
INSTANCE_IDS = ("i-0a", "i-0b")
INTERFACE_IDS = ("eni-0a", "eni-0b")
SUBNET_IDS = (("subnet-0a0", "subnet-0a1"), ("subnet-0b0", "subnet-0b1"))
"""Of each node, eth0's first."""


class Node(NamedTuple):
    """One database server."""

    power: str = "running"
    """EC2's word: running, stopping, stopped."""
    is_reached: bool = True
    """By AWS, by its peer and by clients; a node that is not may still run."""
    is_primary: bool = False
    is_mounted: bool = False
    is_serving: bool = False
    epoch: int = 0
    data: str = "current"
    """Of its replica: current or stale."""
    cut: tuple[bool, bool] = (False, False)
    """Which of its subnets, eth0's and eth1's, have the network ACL that denies everything."""
    is_ahead: bool = False
    """It holds acknowledged writes that its peer lacks."""
    said_replicating: bool = True
    """Its last ReplicationHealthy."""
    word: str = ""
    """What it knows of its role: active; unreplicated, demoted while its peer was out of touch; empty for a standby."""
    is_apart: bool = False
    """It booted with such a word, and stays out of touch until it is told which data stands."""

    @property
    def is_up(self) -> bool:
        return self.power != "stopped"

    @property
    def answers(self) -> bool:
        """AWS, clients and its peer reach it, all over eth0."""
        return self.is_up and self.is_reached and not self.cut[0]

    @property
    def is_on_the_link(self) -> bool:
        return self.is_up and self.is_reached and not self.cut[1] and not self.is_apart

    @property
    def may_serve(self) -> bool:
        """Somebody may read what it writes: it is primary, runs, and is not cut off on both sides."""
        return self.is_up and self.is_primary and self.cut != (True, True)

    def booted(self) -> Node:
        """garoon-node-boot.service: a booting node comes up demoted."""
        return self._replace(
            power="running", is_reached=True, is_primary=False, is_mounted=False, is_serving=False,
            is_apart=bool(self.word),
        )  # fmt: skip


class Command(NamedTuple):
    """A verb that changes something, on its way to a node."""

    node: int
    verb: str
    epoch: int
    accepts_data_loss: bool
    peer_proof: str = "none"
    """What the node must find of its peer: none, unseen, secondary."""


class Answer(NamedTuple):
    """How the script ended: as VerbResult has it, without the status."""

    verb: str
    result: str = "done"
    code: str = "done"


class World(NamedTuple):
    """Everything outside the controller, except the cluster table's item."""

    nodes: tuple[Node, Node] = (Node(is_primary=True, is_mounted=True, is_serving=True, word="active"), Node())
    is_link_up: bool = True
    route: int = 0
    """Index of the node to which the virtual IP's route points."""
    late: tuple[Command, ...] = ()
    """Commands for whose answer nobody waits any more; they may still arrive."""

    @property
    def is_connected(self) -> bool:
        """The replicas are linked; two that are both ahead of each other never are."""
        first, second = self.nodes
        is_linked = self.is_link_up and first.is_on_the_link and second.is_on_the_link
        return is_linked and not (first.is_ahead and second.is_ahead)

    def without_late(self) -> World:
        """As it looks to whoever does not wait for those commands."""
        return self._replace(late=()) if self.late else self

    def with_node(self, index: int, **changes: Any) -> World:
        """This world with a changed node, settled."""
        nodes = list(self.nodes)
        nodes[index] = nodes[index]._replace(**changes)
        return self._replace(nodes=(nodes[0], nodes[1])).settled()

    def stopped(self, index: int) -> World:
        """With the node's instance stopped, and what was on its way there gone."""
        late = tuple(command for command in self.late if command.node != index)
        return self._replace(late=late).with_node(index, power="stopped", is_reached=True)

    @cache  # noqa: B019 - the few worlds of a model are settled again and again
    def settled(self) -> World:
        """With what follows by itself: users write, the replicas connect and go their ways, nodes report."""
        nodes = list(self.nodes)
        is_connected = self.is_connected
        for index, node in enumerate(nodes):
            peer = nodes[1 - index]
            if node.is_serving and node.answers and not is_connected:
                nodes[index] = node = node._replace(is_ahead=True)
            if is_connected and peer.is_ahead:
                nodes[index] = node = node._replace(data="stale")
            elif is_connected:
                nodes[index] = node = node._replace(data="current")
        if all(node.is_ahead for node in nodes):
            is_connected = False
        is_healthy = is_connected and all(node.data == "current" for node in nodes)
        nodes = [node._replace(said_replicating=is_healthy) if node.answers else node for node in nodes]
        return self._replace(nodes=(nodes[0], nodes[1]))

    def link(self, index: int) -> str:
        """The link as the node sees it."""
        if self.nodes[index].is_apart:
            return "apart"
        if not self.is_connected:
            return "waiting"
        return "resyncing" if any(node.is_ahead for node in self.nodes) else "connected"


def obey(world: World, command: Command, *, checks_epoch: bool = True) -> tuple[World, Answer]:
    """What garoon-node.sh does when the command arrives at a node that answers."""
    node, peer = world.nodes[command.node], world.nodes[1 - command.node]
    verb = command.verb
    if checks_epoch and command.epoch and command.epoch < node.epoch:
        return world, Answer(verb, "refused", "stale_epoch")
    world = world.with_node(command.node, epoch=max(node.epoch, command.epoch))
    match verb:
        case "promote" if not _is_peer_proven(world, command):
            return world, Answer(verb, "refused", "peer_not_proven")
        case "promote" if node.is_primary:
            return world.with_node(command.node, is_mounted=True, word="active", is_apart=False), Answer(verb)
        case "promote" if world.is_connected and peer.is_primary:
            return world, Answer(verb, "refused", "peer_primary")
        case "promote" if not command.accepts_data_loss and node.data != "current":
            return world, Answer(verb, "refused", "stale_replica")
        case "promote":
            promoted = {"is_primary": True, "is_mounted": True, "data": "current", "word": "active"}
            return world.with_node(command.node, **promoted, is_apart=False), Answer(verb)
        case "demote":
            is_alone = node.word == "unreplicated" or (node.word == "active" and not world.is_connected)
            demoted = {"is_primary": False, "is_mounted": False, "is_serving": False}
            return world.with_node(command.node, **demoted, word="unreplicated" if is_alone else ""), Answer(verb)
        case "start" if not (node.is_primary and node.is_mounted):
            return world, Answer(verb, "failed", "failed")
        case "restart" if not node.is_primary:
            return world, Answer(verb, "failed", "failed")
        case "start" | "restart":
            return world.with_node(command.node, is_mounted=True, is_serving=True), Answer(verb)
    raise NotImplementedError(f"The model's nodes do not know the verb {verb}.")


def _is_peer_proven(world: World, command: Command) -> bool:
    """The node finds its peer as the order says."""
    node, peer = world.nodes[command.node], world.nodes[1 - command.node]
    match command.peer_proof:
        case "unseen":
            return not peer.answers and not (peer.is_on_the_link and world.is_link_up)
        case "secondary":
            return world.is_connected and not peer.is_primary and node.data == peer.data == "current"
    return True


def break_off(world: World, command: Command) -> World | None:
    """The node dies halfway through the verb, as far as that differs from not at all; None where it does not."""
    node = world.nodes[command.node]
    if command.epoch and command.epoch < node.epoch:
        return None
    if command.verb == "promote":
        done, answer = obey(world, command)
        is_new = answer.result == "done" and not node.is_primary
        return done.with_node(command.node, is_mounted=False) if is_new else None
    if command.verb == "demote" and node.is_serving:
        return world.with_node(command.node, epoch=max(node.epoch, command.epoch), is_serving=False)
    return None


def is_promotion_of_stale_data(before: World, after: World, index: int) -> bool:
    """The node was made primary although its peer holds acknowledged writes that it lacks."""
    return (
        after.nodes[index].is_primary and not before.nodes[index].is_primary and before.nodes[1 - index].is_ahead
    )  # fmt: skip

"""Two nodes that answer Run Command: a stand-in for the SSM client, and nodes for whom no time passes."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from failover.node_script import DIGEST

from testbed.cluster.mirror import MirrorInMemory
from testbed.cluster.node import PLAIN, Node, Promotion
from testbed.cluster.report import Sight, make_report
from testbed.hosts.mirror import Pair


class StillTime:
    """Waiting is over at once."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class StillMirror(MirrorInMemory):
    """A pair of which stands what a test says, until an order changes it; what that leads to is there at once."""

    @contextmanager
    def changing(self) -> Iterator[Pair]:
        yield self._pair

    def connect(self, name: str, *, does_discard: bool = False) -> None:
        """A replica that was up to date has nothing to catch up with."""
        was_current = self.replica(name).data == "current"
        super().connect(name, does_discard=does_discard)
        if was_current and self._pair.sync_source is not None:
            self._finish_sync(self._pair)


class FakeNode(Node):
    """The campaign's node without a clock, in the words that a test says: FakeNode("db-01", role="primary").

    A test says of each node alone what it needs, so the peer of one is a standby in sync, unless `make_pair`
    makes another node its peer: then the one sees what the other does.
    """

    def __init__(self, name: str, **state: Any) -> None:
        super().__init__(StillTime(), name, lambda _what: None)
        self.peer = self
        self.version = DIGEST
        self.mirror = StillMirror(self.time, {name: self, f"the peer of {name}": self})
        self.is_silent = False
        """Commands reach it and nothing comes back."""
        self.sees_peer: bool | None = False
        """What `probe` says: the peer's database and NFS answer, and it answers on both paths; None: what is so."""
        self.busy_for = 0
        """How many more orders find it at work on an earlier one."""
        self.heard: list[str] = []
        self.become(**state)

    def become(self, **state: Any) -> None:
        for name, value in state.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, value)

    @property
    def role(self) -> str:
        return self.mirror.replica(self.name).role

    @role.setter
    def role(self, role: str) -> None:
        self.mirror.replica(self.name).role = role
        self.is_mounted = role == "primary"
        if self.is_mounted:
            self.word = "active"

    @property
    def replica_data(self) -> str:
        return self.mirror.replica(self.name).data

    @replica_data.setter
    def replica_data(self, data: str) -> None:
        self.mirror.replica(self.name).data = data

    @property
    def link(self) -> str:
        return self.mirror.replica(self.name).link

    @link.setter
    def link(self, link: str) -> None:
        self.mirror.replica(self.name).link = link

    @property
    def is_serving(self) -> bool:
        return super().is_serving

    @is_serving.setter
    def is_serving(self, is_serving: bool) -> None:
        self.is_database_up = self.is_scheduler_up = self.is_exported = self.has_virtual_ip = is_serving

    @property
    def was_active(self) -> bool:
        return self.word == "active"

    @was_active.setter
    def was_active(self, was_active: bool) -> None:
        self.word = "active" if was_active else ""

    @property
    def is_unreplicated(self) -> bool:
        return self.word == "unreplicated"

    @is_unreplicated.setter
    def is_unreplicated(self, is_unreplicated: bool) -> None:
        self.word = "unreplicated" if is_unreplicated else ""

    @property
    def instance_id(self) -> str:
        return self.answers_as

    @instance_id.setter
    def instance_id(self, instance_id: str) -> None:
        self.answers_as = instance_id

    @property
    def obeys(self) -> bool:
        return self.weakness.does_obey

    @obeys.setter
    def obeys(self, obeys: bool) -> None:
        self.weakness.does_obey = obeys

    @property
    def is_blind(self) -> bool:
        return not self.weakness.is_replica_seen

    @is_blind.setter
    def is_blind(self, is_blind: bool) -> None:
        self.weakness.is_replica_seen = not is_blind

    @property
    def is_recovering(self) -> bool:
        return self.weakness.does_database_recover

    @is_recovering.setter
    def is_recovering(self, is_recovering: bool) -> None:
        self.weakness.does_database_recover = is_recovering
        self.is_database_up = self.is_database_up and not is_recovering

    @contextmanager
    def watched(self, on_change: Callable[[str], None]) -> Iterator[None]:
        """Meanwhile each change on the node is told."""
        before, self._on_change = self._on_change, on_change
        try:
            yield
        finally:
            self._on_change = before

    def status(self) -> dict[str, Any]:
        return self.state().to_json()

    def sight(self) -> Sight:
        if self.sees_peer is None:
            return super().sight()
        word = "answers" if self.sees_peer else "unreachable"
        return Sight(peer=self.peer.name, database=word, nfs=word, eth0=self.sees_peer, eth1=self.sees_peer)

    def run(self, verb: str, epoch: int, promotion: Promotion = PLAIN, expires_at: int = 0) -> dict[str, Any]:
        if verb not in ("status", "probe", "survey") and self.busy_for:
            self.busy_for -= 1
            said = make_report(verb, "busy", "Another command is at work on this node.", clock=self.clock())
        else:
            _, said = self.obey(verb, epoch, expires_at, promotion)
        if said["code"] != "expired":
            self.heard.append(verb)
        return said


def make_pair(first: FakeNode, second: FakeNode) -> None:
    """From here on each is the other's peer, as two nodes are: they are in sync, and neither has a role."""
    mirror = MirrorInMemory(first.time, {first.name: first, second.name: second})
    for node, peer in ((first, second), (second, first)):
        node.peer, node.mirror, node.time, node.sees_peer = peer, mirror, first.time, None


class FakeSsm:
    """The three calls of the SSM client that the controller makes."""

    def __init__(self, nodes: dict[str, FakeNode]) -> None:
        self.nodes = nodes
        self.sent: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.answers: dict[str, str] = {}
        self.now: Callable[[], float] = lambda: 0.0
        """Our clock."""
        self.garble: Callable[[str], str] = lambda output: output
        self.ends_as = "Success"
        """StatusDetails of a command."""

    def send_command(self, **command: Any) -> dict[str, Any]:
        [instance_id] = command["InstanceIds"]
        if instance_id not in self.nodes:
            raise ClientError({"Error": {"Code": "InvalidInstanceId", "Message": "not here"}}, "SendCommand")
        parameters = {name: value for name, [value] in command["Parameters"].items()}
        document = (command["DocumentName"], command["DocumentVersion"])
        self.sent.append(parameters | {"instance": instance_id, "document": document})
        command_id = str(len(self.sent))
        node = self.nodes[instance_id]
        if not node.is_silent:
            node.time.now = self.now()
            epoch, expires_at = int(parameters["Epoch"]), int(parameters["ExpiresAt"])
            answer = node.run(parameters["Verb"], epoch, Promotion.of(parameters), expires_at)
            self.answers[command_id] = self.garble(json.dumps(answer))
        return {"Command": {"CommandId": command_id}}

    def get_command_invocation(self, CommandId: str, InstanceId: str) -> dict[str, Any]:  # noqa: N803
        if CommandId not in self.answers:
            return {"Status": "InProgress", "StatusDetails": "InProgress"}
        return {
            "Status": "Success" if self.ends_as == "Success" else "Failed",
            "StatusDetails": self.ends_as,
            "ResponseCode": 0,
            "StandardOutputContent": self.answers[CommandId] + "\n",
            "StandardErrorContent": "",
        }

    def cancel_command(self, CommandId: str, InstanceIds: list[str]) -> None:  # noqa: N803
        self.cancelled.append(CommandId)

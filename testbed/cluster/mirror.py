"""The replicated pair between two nodes in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.cluster.machine import Time
from testbed.hosts.mirror import Mirror, Pair, Replica

if TYPE_CHECKING:
    from testbed.cluster.node import Node


class MirrorInMemory(Mirror):
    """The pair with the manners that testbed.hosts gives it, between two nodes in memory."""

    def __init__(self, time: Time, nodes: Mapping[str, Node]) -> None:
        super().__init__(Path())
        self._time = time
        self._nodes = nodes
        replicas = {name: Replica(link="connected") for name in nodes}
        self._pair = Pair(replicas, resync_seconds=20.0, link_loss_seconds=4.0)

    @property
    def discarded(self) -> list[dict[str, Any]]:
        """What resyncs threw away, which the other side lacked."""
        return self._pair.discarded

    def replica(self, name: str) -> Replica:
        return self._pair.replicas[name]

    def take_over(self, name: str, replica: Replica) -> None:
        """That is the node's side of the pair from here on."""
        self._pair.replicas[name] = replica

    @contextmanager
    def changing(self) -> Iterator[Pair]:
        self._settle(self._pair, self._time.now)
        yield self._pair

    def write_number(self, name: str, number: int) -> bool:
        """The user's write on the node; true when it is acknowledged."""
        return self.write(name, str(number), b"")

    def _now(self) -> float:
        return self._time.now

    def _is_on(self, name: str) -> bool:
        return self._nodes[name].is_on

    def _is_heard(self, name: str) -> bool:
        node = self._nodes[name]
        return node.has_network("eth1") and not node.is_hung

    def _store(self, name: str, path: str, content: bytes) -> None:  # noqa: ARG002 - a write is its number
        if (number := int(path)) not in self._nodes[name].data[-1:]:
            self._nodes[name].data.append(number)

    def _lost_by_copying(self, source: str, target: str) -> list[str]:
        kept = set(self._nodes[source].data)
        return [str(number) for number in self._nodes[target].data if number not in kept]

    def _copy_volume(self, source: str, target: str) -> None:
        self._nodes[target].data = list(self._nodes[source].data)

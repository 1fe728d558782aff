"""A replicated pair with DRBD's manners, in the product's words (docs/replication.md): role, link, data, resync.

The state is WORLD/mirror.json, or mirror-1.json of a further volume. Every kernel of the pair changes it under one
lock, so that it is exact at any moment, also for an observer who wants to know whether two nodes are ever Primary
together.

Manners that matter to a controller, from the DRBD 8.4 user's guide ("DRBD internals", generation identifiers):
- a Primary that writes without its peer opens a new generation; so does a promotion without the peer;
- on reconnection the replica whose history is the beginning of the other's is resynced from it; histories of which
  neither begins the other are a split brain, and both sides drop to StandAlone;
- a Primary that crashed resyncs the extents that were in flight: its peer, if it was not promoted, follows it;
- `primary` is allowed during a resync as long as the peer serves UpToDate data: refusing is the caller's duty.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from testbed.hosts.layout import host_files
from testbed.world.files import exclusively, replace_file

UNPLUGGED = "down"
UNCONFIGURED = "unconfigured"
"""The device exists, without its disk and without its peer: between `new-minor` and `attach`."""
LINKED = frozenset({"connected", "resyncing"})


@dataclass
class Replica:
    """One node's side of the pair."""

    role: str = "secondary"
    data: str = "current"
    link: str = UNPLUGGED
    generations: list[str] = field(default_factory=lambda: ["initial"])
    is_crashed_primary: bool = False
    seen_peer_role: str = "unknown"
    seen_peer_data: str = "unknown"
    """What this side believes of a peer that is gone, until it notices the loss of the link."""
    protocol: str = "C"
    """Of its connection; of a standing one, the one side tells the other (drbd.conf(5), "protocol")."""

    @property
    def is_configured(self) -> bool:
        return self.link not in (UNPLUGGED, UNCONFIGURED)

    @property
    def is_linked(self) -> bool:
        return self.link in LINKED


@dataclass
class Pair:
    """mirror.json."""

    replicas: dict[str, Replica]
    resync_seconds: float = 0.5
    link_loss_seconds: float = 0.2
    link_lost_at: float | None = None
    sync_source: str | None = None
    discarded: list[dict[str, Any]] = field(default_factory=list)
    """What resyncs overwrote that the other side lacked: when, on which node, and which files (`Discard`)."""
    sync_started_at: float = 0.0
    sync_ends_at: float = 0.0

    def peer_of(self, name: str) -> str:
        return next(other for other in self.replicas if other != name)

    @property
    def is_linked(self) -> bool:
        return all(replica.is_linked for replica in self.replicas.values())

    def seen_from(self, name: str) -> tuple[str, str]:
        """Role and data of the peer as this side believes them to be."""
        own, peer = self.replicas[name], self.replicas[self.peer_of(name)]
        if not own.is_linked:
            return "unknown", "unknown"
        return (peer.role, peer.data) if peer.is_linked else (own.seen_peer_role, own.seen_peer_data)


class MirrorError(Exception):
    """A refused command: DRBD's exit code and its sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class View:
    """What one node's DRBD says of the pair."""

    role: str
    peer_role: str
    link: str
    data: str
    peer_data: str
    is_sync_source: bool
    """Of a resync: the other side is made like it."""
    sync_percent: float | None
    protocol: str | None
    """None without a connection, or the wish for one."""


class Mirror:
    """The pair as seen and changed by any process."""

    def __init__(self, world: Path, number: int = 0) -> None:
        self._world = world
        self._number = number
        name = f"mirror-{number}" if number else "mirror"
        self._file = world / f"{name}.json"
        self._lock = world / f"{name}.lock"

    @classmethod
    def create(
        cls, world: Path, names: tuple[str, str], resync_seconds: float, link_loss_seconds: float, number: int = 0
    ) -> Mirror:
        """A new pair in sync: both secondary, both current."""
        mirror = cls(world, number)
        mirror._write(Pair({name: Replica() for name in names}, resync_seconds, link_loss_seconds))
        return mirror

    def read(self) -> Pair:
        return _parse(self._file.read_text())

    @contextmanager
    def changing(self) -> Iterator[Pair]:
        """The settled pair, locked; what the caller changed is written back, also when it raises a MirrorError."""
        with exclusively(self._lock):
            text = self._file.read_text()
            pair, before = _parse(text), _parse(text)
            self._settle(pair, self._now())
            try:
                yield pair
            finally:
                if pair != before:
                    self._write(pair)

    def settle(self) -> None:
        """Let time pass: noticed losses of the link, reconnections, finished resyncs."""
        with self.changing():
            pass

    def view(self, name: str) -> View:
        with self.changing() as pair:
            own = pair.replicas[name]
            peer_role, peer_data = pair.seen_from(name)
            percent = None
            if pair.sync_source and pair.is_linked:
                span = max(pair.sync_ends_at - pair.sync_started_at, 0.001)
                percent = min(99.9, 100 * (self._now() - pair.sync_started_at) / span)
            return View(
                role=own.role,
                peer_role=peer_role,
                link=own.link,
                data=own.data,
                peer_data=peer_data,
                is_sync_source=pair.sync_source == name,
                sync_percent=percent,
                protocol=None if own.link == "apart" else own.protocol,
            )

    def write(self, name: str, path: str, content: bytes) -> bool:
        """Write a file of the volume as protocol C does: true when every connected replica holds it.

        False while the link is lost but not yet noticed: the write hangs, to be tried again.
        """
        with self.changing() as pair:
            own = pair.replicas[name]
            if own.role != "primary":
                raise MirrorError(5, "the device is read-only: this node is not Primary")
            if own.is_linked and not (pair.is_linked and self._is_link_alive(pair)):
                return False
            if own.is_linked:
                self._store(pair.peer_of(name), path, content)
            elif len(own.generations) <= len(pair.replicas[pair.peer_of(name)].generations):
                own.generations.append(uuid.uuid4().hex[:16])
            self._store(name, path, content)
            return True

    def set_protocol(self, name: str, protocol: str) -> None:
        """The network options of `up`, `connect` and `net-options`."""
        with self.changing() as pair:
            pair.replicas[name].protocol = protocol
            if pair.is_linked:
                pair.replicas[pair.peer_of(name)].protocol = protocol

    def configure(self, name: str) -> None:
        """`drbdadm up`."""
        with self.changing() as pair:
            if not pair.replicas[name].is_configured:
                pair.replicas[name].link = "waiting"
                self._settle(pair, self._now())

    def create_minor(self, name: str) -> None:
        """`drbdadm new-minor`."""
        with self.changing() as pair:
            if pair.replicas[name].link == UNPLUGGED:
                pair.replicas[name].link = UNCONFIGURED

    def attach(self, name: str) -> None:
        """`drbdadm attach`: the disk is there, and the replica does not look for its peer."""
        with self.changing() as pair:
            if pair.replicas[name].link == UNPLUGGED:
                raise MirrorError(10, "garoon: Failure: (127) Device minor not allocated")
            if pair.replicas[name].link == UNCONFIGURED:
                pair.replicas[name].link = "apart"

    def unconfigure(self, name: str) -> None:
        """`drbdadm down`."""
        with self.changing() as pair:
            if pair.replicas[name].role == "primary":
                raise MirrorError(11, "State change failed: (-12) Device is held open by someone")
            pair.replicas[name].link = UNPLUGGED
            self._drop_link(pair)

    def promote(self, name: str, *, is_forced: bool) -> None:
        """`drbdadm primary [--force]`."""
        with self.changing() as pair:
            own = pair.replicas[name]
            self._require_configured(own)
            if own.role == "primary":
                return
            peer_role, peer_data = pair.seen_from(name)
            if peer_role == "primary":
                raise MirrorError(11, "State change failed: (-1) Multiple primaries not allowed by config")
            has_data = own.data == "current" or peer_data == "current"
            if not has_data and not is_forced:
                raise MirrorError(17, "State change failed: (-2) Need access to UpToDate data")
            if not has_data:
                own.data = "current"
            own.role = "primary"
            own.is_crashed_primary = False
            if not pair.is_linked:
                own.generations.append(uuid.uuid4().hex[:16])

    def demote(self, name: str) -> None:
        """`drbdadm secondary`."""
        with self.changing() as pair:
            self._require_configured(pair.replicas[name])
            pair.replicas[name].role = "secondary"

    def outdate(self, name: str) -> None:
        """`drbdadm outdate`."""
        with self.changing() as pair:
            own = pair.replicas[name]
            self._require_configured(own)
            if own.role == "primary" or own.is_linked:
                raise MirrorError(17, "State change failed: (-10) State change was refused by peer node")
            if own.data == "current":
                own.data = "stale"

    def connect(self, name: str, *, does_discard: bool = False) -> None:
        """`drbdadm connect [--discard-my-data]`."""
        with self.changing() as pair:
            own, peer = pair.replicas[name], pair.replicas[pair.peer_of(name)]
            self._require_configured(own)
            if own.link == "apart":
                own.link = "waiting"
            # Only where there is something to discard: histories of which the handshake makes a split.
            if does_discard and own.generations != peer.generations:
                own.generations = peer.generations[:-1] or list(peer.generations)
                own.data = "stale"
            self._settle(pair, self._now())

    def disconnect(self, name: str) -> None:
        """`drbdadm disconnect`."""
        with self.changing() as pair:
            self._drop_link(pair)
            pair.replicas[name].link = "apart"

    def start_resync(self, target: str, seconds: float) -> None:
        """Make a replica stale: mid-resync from its peer for this long (a fault to test against)."""
        with self.changing() as pair:
            pair.resync_seconds = seconds
            pair.replicas[target].data = "stale"
            self._settle(pair, self._now())
            if pair.is_linked:
                self._begin_sync(pair, pair.peer_of(target), self._now())

    def _settle(self, pair: Pair, now: float) -> None:
        for name, replica in pair.replicas.items():
            if replica.link != UNPLUGGED and not self._is_on(name):
                self._lose_host(pair, name)
        if any(replica.is_linked for replica in pair.replicas.values()):
            self._settle_loss(pair, now)
        if not pair.is_linked and self._is_link_alive(pair):
            self._shake_hands(pair, now)
        if pair.sync_source is not None and pair.is_linked and now >= pair.sync_ends_at:
            self._finish_sync(pair)

    def _lose_host(self, pair: Pair, name: str) -> None:
        replica, peer = pair.replicas[name], pair.replicas[pair.peer_of(name)]
        peer.seen_peer_role, peer.seen_peer_data = replica.role, replica.data
        replica.is_crashed_primary = replica.is_crashed_primary or replica.role == "primary"
        replica.role = "secondary"
        replica.link = UNPLUGGED
        pair.sync_source = None

    def _settle_loss(self, pair: Pair, now: float) -> None:
        if pair.is_linked and self._is_link_alive(pair):
            pair.link_lost_at = None
        elif pair.link_lost_at is None:
            pair.link_lost_at = now
        elif now - pair.link_lost_at >= pair.link_loss_seconds:
            self._drop_link(pair)

    def _drop_link(self, pair: Pair) -> None:
        pair.link_lost_at = None
        pair.sync_source = None
        for replica in pair.replicas.values():
            if replica.is_linked:
                replica.link = "waiting"

    def _is_link_alive(self, pair: Pair) -> bool:
        return all(
            replica.is_configured and replica.link != "apart" and self._is_on(name) and self._is_heard(name)
            for name, replica in pair.replicas.items()
        )

    def _shake_hands(self, pair: Pair, now: float) -> None:
        self._drop_link(pair)
        (first, a), (second, b) = pair.replicas.items()
        source = _choose_source(a, b)
        if source is None:
            a.link = b.link = "connected"
            a.is_crashed_primary = b.is_crashed_primary = False
        elif source == "split" or (a if source == "second" else b).role == "primary":
            a.link = b.link = "apart"
        else:
            self._begin_sync(pair, first if source == "first" else second, now)

    def _begin_sync(self, pair: Pair, source: str, now: float) -> None:
        target = pair.peer_of(source)
        pair.replicas[source].link = "resyncing"
        pair.replicas[target].link = "resyncing"
        pair.replicas[target].data = "stale"
        pair.sync_source = source
        pair.sync_started_at = now
        pair.sync_ends_at = now + pair.resync_seconds

    def _finish_sync(self, pair: Pair) -> None:
        source = pair.sync_source
        assert source is not None
        target = pair.peer_of(source)
        if lost := self._lost_by_copying(source, target):
            pair.discarded.append({"time": self._now(), "node": target, "files": lost})
        self._copy_volume(source, target)
        pair.replicas[target].generations = list(pair.replicas[source].generations)
        pair.replicas[target].data = "current"
        for replica in pair.replicas.values():
            replica.link = "connected"
            replica.is_crashed_primary = False
        pair.sync_source = None

    def _require_configured(self, replica: Replica) -> None:
        if not replica.is_configured:
            raise MirrorError(10, "garoon: Failure: (158) Unknown resource")

    # What lies around the pair; the fault campaign has these in memory.

    def _now(self) -> float:
        return time.time()

    def _is_on(self, name: str) -> bool:
        return host_files(self._world, name).is_on()

    def _is_heard(self, name: str) -> bool:
        """Whether the host takes part in the replication link."""
        faults = host_files(self._world, name).faults()
        return not faults.is_nic_down("eth1") and not faults.is_hung

    def _store(self, name: str, path: str, content: bytes) -> None:
        target = self._volume(name) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.part")
        temporary.write_bytes(content)
        temporary.replace(target)

    def _lost_by_copying(self, source: str, target: str) -> list[str]:
        return sorted(files_of(self._volume(target)) - files_of(self._volume(source)))

    def _copy_volume(self, source: str, target: str) -> None:
        # The whole volume, so that nothing the target wrote alone can survive a resync.
        shutil.rmtree(self._volume(target), ignore_errors=True)
        shutil.copytree(self._volume(source), self._volume(target), ignore=shutil.ignore_patterns(".garoon-node*"))

    def _volume(self, name: str) -> Path:
        return host_files(self._world, name).volume_of(self._number)

    def _write(self, pair: Pair) -> None:
        replace_file(self._file, json.dumps(asdict(pair), indent=1) + "\n")


def _choose_source(a: Replica, b: Replica) -> str | None:
    """Which side the other must follow: `first`, `second`, `split`, or None when they are the same."""
    if a.role == b.role == "primary":
        return "split"
    if a.generations == b.generations:
        if a.data != b.data:
            return "first" if a.data == "current" else "second"
        if a.is_crashed_primary != b.is_crashed_primary:
            return "first" if a.is_crashed_primary else "second"
        return None
    if b.generations[: len(a.generations)] == a.generations:
        return "second"
    if a.generations[: len(b.generations)] == b.generations:
        return "first"
    return "split"


def files_of(volume: Path) -> set[str]:
    """What a user would miss: names of the files that are no passing part of a write."""
    return {
        str(file.relative_to(volume)) for file in volume.rglob("*") if file.is_file() and not file.name.startswith(".")
    }


def _parse(text: str) -> Pair:
    values = json.loads(text)
    values["replicas"] = {name: Replica(**replica) for name, replica in values["replicas"].items()}
    return Pair(**values)

"""A database server as the controller knows it: its replica, its services, and what garoon-node.sh does with them.

Pure but for the time that is given to it: the campaign gives virtual time, the unit tests one that costs nothing.
tests/contract holds it to the script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from testbed.cluster.machine import Machine, Time
from testbed.cluster.mirror import MirrorInMemory
from testbed.cluster.report import RESULTS, SURVEY, NodeState, Sight, make_report
from testbed.hosts.mirror import UNCONFIGURED, UNPLUGGED, MirrorError

_LOCK_WAIT_SECONDS = 10.0
_PEER_LOSS_SECONDS = 8.0
_LOOK_SECONDS = 3.0
_LOOKS = ("status", "probe", "survey")
_LONGEST_ORDER_SECONDS = 120.0
_SEEN_LINKS = {UNPLUGGED: "unknown", UNCONFIGURED: "apart"}
"""What `status` calls the link of a replica that is not there, or not wholly."""


@dataclass
class Weakness:
    """What does not work on a node, whoever asks for it."""

    does_database_start: bool = True
    does_database_answer: bool = True
    does_database_recover: bool = False
    """Its database is begun, and on its way for long."""
    does_volume_mount: bool = True
    does_volume_unmount: bool = True
    does_service_stop: bool = True
    is_replica_seen: bool = True
    """False: its looks at its replica fail."""
    does_obey: bool = True
    """False: each order fails, and changes nothing."""


@dataclass(frozen=True)
class Promotion:
    """What the parameters of the document say of a promotion."""

    accepts_data_loss: bool = False
    peer_proof: str = "none"
    """none, unseen, secondary: what the node must find of its peer."""
    and_start: bool = False

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Promotion:
        """By the names of the document's parameters."""
        return cls(
            given.get("AcceptDataLoss") == "true", given.get("PeerProof", "none"), given.get("AndStart") == "true"
        )

    def parameters(self) -> dict[str, str]:
        return {
            "AcceptDataLoss": str(self.accepts_data_loss).lower(),
            "PeerProof": self.peer_proof,
            "AndStart": str(self.and_start).lower(),
        }


PLAIN = Promotion()


class Node(Machine):
    """One of the pair. Give it its `peer` and the pair's `mirror` before anything happens to it."""

    peer: Node
    mirror: MirrorInMemory

    def __init__(self, time: Time, name: str, on_change: Callable[[str], None]) -> None:
        super().__init__(time, name, on_change)
        self.answers_as = ""
        """The instance's id that it tells; another one than its own: what answers is a copy of it."""
        self.version = "0123456789ab"
        self.weakness = Weakness()
        self.is_mounted = False
        self.is_database_up = False
        self.is_database_begun = False
        self.is_scheduler_up = False
        self.is_exported = False
        self.has_virtual_ip = False
        self.epoch = 0
        self.word = ""
        """What it knows of its role, kept over a boot: "active", "unreplicated", or nothing."""
        self.data: list[int] = []
        """The writes that this node's volume holds, in their order."""
        self.is_locked = False

    def settle(self) -> None:
        self.mirror.settle()

    def enter_service(self) -> None:
        """It is active and serves, as if it had been so for long."""
        self.mirror.replica(self.name).role = "primary"
        self.is_mounted = self.is_database_up = self.is_scheduler_up = self.is_exported = True
        self.has_virtual_ip, self.word = True, "active"

    def forget_boot(self) -> None:
        """What does not outlive the loss of power."""
        self.is_locked = False
        self.is_hung = self.is_mounted = self.is_database_up = self.is_database_begun = self.is_scheduler_up = False
        self.is_exported = self.has_virtual_ip = False

    @property
    def is_primary(self) -> bool:
        return self.mirror.replica(self.name).role == "primary"

    @property
    def can_write(self) -> bool:
        """It holds the writable volume: it may write now, or once it stops hanging."""
        return self.is_on and self.is_primary and self.is_mounted

    @property
    def does_database_answer(self) -> bool:
        return self.is_database_up and self.is_mounted and self.weakness.does_database_answer

    @property
    def is_serving(self) -> bool:
        """All that `status` calls serving."""
        return (
            self.is_on and not self.is_hung and self.is_primary and self.is_mounted and self.does_database_answer
            and self.is_scheduler_up and self.is_exported and self.has_virtual_ip
        )  # fmt: skip

    # --- verbs

    def obey(self, verb: str, epoch: int, expires_at: int, promotion: Promotion = PLAIN) -> tuple[int, dict[str, Any]]:
        """Runs a verb in the running task: exit code, and the object that it prints."""
        if verb in _LOOKS:
            return self._perform(verb, promotion)
        with self._lock_file() as has_lock:
            if not has_lock:
                return self._said(verb, "busy", "Another command is at work on this node; nothing was done.")
            seconds_left = expires_at - self.time.now - self.seconds_ahead
            if expires_at and not 0 < seconds_left <= _LONGEST_ORDER_SECONDS:
                message = f"By the clock of this node the command came too late, or too early: until {expires_at}."
                return self._said(verb, "expired", message)
            if epoch and epoch < self.epoch:
                message = f"The command belongs to epoch {epoch}, but this node already obeyed epoch {self.epoch}."
                return self._said(verb, "stale_epoch", message)
            self.epoch = max(self.epoch, epoch)
            exit_code, said = self._perform(verb, promotion)
        if verb == "promote" and promotion.and_start and said["result"] == "done":
            # The script's own child has the lock from the moment that the script ends.
            self.is_locked = True
            self.go_on(self._begin_service)
        return exit_code, said

    def go_on(self, work: Callable[[], None]) -> None:
        """What the script began and does not wait for. Here, where nothing takes time, it is done at once."""
        work()

    def _begin_service(self) -> None:
        try:
            self._bring_up_database()
            self._let_clients_in()
        except _EndError as end:  # `start` will find it so, and tell
            self._on_change(f"{self.name}: {end}")
        finally:
            self.is_locked = False

    def _perform(self, verb: str, promotion: Promotion) -> tuple[int, dict[str, Any]]:
        try:
            if verb not in _LOOKS and not self.weakness.does_obey:
                raise _EndError(f"{verb} went wrong.")  # noqa: TRY301 - as every verb ends
            match verb:
                case "status" | "survey":
                    self.work(0.3)
                case "probe":
                    self.work(0.3 if self.reaches_peer() else _LOOK_SECONDS)
                case "promote":
                    self._promote(promotion)
                case "start":
                    self._start()
                case "restart":
                    self._restart()
                case "stop":
                    self._take_out_of_service()
                case "demote":
                    self._demote()
                case "reconnect":
                    self._reconnect()
                case "rejoin":
                    self._rejoin()
                case _:
                    raise NotImplementedError(f"A node of the testbed has no verb {verb}.")
        except _EndError as end:
            return self._said(verb, end.code, str(end), status=self.state())
        message = f"{self.name} did {verb}."
        if verb == "probe":
            return self._said(verb, "done", message, sight=self.sight())
        if verb == "survey":
            return RESULTS["done"][1], make_report(verb, "done", message, clock=self.clock(), survey=SURVEY)
        return self._said(verb, "done", message, status=self.state())

    def _said(
        self, verb: str, code: str, message: str, *, status: NodeState | None = None, sight: Sight | None = None
    ) -> tuple[int, dict[str, Any]]:
        _, exit_code = RESULTS[code]
        return exit_code, make_report(verb, code, message, clock=self.clock(), status=status, sight=sight)

    @contextmanager
    def _lock_file(self) -> Iterator[bool]:
        deadline = self.time.now + _LOCK_WAIT_SECONDS
        while self.is_locked:
            if self.time.now >= deadline:
                yield False
                return
            self.work(0.2)
        self.is_locked = True
        try:
            yield True
        finally:
            self.is_locked = False

    def _require_sight(self) -> None:
        if not self.weakness.is_replica_seen:
            message = f"{self.name} could not see its replica's role or its mount; nothing was changed."
            raise _EndError(message, "unknown")

    def _promote(self, promotion: Promotion) -> None:
        if not self.weakness.is_replica_seen:
            raise _EndError(f"{self.name} can't bring its replica up: its state could not be read.")
        self.attach_or_connect()
        if not _is_peer_proven(self, promotion.peer_proof):
            message = f"{self.peer.name} is not {promotion.peer_proof} to {self.name}."
            raise _EndError(message, "peer_not_proven")
        if self.is_primary:
            self.word = "active"
            if not self._mount():
                raise _EndError(f"{self.name} is primary but can't mount its volume.")
            self._connect_replica()
            return
        deadline = self.time.now + _PEER_LOSS_SECONDS
        while self.mirror.view(self.name).peer_role == "primary":
            if self.time.now >= deadline:
                raise _EndError(
                    f"{self.peer.name} is primary on the replication link: demote or fence it first.", "peer_primary"
                )
            self.work(0.2)
        view = self.mirror.view(self.name)
        is_stale = view.data != "current"
        if is_stale and not promotion.accepts_data_loss:
            raise _EndError(
                f"The replica of {self.name} is stale ({view.link}, {view.data}): promoting it would lose data.",
                "stale_replica",
            )
        self.work(0.5)
        try:
            self.mirror.promote(self.name, is_forced=is_stale and promotion.accepts_data_loss)
        except MirrorError as error:
            raise _EndError(f"{self.name} can't be made primary: {error}.") from error
        self.change("is primary", word="active")
        if not self._mount():
            self._make_secondary()
            self.word = ""
            raise _EndError(f"{self.name} could not mount its volume and is secondary again.")
        self._connect_replica()

    def attach_or_connect(self) -> None:
        if self.word in ("active", "unreplicated"):
            self._attach_replica()
        else:
            self.mirror.configure(self.name)

    def _attach_replica(self) -> None:
        self.mirror.create_minor(self.name)
        self.mirror.attach(self.name)

    def _connect_replica(self) -> None:
        if self.mirror.view(self.name).link == "apart":
            self.mirror.connect(self.name)

    def _reconnect(self) -> None:
        self._require_sight()
        if not self.is_primary:
            message = f"{self.name} is secondary: its data is not the one to follow."
            raise _EndError(message, "not_primary")
        self.work(0.3)
        self._connect_replica()

    def _rejoin(self) -> None:
        self._attach_replica()
        self._require_sight()
        if self.is_primary or self.is_mounted:
            message = f"{self.name} is primary or has its volume mounted: demote it first."
            raise _EndError(message, "not_demoted")
        self.work(0.3)
        if not self.mirror.replica(self.name).is_linked:
            if self.mirror.replica(self.name).link != "apart":
                self.mirror.disconnect(self.name)
            self.mirror.connect(self.name, does_discard=True)
        self.word = ""

    def _mount(self) -> bool:
        if self.is_mounted:
            return True
        self.work(1.0)
        if not self.weakness.does_volume_mount:
            return False
        self.change("mounts its volume", is_mounted=True)
        return True

    def _make_secondary(self) -> None:
        if not self.is_primary:
            return
        self.work(0.3)
        self.mirror.demote(self.name)
        self._on_change(f"{self.name}: is secondary")

    def _start(self) -> None:
        self._require_sight()
        if not self.is_primary or not self.is_mounted:
            raise _EndError(f"{self.name} can't start services: they need the promoted, mounted volume.")
        self._bring_into_service()

    def _restart(self) -> None:
        self._require_sight()
        if not self.is_primary:
            raise _EndError(f"{self.name} can't restart services: it is secondary, not primary.")
        if not self._mount():
            raise _EndError(f"{self.name} can't mount its volume.")
        if self.is_database_up and not self.does_database_answer:
            self._stop_service("scheduler")
            if not self._stop_service("database"):
                raise _EndError("cyde_5_0 does not answer and can't be stopped.")
        self._bring_into_service()

    def _bring_into_service(self) -> None:
        self._bring_up_database()
        if not self.is_scheduler_up:
            self.work(1.0)
            self.change("starts its scheduler", is_scheduler_up=True)
        self._let_clients_in()

    def _bring_up_database(self) -> None:
        if not self.is_database_up:
            self.work(2.0)
            if not self.weakness.does_database_start:
                raise _EndError(f"cyde_5_0 does not start on {self.name}.")
            if self.weakness.does_database_recover:
                self.change("begins its database", is_database_begun=True)
                message = f"cyde_5_0 is on its way on {self.name}: 84 s since its start, 12 MiB read."
                raise _EndError(message, "recovering")
            self.change("starts its database", is_database_up=True, is_database_begun=False)
        if not self.does_database_answer:
            self.work(30.0)
            raise _EndError(f"cyde_5_0 runs on {self.name} but does not answer on port 3770.")

    def _let_clients_in(self) -> None:
        self.work(0.3)
        self.change("exports its directories", is_exported=True)
        self.change("takes the virtual IP", has_virtual_ip=True)

    def _stop_service(self, name: str) -> bool:
        is_begun = name == "database" and self.is_database_begun
        if not (getattr(self, f"is_{name}_up") or is_begun):
            return True
        self.work(1.0)
        if not self.weakness.does_service_stop:
            return False
        self.change(f"stops its {name}", **{f"is_{name}_up": False})
        self.is_database_begun = self.is_database_begun and name != "database"
        return True

    def _take_out_of_service(self) -> None:
        self.work(0.1)
        self.change("gives up the virtual IP", has_virtual_ip=False)
        self.change("withdraws its exports", is_exported=False)
        if not all([self._stop_service("scheduler"), self._stop_service("database")]):
            raise _EndError(f"Not everything on {self.name} could be taken out of service.")

    def _demote(self) -> None:
        self._require_sight()
        with suppress(_EndError):  # unmounting kills what is left of it
            self._take_out_of_service()
        if self.is_mounted:
            self.work(1.0)
            if not self.weakness.does_volume_unmount:
                self.work(60.0)
                raise _EndError(f"{self.name} can't be demoted: the volume can't be unmounted.")
            self.change("unmounts its volume", is_mounted=False, is_database_up=False, is_scheduler_up=False)
        self._make_secondary()
        if self.word == "active" and not self.mirror.replica(self.name).is_linked:
            self.word = "unreplicated"
        elif self.word != "unreplicated":
            self.word = ""

    def state(self) -> NodeState:
        """What `status` says."""
        return _state_of(self)

    def reaches_peer(self) -> bool:
        return self.is_reachable and self.peer.is_reachable

    def sees_a_path(self) -> bool:
        sight = self.sight()
        return bool(sight.eth0 or sight.eth1)

    def sight(self) -> Sight:
        sees = self.reaches_peer()
        has_port = self.peer.is_on and self.peer.is_booted
        is_up = has_port and self.has_network("eth0") and self.peer.has_network("eth0")
        # The kernel of a hung machine goes on accepting connections.
        word = "silent" if is_up and self.peer.is_hung else "unreachable"
        has_link = has_port and self.has_network("eth1") and self.peer.has_network("eth1")
        return Sight(
            peer=self.peer.name,
            database="answers" if sees and self.peer.does_database_answer else word,
            nfs="answers" if sees else word,
            eth0=sees,
            eth1=has_link and not self.peer.is_hung,
        )


class _EndError(Exception):
    """A verb ends without having done its work."""

    def __init__(self, message: str, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


def _is_peer_proven(node: Node, peer_proof: str) -> bool:
    """It finds its peer as the order says."""
    view = node.mirror.view(node.name)
    match peer_proof:
        case "unseen":
            node.work(0.3 if node.reaches_peer() else _LOOK_SECONDS)
            sight = node.sight()
            return not (sight.eth0 or sight.eth1) and sight.database == sight.nfs == "unreachable"
        case "secondary":
            data = {view.data, node.mirror.view(node.peer.name).data}
            return view.peer_role == "secondary" and view.link == "connected" and data == {"current"}
    return True


def _state_of(node: Node) -> NodeState:
    database = "running" if node.is_database_up else "starting" if node.is_database_begun else "stopped"
    state = NodeState(
        node=node.name,
        version=node.version,
        answering_version=node.version,
        epoch=node.epoch,
        booted_at=int(node.booted_at),
        clock=node.clock(),
        instance_id=node.answers_as,
        word=node.word,
        is_mounted=node.is_mounted,
        is_writable=node.is_mounted,
        database=database,
        scheduler="running" if node.is_scheduler_up else "stopped",
        does_database_answer=node.does_database_answer,
        does_nfs_answer=node.is_on,
        is_exported=node.is_exported,
        has_virtual_ip=node.has_virtual_ip,
        is_serving=node.is_serving,
    )
    if not node.weakness.is_replica_seen:
        return replace(state, role="unknown", link="unknown", data="unknown", protocol=None, is_serving=None)
    view = node.mirror.view(node.name)
    return replace(
        state,
        role=view.role,
        link=_SEEN_LINKS.get(view.link, view.link),
        data=view.data,
        sync_percent=view.sync_percent,
        protocol=view.protocol,
    )

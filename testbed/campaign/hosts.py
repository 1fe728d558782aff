"""The two database servers: machines, their replicas, and what garoon-node.sh does on them.

The machine follows, in the Amazon EC2 User Guide: "Instance lifecycle" and "Status checks for your instances"; the
verbs follow node/garoon-node.sh (tests/campaign/test_node_model.py holds the two together).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.campaign.virtual_time import Loop, Task
from testbed.hosts.mirror import Mirror, MirrorError, Pair, Replica

BOOT_SECONDS = 20.0
STOP_SECONDS = 15.0
_ALIVE_WHILE_STOPPING_SECONDS = 10.0
_CLEAN_SHUTDOWN_SECONDS = 90.0
_IMPAIRED_AFTER_SECONDS = 60.0
_INITIALIZING_SECONDS = 60.0
_LOCK_WAIT_SECONDS = 10.0
_PEER_LOSS_SECONDS = 8.0
_LOOK_SECONDS = 3.0
_WATCH_SECONDS = 5.0
_LONGEST_ORDER_SECONDS = 120.0


@dataclass(frozen=True)
class Beat:
    """One line of a node's metrics."""

    at: float
    is_replicating: bool


class Past:
    """A value whose earlier ones can be asked for: an answer of AWS may be late."""

    def __init__(self, loop: Loop, value: Any) -> None:
        self._loop = loop
        self._values: list[tuple[float, Any]] = [(float("-inf"), value)]

    def get(self, seconds_ago: float = 0.0) -> Any:
        at = self._loop.now - seconds_ago
        return next(value for since, value in reversed(self._values) if since <= at)

    def set(self, value: Any) -> None:
        self._values.append((self._loop.now, value))


@dataclass
class Weakness:
    """What does not work on a host, whoever asks for it."""

    does_database_start: bool = True
    does_database_answer: bool = True
    does_volume_mount: bool = True
    does_volume_unmount: bool = True
    does_service_stop: bool = True


class Host:
    """One server. Whatever changes on it is told to `on_change` at once."""

    def __init__(self, loop: Loop, name: str, letter: str, on_change: Callable[[str], None]) -> None:
        self.loop = loop
        self.name = name
        self.instance_id = f"i-0{letter}"
        self.interface_id = f"eni-0{letter}"
        self.volume_id = f"vol-0{letter}"
        self.interface_ids = (self.interface_id, f"eni-1{letter}")
        self.subnet_ids = (f"subnet-0{letter}0", f"subnet-0{letter}1")
        self._on_change = on_change
        self.instance_state = Past(loop, "running")
        self.was_well_when_stopped = False
        """The controller had it stopped while it worked."""
        self.is_on = True
        self.is_booted = True
        self.is_hung = False
        self.eth0_up = True
        self.eth1_up = True
        self.aws_path_up = True
        self.cut_interfaces: frozenset[str] = frozenset()
        """Those whose subnet has the network ACL that denies everything: eth0, eth1."""
        self.booted_at = loop.now - 86400
        self.seconds_ahead = 0.0
        """How far its clock is ahead."""
        self.is_known_to_ec2 = True
        self.answers_as = self.instance_id
        """Another id than its own: what answers is a copy of it."""
        self.launched_at = loop.now - 86400
        self.state_reason = "Client.UserInitiatedShutdown"
        """EC2's StateReason while it is stopped."""
        self.unreachable_since: float | None = None
        self.weakness = Weakness()
        self.is_mounted = False
        self.is_database_up = False
        self.is_scheduler_up = False
        self.is_exported = False
        self.has_virtual_ip = False
        self.epoch = 0
        self.role = ""
        """What the controller gave it last: "active", "unreplicated", or nothing; kept over a boot."""
        self.data: list[int] = []
        """The writes that this node's volume holds, in their order."""
        self._is_locked = False
        self._tasks: list[Task[Any]] = []
        self._looks_without_peer = 0
        self._looks_without_service = 0
        self._has_served = False
        self.last_beat = Past(loop, Beat(loop.now, is_replicating=True))
        self.peer: Host
        self.mirror: VirtualMirror
        self.on_sign: Callable[[Host, str], None] = lambda _host, _sign: None
        self.on_instance_state: Callable[[Host, str], None] = lambda _host, _state: None

    # --- the machine

    def change(self, what: str, **values: Any) -> None:
        """Sets attributes; the observer looks."""
        for name, value in values.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, value)
        self._follow_reachability()
        self.mirror.settle()
        self._on_change(f"{self.name}: {what}")

    def _follow_reachability(self) -> None:
        is_fine = self.is_on and self.is_booted and not self.is_hung and self.eth0_up
        if is_fine:
            self.unreachable_since = None
        elif self.unreachable_since is None:
            self.unreachable_since = self.loop.now

    def has_network(self, interface: str) -> bool:
        """Whether packets pass the interface."""
        is_up = self.eth0_up if interface == "eth0" else self.eth1_up
        return is_up and interface not in self.cut_interfaces

    @property
    def is_isolated(self) -> bool:
        return len(self.cut_interfaces) == 2

    @property
    def is_reachable(self) -> bool:
        """Over eth0, by the App servers and the peer."""
        return self.is_on and self.is_booted and not self.is_hung and self.has_network("eth0")

    @property
    def takes_commands(self) -> bool:
        return self.is_reachable and self.aws_path_up

    @property
    def is_well(self) -> bool:
        """It works, whatever the network ACLs of its subnets let through."""
        return self.is_on and self.is_booted and not self.is_hung and self.eth0_up and self.aws_path_up

    @property
    def is_primary(self) -> bool:
        return self.mirror.replica(self.name).role == "Primary"

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

    def checks(self) -> str:
        """EC2's status checks of the running instance."""
        if self.unreachable_since is not None and self.is_booted:
            return "impaired" if self.loop.now - self.unreachable_since >= _IMPAIRED_AFTER_SECONDS else "ok"
        return "initializing" if self.loop.now - self.booted_at < _INITIALIZING_SECONDS else "ok"

    def run(self, function: Callable[[], Any], name: str) -> Task[Any]:
        """Runs something on the machine: it dies with it."""
        task = self.loop.spawn(function, f"{self.name} {name}")
        self._tasks.append(task)
        return task

    def work(self, seconds: float) -> None:
        """The running task's work takes so long, and longer while the machine hangs."""
        self.loop.sleep(seconds)
        while self.is_hung:
            self.loop.sleep(1.0)

    def lose_power(self, why: str = "loses its power") -> None:
        """At once, without a word. EC2 goes on calling it running, and its checks fail after a while."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.kill()
        self._is_locked = False
        self.change(
            why, is_on=False, is_hung=False, is_mounted=False, is_database_up=False, is_scheduler_up=False,
            is_exported=False, has_virtual_ip=False,
        )  # fmt: skip

    def gain_power(self) -> None:
        """It boots, as a standby."""
        if self.is_on:
            return
        self.change("has power and boots", is_on=True, is_booted=False, booted_at=self.loop.now)
        self.run(self._boot, "boot")

    def reboot(self) -> None:
        self.lose_power("reboots")
        self.gain_power()

    def _boot(self) -> None:
        self.work(BOOT_SECONDS)
        self._attach_or_connect()
        self.change("has booted", is_booted=True)

    def stop_instance(self, *, skips_shutdown: bool) -> None:
        """StopInstances. A machine that is being stopped may write for a while; `stopped` comes when it is off."""
        if self.instance_state.get() not in ("running", "pending"):
            return
        self._set_instance_state("stopping")
        alive = _ALIVE_WHILE_STOPPING_SECONDS if skips_shutdown else _CLEAN_SHUTDOWN_SECONDS

        def stop() -> None:
            self.loop.sleep(alive)
            self.lose_power("is off")
            self.loop.sleep(STOP_SECONDS - _ALIVE_WHILE_STOPPING_SECONDS)
            self._set_instance_state("stopped")

        self.loop.spawn(stop, f"stop {self.name}")

    def terminate_instance(self) -> None:
        """TerminateInstances. EC2 shows it for about an hour; then it is not known any more."""
        self._set_instance_state("shutting-down")

        def terminate() -> None:
            self.loop.sleep(STOP_SECONDS)
            self.lose_power("is terminated")
            self._set_instance_state("terminated")

        self.loop.spawn(terminate, f"terminate {self.name}")

    def start_instance(self) -> None:
        """StartInstances."""
        if self.instance_state.get() != "stopped":
            return
        self.was_well_when_stopped = False
        self.launched_at = self.loop.now
        self._set_instance_state("pending")

        def start() -> None:
            self.loop.sleep(5.0)
            self._set_instance_state("running")
            self.gain_power()

        self.loop.spawn(start, f"start {self.name}")

    def _set_instance_state(self, state: str) -> None:
        self.instance_state.set(state)
        self._on_change(f"EC2: {self.name} is {state}")
        self.on_instance_state(self, state)

    # --- garoon-node watch

    def look(self) -> None:
        """One look of `watch`: a standby that lost the link while its peer goes on serving is outdated."""
        if not (self.is_on and self.is_booted and not self.is_hung):
            self._looks_without_peer = self._looks_without_service = 0
            self._has_served = False
            return
        if self.takes_commands:
            self.last_beat.set(Beat(self.loop.now, self.is_replicating()))
        self._raise_signs()
        own = self.mirror.replica(self.name)
        writes_without_us = (
            own.role == "Secondary" and not own.is_linked
            and self.is_reachable and self.peer.is_reachable and self.peer.does_database_answer
        )  # fmt: skip
        if writes_without_us and own.disk == "UpToDate":
            self.mirror.outdate(self.name)
            self._on_change(f"{self.name}: outdated its replica")

    def is_replicating(self) -> bool:
        own, peer = self.mirror.replica(self.name), self.mirror.replica(self.peer.name)
        return own.connection == "Connected" and own.disk == "UpToDate" and peer.disk == "UpToDate"

    def _raise_signs(self) -> None:
        """Like gauges, signs reach nobody while the node's path to AWS is broken."""
        self._looks_without_service = 0 if self.is_serving else self._looks_without_service + 1
        self._has_served = self.role == "active" and (self._has_served or self.is_serving)
        self._looks_without_peer = 0 if any(self._probe()["paths"].values()) else self._looks_without_peer + 1
        if not self.takes_commands:
            return
        if self._has_served and self._looks_without_service == 2:
            self.on_sign(self, "notServing")
        if self._looks_without_peer == 1:
            self.on_sign(self, "peerLost")

    # --- garoon-node VERB

    def obey(self, verb: str, epoch: int, expires_at: int, accept_data_loss: bool) -> tuple[int, dict[str, Any]]:
        """Runs a verb in the running task: exit code, and the object that it prints."""
        if verb in ("status", "probe"):
            return self._perform(verb, accept_data_loss)
        with self._lock_file() as has_lock:
            if not has_lock:
                return 14, self._said(
                    verb, "refused", "busy", "Another command is at work on this node; nothing was done."
                )
            seconds_left = expires_at - self.loop.now - self.seconds_ahead
            if expires_at and not 0 < seconds_left <= _LONGEST_ORDER_SECONDS:
                message = f"By the clock of this node the command came too late, or too early: until {expires_at}."
                return 13, self._said(verb, "refused", "expired", message)
            if epoch and epoch < self.epoch:
                message = f"The command belongs to epoch {epoch}, but this node already obeyed epoch {self.epoch}."
                return 12, self._said(verb, "refused", "stale_epoch", message)
            self.epoch = max(self.epoch, epoch)
            return self._perform(verb, accept_data_loss)

    def _perform(self, verb: str, accept_data_loss: bool) -> tuple[int, dict[str, Any]]:
        try:
            match verb:
                case "status":
                    self.work(0.3)
                case "probe":
                    self.work(0.3 if self._sees_peer() else _LOOK_SECONDS)
                case "promote":
                    self._promote(accept_data_loss)
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
                    raise NotImplementedError(f"The campaign's node has no verb {verb}.")
        except _EndError as end:
            return end.exit_code, self._said(verb, end.result, end.code, str(end)) | {"status": self._status()}
        said = self._said(verb, "done", "done", f"{self.name} did {verb}.")
        return 0, said | ({"probe": self._probe()} if verb == "probe" else {"status": self._status()})

    @contextmanager
    def _lock_file(self) -> Iterator[bool]:
        deadline = self.loop.now + _LOCK_WAIT_SECONDS
        while self._is_locked:
            if self.loop.now >= deadline:
                yield False
                return
            self.work(0.2)
        self._is_locked = True
        try:
            yield True
        finally:
            self._is_locked = False

    def _promote(self, accept_data_loss: bool) -> None:
        self._attach_or_connect()
        if self.is_primary:
            self.role = "active"
            if not self._mount():
                raise _EndError(f"{self.name} is Primary but can't mount its volume.")
            self._connect_replica()
            return
        deadline = self.loop.now + _PEER_LOSS_SECONDS
        while self.mirror.view(self.name).peer_role == "Primary":
            if self.loop.now >= deadline:
                raise _EndError(
                    f"{self.peer.name} is Primary on the replication link: demote or fence it first.", "refused",
                    "peer_primary", 11,
                )  # fmt: skip
            self.work(0.2)
        view = self.mirror.view(self.name)
        is_stale = view.connection == "SyncTarget" or view.disk != "UpToDate"
        if is_stale and not accept_data_loss:
            raise _EndError(
                f"The replica of {self.name} is stale ({view.connection}, {view.disk}): promoting it would lose data.",
                "refused", "stale_replica", 10,
            )  # fmt: skip
        self.work(0.5)
        try:
            self.mirror.promote(self.name, is_forced=is_stale and accept_data_loss)
        except MirrorError as error:
            raise _EndError(f"{self.name} can't be made Primary: {error}.") from error
        self.change("is Primary", role="active")
        if not self._mount():
            self._make_secondary()
            self.role = ""
            raise _EndError(f"{self.name} could not mount its volume and is Secondary again.")
        self._connect_replica()

    def _attach_or_connect(self) -> None:
        if self.role in ("active", "unreplicated"):
            self._attach_replica()
        else:
            self.mirror.configure(self.name)

    def _attach_replica(self) -> None:
        self.mirror.create_minor(self.name)
        self.mirror.attach(self.name)

    def _connect_replica(self) -> None:
        if self.mirror.view(self.name).connection == "StandAlone":
            self.mirror.connect(self.name)

    def _reconnect(self) -> None:
        if not self.is_primary:
            message = f"{self.name} is Secondary: its data is not the one to follow."
            raise _EndError(message, "refused", "not_primary", 16)
        self.work(0.3)
        self._connect_replica()

    def _rejoin(self) -> None:
        self._attach_replica()
        if self.is_primary or self.is_mounted:
            message = f"{self.name} is Primary or has its volume mounted: demote it first."
            raise _EndError(message, "refused", "not_demoted", 17)
        self.work(0.3)
        if not self.mirror.replica(self.name).is_linked:
            if self.mirror.replica(self.name).connection != "StandAlone":
                self.mirror.disconnect(self.name)
            self.mirror.connect(self.name, does_discard=True)
        self.role = ""

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
        self._on_change(f"{self.name}: is Secondary")

    def _start(self) -> None:
        if not self.is_primary or not self.is_mounted:
            raise _EndError(f"{self.name} can't start services: they need the promoted, mounted volume.")
        self._bring_into_service()

    def _restart(self) -> None:
        if not self.is_primary:
            raise _EndError(f"{self.name} can't restart services: it is Secondary, not Primary.")
        if not self._mount():
            raise _EndError(f"{self.name} can't mount its volume.")
        if self.is_database_up and not self.does_database_answer:
            self._stop_service("scheduler")
            if not self._stop_service("database"):
                raise _EndError("cyde_5_0 does not answer and can't be stopped.")
        self._bring_into_service()

    def _bring_into_service(self) -> None:
        if not self.is_database_up:
            self.work(2.0)
            if not self.weakness.does_database_start:
                raise _EndError(f"cyde_5_0 does not start on {self.name}.")
            self.change("starts its database", is_database_up=True)
        if not self.does_database_answer:
            self.work(30.0)
            raise _EndError(f"cyde_5_0 runs on {self.name} but does not answer on port 3770.")
        if not self.is_scheduler_up:
            self.work(1.0)
            self.change("starts its scheduler", is_scheduler_up=True)
        self.work(0.3)
        self.change("exports its directories", is_exported=True)
        self.change("takes the virtual IP", has_virtual_ip=True)

    def _stop_service(self, name: str) -> bool:
        if not getattr(self, f"is_{name}_up"):
            return True
        self.work(1.0)
        if not self.weakness.does_service_stop:
            return False
        self.change(f"stops its {name}", **{f"is_{name}_up": False})
        return True

    def _take_out_of_service(self) -> None:
        self.work(0.1)
        self.change("gives up the virtual IP", has_virtual_ip=False)
        self.change("withdraws its exports", is_exported=False)
        if not all([self._stop_service("scheduler"), self._stop_service("database")]):
            raise _EndError(f"Not everything on {self.name} could be taken out of service.")

    def _demote(self) -> None:
        with suppress(_EndError):  # unmounting kills what is left of it
            self._take_out_of_service()
        if self.is_mounted:
            self.work(1.0)
            if not self.weakness.does_volume_unmount:
                self.work(60.0)
                raise _EndError(f"{self.name} can't be demoted: the volume can't be unmounted.")
            self.change("unmounts its volume", is_mounted=False, is_database_up=False, is_scheduler_up=False)
        self._make_secondary()
        if self.role == "active" and not self.mirror.replica(self.name).is_linked:
            self.role = "unreplicated"
        elif self.role != "unreplicated":
            self.role = ""

    def _said(self, verb: str, result: str, code: str, message: str) -> dict[str, Any]:
        said = {"verb": verb, "result": result, "code": code, "message": message, "status": None, "probe": None}
        return said | {"clock": self._clock()}

    def _clock(self) -> int:
        return int(self.loop.now + self.seconds_ahead)

    def _status(self) -> dict[str, Any]:
        view = self.mirror.view(self.name)
        return {
            "node": self.name,
            "version": "0123456789ab",
            "epoch": self.epoch,
            "bootedAt": int(self.booted_at),
            "clock": self._clock(),
            "instanceId": self.answers_as,
            "wasActive": self.role == "active",
            "isUnreplicated": self.role == "unreplicated",
            "replication": {
                "role": view.role,
                "peerRole": view.peer_role,
                "connection": view.connection,
                "disk": view.disk,
                "peerDisk": "Unknown" if view.peer_disk == "DUnknown" else view.peer_disk,
                "syncPercent": view.sync_percent,
                "protocol": view.protocol,
            },
            "isMounted": self.is_mounted,
            "isWritable": self.is_mounted,
            "services": {
                "cyde_5_0": "running" if self.is_database_up else "stopped",
                "cyss_cbgrn": "running" if self.is_scheduler_up else "stopped",
            },
            "databaseAnswers": self.does_database_answer,
            "nfsAnswers": self.is_on,
            "isExported": self.is_exported,
            "hasVirtualIp": self.has_virtual_ip,
            "isServing": self.is_serving,
            "areServicesEnabledAtBoot": False,
            "isMountedByFstab": False,
            "missingHosts": [],
            "agent": {"version": "1.300071.0b1", "isRunning": True, "hasOurPart": True},
        }

    def _sees_peer(self) -> bool:
        return self.is_reachable and self.peer.is_reachable

    def _probe(self) -> dict[str, Any]:
        sees = self._sees_peer()
        has_port = self.peer.is_on and self.peer.is_booted
        is_up = has_port and self.has_network("eth0") and self.peer.has_network("eth0")
        # The kernel of a hung machine goes on accepting connections.
        word = "silent" if is_up and self.peer.is_hung else "unreachable"
        return {
            "peer": self.peer.name,
            "database": "answers" if sees and self.peer.does_database_answer else word,
            "nfs": "answers" if sees else word,
            "paths": {
                "eth0": sees,
                "eth1": has_port
                and self.has_network("eth1")
                and self.peer.has_network("eth1")
                and not self.peer.is_hung,
            },
        }


class _EndError(Exception):
    """A verb ends without having done its work."""

    def __init__(self, message: str, result: str = "failed", code: str = "failed", exit_code: int = 1) -> None:
        super().__init__(message)
        self.result, self.code, self.exit_code = result, code, exit_code


class VirtualMirror(Mirror):
    """DRBD's manners, as testbed.hosts has them, between two hosts in memory."""

    def __init__(self, loop: Loop, hosts: dict[str, Host]) -> None:
        super().__init__(Path())
        self._loop = loop
        self._hosts = hosts
        replicas = {name: Replica(connection="Connected") for name in hosts}
        self._pair = Pair(replicas, resync_seconds=20.0, link_loss_seconds=4.0)

    @property
    def discarded(self) -> list[dict[str, Any]]:
        """What resyncs threw away, which the other side lacked."""
        return self._pair.discarded

    def replica(self, name: str) -> Replica:
        return self._pair.replicas[name]

    @contextmanager
    def changing(self) -> Iterator[Pair]:
        self._settle(self._pair, self._loop.now)
        yield self._pair

    def write_number(self, name: str, number: int) -> bool:
        """The user's write on the node; true when it is acknowledged."""
        return self.write(name, str(number), b"")

    def _now(self) -> float:
        return self._loop.now

    def _is_on(self, name: str) -> bool:
        return self._hosts[name].is_on

    def _is_heard(self, name: str) -> bool:
        host = self._hosts[name]
        return host.has_network("eth1") and not host.is_hung

    def _store(self, name: str, path: str, content: bytes) -> None:
        if (number := int(path)) not in self._hosts[name].data[-1:]:
            self._hosts[name].data.append(number)

    def _lost_by_copying(self, source: str, target: str) -> list[str]:
        kept = set(self._hosts[source].data)
        return [str(number) for number in self._hosts[target].data if number not in kept]

    def _copy_volume(self, source: str, target: str) -> None:
        self._hosts[target].data = list(self._hosts[source].data)

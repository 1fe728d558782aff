"""The two database servers of the campaign: nodes on instances of EC2, with their watch.

The instance follows, in the Amazon EC2 User Guide: "Instance lifecycle" and "Status checks for your instances".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from testbed.campaign.virtual_time import Loop, Task
from testbed.cluster.node import Node

BOOT_SECONDS = 20.0
STOP_SECONDS = 15.0
_ALIVE_WHILE_STOPPING_SECONDS = 10.0
_CLEAN_SHUTDOWN_SECONDS = 90.0
_IMPAIRED_AFTER_SECONDS = 60.0
_INITIALIZING_SECONDS = 60.0


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


class Host(Node):
    """One server: a node, the instance that it runs on, and what EC2 says of it."""

    peer: Host

    def __init__(self, loop: Loop, name: str, letter: str, on_change: Callable[[str], None]) -> None:
        super().__init__(loop, name, on_change)
        self.loop = loop
        self.instance_id = self.answers_as = f"i-0{letter}"
        self.interface_id = f"eni-0{letter}"
        self.volume_id = f"vol-0{letter}"
        self.interface_ids = (self.interface_id, f"eni-1{letter}")
        self.subnet_ids = (f"subnet-0{letter}0", f"subnet-0{letter}1")
        self.instance_state = Past(loop, "running")
        self.was_well_when_stopped = False
        """The controller had it stopped while it worked."""
        self.is_known_to_ec2 = True
        self.launched_at = loop.now - 86400
        self.state_reason = "Client.UserInitiatedShutdown"
        """EC2's StateReason while it is stopped."""
        self.unreachable_since: float | None = None
        self._tasks: list[Task[Any]] = []
        self._looks_without_peer = 0
        self._looks_without_service = 0
        self._has_served = False
        self.last_beat = Past(loop, Beat(loop.now, is_replicating=True))
        self.on_sign: Callable[[Host, str], None] = lambda _host, _sign: None
        self.on_instance_state: Callable[[Host, str], None] = lambda _host, _state: None

    # --- the instance

    def settle(self) -> None:
        is_fine = self.is_on and self.is_booted and not self.is_hung and self.eth0_up
        if is_fine:
            self.unreachable_since = None
        elif self.unreachable_since is None:
            self.unreachable_since = self.loop.now
        super().settle()

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

    def go_on(self, work: Callable[[], None]) -> None:
        self.run(work, "begins its service")

    def lose_power(self, why: str = "loses its power") -> None:
        """At once, without a word. EC2 goes on calling it running, and its checks fail after a while."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.kill()
        self.forget_boot()
        self.change(why, is_on=False)

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
        self.attach_or_connect()
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
            own.role == "secondary" and not own.is_linked
            and self.is_reachable and self.peer.is_reachable and self.peer.does_database_answer
        )  # fmt: skip
        if writes_without_us and own.data == "current":
            self.mirror.outdate(self.name)
            self._on_change(f"{self.name}: outdated its replica")

    def is_replicating(self) -> bool:
        own, peer = self.mirror.replica(self.name), self.mirror.replica(self.peer.name)
        return own.link == "connected" and own.data == "current" and peer.data == "current"

    def _raise_signs(self) -> None:
        """Like gauges, signs reach nobody while the node's path to AWS is broken."""
        self._looks_without_service = 0 if self.is_serving else self._looks_without_service + 1
        self._has_served = self.word == "active" and (self._has_served or self.is_serving)
        self._looks_without_peer = 0 if self.sees_a_path() else self._looks_without_peer + 1
        if not self.takes_commands:
            return
        if self._has_served and self._looks_without_service == 2:
            self.on_sign(self, "notServing")
        if self._looks_without_peer == 1:
            self.on_sign(self, "peerLost")

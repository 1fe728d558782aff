"""The hosts behind the cloud's instances, found by instance id in WORLD/hosts/*/host.json."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from testbed.world.cut_off import read_cut_off

_PROBE_SECONDS = 5.0

logger = logging.getLogger("testbed.machines")


class CommandResult(Protocol):
    """How a script ended on a host."""

    @property
    def exit_code(self) -> int: ...

    @property
    def stdout(self) -> str: ...

    @property
    def stderr(self) -> str: ...

    @property
    def has_timed_out(self) -> bool: ...


class Host(Protocol):
    """What the cloud needs of a host; testbed.hosts.SimulatedHost has it."""

    @property
    def is_on(self) -> bool: ...

    def boot(self) -> None: ...

    def power_off(self) -> None: ...

    def shutdown(self) -> None: ...

    def deliver(self, script: str, environment: Mapping[str, str], timeout_seconds: float) -> CommandResult: ...

    def copy_volume(self, target: Path, number: int = 0) -> None: ...


class UnreachableError(Exception):
    """The host's agent does not answer: off, hung, or no path to AWS."""


class Machine:
    """A host bound to an instance: one power operation at a time, and its faults as the cloud's own checks see them."""

    def __init__(self, instance_id: str, directory: Path, host: Host, unreachable: type[Exception]) -> None:
        self.instance_id = instance_id
        self.name = directory.name
        self._directory = directory
        self._host = host
        self._unreachable = unreachable
        self._power_lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        return self._host.is_on

    def boot(self) -> None:
        with self._power_lock:
            if not self.is_on:
                self._host.boot()

    def power_off(self) -> None:
        # Not under the lock: a power cut must not wait for a clean shutdown that hangs.
        self._host.power_off()

    def shutdown(self) -> None:
        with self._power_lock:
            if self.is_on:
                self._host.shutdown()

    def deliver(self, script: str, environment: Mapping[str, str], timeout_seconds: float) -> CommandResult:
        """Raises UnreachableError; whether the script has run is then unknown."""
        try:
            return self._host.deliver(script, environment, timeout_seconds)
        except self._unreachable as error:
            raise UnreachableError(str(error)) from error

    def copy_volume(self, target: Path, number: int = 0) -> None:
        """What is on that data volume now, on or off, into a new directory; nothing if it has no such volume."""
        self._host.copy_volume(target, number)

    def takes_commands(self) -> bool:
        """Whether the agent would start a command now: it is up, and hears of it."""
        if not self.can_reach_aws:
            return False
        try:
            self.deliver("true", {}, _PROBE_SECONDS)
        except UnreachableError:
            return False
        return True

    @property
    def can_reach_aws(self) -> bool:
        """Whether the agent's sign of life would arrive."""
        faults = self._faults()
        is_cut_off = "eth0" in read_cut_off(self._directory.parent.parent).get(self.instance_id, ())
        return self.is_on and not (
            is_cut_off or faults.get("hang") or faults.get("aws") == "down" or faults.get("nic_eth0") == "down"
        )

    @property
    def answers_status_check(self) -> bool:
        """EC2's instance status check asks the primary network interface for an answer."""
        faults = self._faults()
        return self.is_on and not (faults.get("hang") or faults.get("nic_eth0") == "down")

    def _faults(self) -> dict[str, object]:
        try:
            faults: dict[str, object] = json.loads((self._directory / "faults.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return faults


def simulated_host(directory: Path) -> tuple[Host, type[Exception]]:
    """The real thing. Imported late: the cloud runs without any host, too."""
    from testbed.hosts import HostUnreachable, SimulatedHost

    return SimulatedHost(directory), HostUnreachable


class Machines:
    """All hosts of the world that have an instance."""

    def __init__(
        self, world_directory: Path, make_host: Callable[[Path], tuple[Host, type[Exception]]] = simulated_host
    ) -> None:
        self._directory = world_directory / "hosts"
        self._make_host = make_host
        self._machines: dict[str, Machine] = {}
        self._lock = threading.Lock()

    def find(self, instance_id: str) -> Machine | None:
        """The instance's machine; None while no host.json names the instance."""
        with self._lock:
            if instance_id not in self._machines:
                self._look_for_new_hosts()
            return self._machines.get(instance_id)

    def power_off_all(self) -> None:
        with self._lock:
            machines = list(self._machines.values())
        for machine in machines:
            try:
                machine.power_off()
            except Exception:
                logger.exception("%s could not be powered off", machine.name)

    def _look_for_new_hosts(self) -> None:
        for settings_file in self._directory.glob("*/host.json"):
            try:
                settings = json.loads(settings_file.read_text())
            except json.JSONDecodeError:
                continue  # being written; found at the next look
            instance_id = settings.get("instanceId")
            if instance_id and instance_id not in self._machines:
                host, unreachable = self._make_host(settings_file.parent)
                self._machines[instance_id] = Machine(instance_id, settings_file.parent, host, unreachable)

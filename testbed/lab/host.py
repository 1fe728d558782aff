"""`LabHost`: a virtual machine, handled as `testbed.hosts.SimulatedHost` is: by the local cloud, and by scenarios.

WORLD/hosts/NAME/ has the files that a simulated host has there (host.json, faults.json, kernel.lock, kernel.json), and:

    machine.json  what the machine is made of
    keeper.sock   where the machine's keeper takes requests, while the host is on

Its disks, its console and the sockets of QEMU are beside the world, in machines/NAME/: what is in the world is
small, and is kept after a drill. Whoever watches the hosts reads the files that simulated hosts have, too (`reports`).
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from testbed.hosts import CommandResult, HostError, HostUnreachable
from testbed.hosts.layout import HostFiles, HostSettings
from testbed.lab.machine import DATA_DRIVE, REPLY_MARGIN_SECONDS, Interface, Machine, MachineSpec
from testbed.world.files import copy_sparse, exclusively, replace_file

REPOSITORY = Path(__file__).resolve().parents[2]
_START_SECONDS = 240.0
"""More than the keeper takes to give up: whatever it starts, it ends."""
_LOOK_SECONDS = 0.05
_ACT_SECONDS = 60.0
_DEVICES = ("eth0", "eth1")
VOLUME_IMAGE = "volume.img"


def lab_host(directory: Path) -> tuple[LabHost, type[Exception]]:
    """What `python -m testbed.cloud --host-factory` wants."""
    return LabHost(directory), HostUnreachable


class LabHost:
    """A machine of the lab. Handles are cheap, keep no state of the host, and work from any process."""

    def __init__(self, directory: Path) -> None:
        self.files = HostFiles(Path(directory))
        self.settings = self.files.settings()
        self.name = self.settings.name
        self.socket_file = self.files.directory / "keeper.sock"
        self.machine_directory = self.files.world.parent / "machines" / self.name
        self._keeper: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, directory: Path, settings: HostSettings, spec: MachineSpec) -> LabHost:
        """Lays the host out: new, and off."""
        directory.mkdir(parents=True)
        replace_file(directory / "machine.json", json.dumps(asdict(spec), default=str, indent=2))
        replace_file(directory / "faults.json", "{}")
        replace_file(directory / "host.json", settings.to_json())
        return cls(directory)

    @property
    def is_on(self) -> bool:
        return self.files.is_on()

    @property
    def spec(self) -> MachineSpec:
        values = json.loads((self.files.directory / "machine.json").read_text())
        for name in ("kernel", "initial_file_system", "root_disk", "data_disk", "snapshot"):
            values[name] = values[name] and Path(values[name])
        values["interfaces"] = tuple(Interface(**interface) for interface in values["interfaces"])
        return MachineSpec(**values)

    def boot(self) -> None:
        """Power on; returns when the machine runs (its units and agent come up after that)."""
        if self.is_on:
            return
        self.files.kernel_file.unlink(missing_ok=True)
        with self.files.kernel_log.open("ab") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "testbed.lab.keeper", str(self.files.directory)],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.files.kernel_file.exists():
            if self._keeper.poll() is not None or time.monotonic() > deadline:
                raise HostError(f"{self.name} did not start:\n{self.files.kernel_log.read_text()[-2000:]}")
            time.sleep(_LOOK_SECONDS)

    def power_off(self) -> None:
        """Cut the power: nothing of the host runs or writes after this returns."""
        killed = None
        while self.is_on:
            # While the machine is being started nobody knows its process.
            with suppress(FileNotFoundError, ProcessLookupError):
                process = json.loads(self.files.kernel_file.read_text())["machine"]
                if process != killed:
                    os.kill(process, signal.SIGKILL)
                    killed = process
            time.sleep(_LOOK_SECONDS)
        if self._keeper is not None:
            self._keeper.wait()
            self._keeper = None
        self.files.kernel_file.unlink(missing_ok=True)

    def shutdown(self, timeout_seconds: float = 120.0) -> None:
        """Shut down cleanly; a host that does not end in time has its power cut."""
        with suppress(HostUnreachable):
            self.run("systemctl poweroff", 20)
        deadline = time.monotonic() + timeout_seconds
        while self.is_on and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        self.power_off()

    def deliver(self, script: str, environment: Mapping[str, str], timeout_seconds: float) -> CommandResult:
        """Run a script as the SSM Agent runs aws:runShellScript.

        Raises HostUnreachable when the host is off, hung, still booting, or could not reach AWS (also when that happens
        while the script runs).
        """
        self._require_aws()
        result = self.run(script, timeout_seconds, environment)
        self._require_aws()
        return result

    def copy_volume(self, target: Path, number: int = 0) -> None:
        """See `testbed.cloud.machines.Host`: the disk's image, as VOLUME_IMAGE. There is one."""
        disk = self.spec.data_disk
        if disk is not None and number == 0:
            target.mkdir(parents=True)
            copy_sparse(disk, target / VOLUME_IMAGE)

    def run(self, script: str, timeout_seconds: float, environment: Mapping[str, str] | None = None) -> CommandResult:
        """Run a script whatever the host's network does: the lab's own hands. Raises HostUnreachable."""
        request = {"script": script, "environment": dict(environment or {}), "timeoutSeconds": timeout_seconds}
        answer = self._ask(request, timeout_seconds + 2 * REPLY_MARGIN_SECONDS)
        if "error" in answer:
            raise HostUnreachable(str(answer["error"]))
        return CommandResult(**answer)

    def must(self, script: str, timeout_seconds: float) -> str:
        """The output of a script that succeeds. Raises HostError when it does not, HostUnreachable."""
        result = self.run(script, timeout_seconds)
        if result.exit_code != 0 or result.has_timed_out:
            raise HostError(f"{self.name}: `{script}` ended with {result.exit_code}: {result.stderr.strip()[-500:]}")
        return result.stdout

    def put_file(self, path: str, text: str) -> None:
        """A program. Raises HostError, HostUnreachable."""
        self.must(f"printf %s {shlex.quote(text)} >{path} && chmod 0755 {path}", _ACT_SECONDS)

    def set_fault(self, name: str, value: object) -> None:
        """`nic_eth0`, `nic_eth1`: takes the interface "down", or up again with None.

        Raises ValueError for another fault: the lab has real ones.
        """
        device = name.removeprefix("nic_")
        if device not in _DEVICES:
            raise ValueError(f"The lab does not pretend the fault {name}.")
        # With its link an interface loses its routes, which only its addresses' coming back brings back.
        up = f"ip addr flush dev {device} && ifup --force {device}"
        self.must(f"ip link set {device} down" if value == "down" else up, _ACT_SECONDS)

    def enlarge_volume(self, size_bytes: int) -> None:
        """The data disk has that size from now on, also while the machine runs, as an EBS volume that was modified.

        Raises MachineError.
        """
        Machine(self.machine_directory, self.spec).monitor("block_resize", {"device": DATA_DRIVE, "size": size_bytes})

    def kill_service(self, name: str) -> None:
        """The service's process dies, once."""
        self.must(f"kill -KILL $(cat /run/{name}.pid)", _ACT_SECONDS)

    @contextmanager
    def changing_faults(self) -> Iterator[dict[str, Any]]:
        """faults.json, locked; written when it has changed."""
        with exclusively(self.files.directory / "faults.lock"):
            before = dict(self.files.faults().values)
            faults = dict(before)
            yield faults
            if faults != before:
                replace_file(self.files.faults_file, json.dumps(faults))

    def _require_aws(self) -> None:
        faults = self.files.faults()
        if not self.is_on:
            raise HostUnreachable(f"{self.name} is off.")
        if faults.is_hung or faults.is_aws_path_down:
            raise HostUnreachable(f"{self.name} does not reach AWS.")

    def _ask(self, request: Mapping[str, object], timeout_seconds: float) -> dict[str, Any]:
        if not self.is_on:
            raise HostUnreachable(f"{self.name} is off.")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout_seconds)
                connection.connect(str(self.socket_file))
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as reply:
                    line = reply.readline()
        except OSError as problem:
            raise HostUnreachable(f"{self.name} does not answer: {problem}") from problem
        if not line:
            raise HostUnreachable(f"{self.name} gave no answer.")
        answer: dict[str, Any] = json.loads(line)
        return answer

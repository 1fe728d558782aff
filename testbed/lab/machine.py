"""One virtual machine: a QEMU process, and the line to the agent inside it.

Software emulation (TCG): the lab needs no hardware virtualisation. The root disk is a throw-away overlay; the data
disk is the given file itself.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from testbed.hosts import CommandResult

BOOT_SECONDS = 240.0
REPLY_MARGIN_SECONDS = 15.0
_CONNECT_SECONDS = 20.0
_KILL_SECONDS = 10.0
_CLOCK_SECONDS = 60.0
_SNAPSHOT_SECONDS = 120.0
_OVERLAY = "root.qcow2"
# Without what costs an emulated processor more than it brings: string instructions that are called fast go byte by
# byte, a fifth level of page tables makes every miss longer, checks of the kernel's accesses end translated blocks.
_PROCESSOR = "max,-erms,-fsrm,-la57,-smap,-smep,-umip,-pku"
_MEMORY = "memory"
DATA_DRIVE = "data"
"""QEMU's name of the data disk."""


class MachineError(RuntimeError):
    """A machine did not start, or its agent did not answer; the message has the end of its console."""


@dataclass(frozen=True)
class Interface:
    """A network interface of the machine, on a tap device of the lab's network namespace."""

    tap: str
    hardware_address: str


@dataclass(frozen=True)
class MachineSpec:
    """What a machine is made of."""

    name: str
    kernel: Path
    initial_file_system: Path
    root_disk: Path
    data_disk: Path | None = None
    data_volume: str = ""
    """Id of the EBS volume that the data disk stands for; the disk's serial number, as on Nitro instances."""
    memory_megabytes: int = 512
    interfaces: tuple[Interface, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)
    """Words for the kernel's command line, read by guest/identity.sh."""
    snapshot: Path | None = None
    """Directory of a snapshot that a new machine starts from instead of booting; see `Machine.save`."""


class Machine:
    """Off when made; `start` boots it. All it writes is in `directory`, whose path must be short (UNIX sockets)."""

    def __init__(
        self,
        directory: Path,
        spec: MachineSpec,
        hear: Callable[[dict[str, Any]], None] = lambda _message: None,
        inherited: Sequence[int] = (),
    ) -> None:
        """`hear` gets what the agent says unasked; `inherited` descriptors live as long as the machine is on."""
        self.directory = directory
        self.spec = spec
        self._hear = hear
        self._inherited = tuple(inherited)
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._send_lock = threading.Lock()
        self._waiting: dict[int, tuple[threading.Event, list[dict[str, Any]]]] = {}
        self._waiting_lock = threading.Lock()
        self._last_id = 0
        self._is_heard = threading.Event()

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_until_heard()
        except BaseException:
            self.power_off()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.power_off()

    def start(self) -> None:
        """Returns when the machine runs; its kernel boots after that. Raises MachineError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        overlay = self.directory / _OVERLAY
        is_new = not overlay.exists()
        incoming: list[str] = []
        if is_new and self.spec.snapshot is not None:
            shutil.copyfile(self.spec.snapshot / _OVERLAY, overlay)
            incoming = ["-incoming", f"exec:cat {self.spec.snapshot / _MEMORY}"]
        elif is_new:
            backing = ["-b", str(self.spec.root_disk), "-F", "raw"]
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(overlay)], check=True)
        for name in ("agent.sock", "monitor.sock"):
            (self.directory / name).unlink(missing_ok=True)
        self._is_heard.clear()
        with (self.directory / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command(overlay), *incoming],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self._inherited,
                start_new_session=True,
            )
        self._line = self._connect("agent.sock")
        threading.Thread(target=self._listen, args=(self._line,), name=f"line-{self.spec.name}", daemon=True).start()
        if incoming:
            self._wait_for("query-status", {"paused"}, "inmigrate")
            self.monitor("cont")
            # Its clock stood still.
            if self.run(f"date --set=@{time.time():.3f}", {}, _CLOCK_SECONDS).exit_code != 0:
                raise MachineError(f"The clock of {self.spec.name} could not be set.")

    def wait_until_heard(self, timeout_seconds: float = BOOT_SECONDS) -> None:
        """Until the agent speaks. Raises MachineError."""
        if not self._is_heard.wait(timeout_seconds):
            raise MachineError(
                f"{self.spec.name} did not boot within {timeout_seconds:.0f} s:\n{self.console()[-2000:]}"
            )

    @property
    def is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    def wait_until_off(self, timeout_seconds: float | None = None) -> bool:
        """Whether the machine went off by itself in that time."""
        assert self._process is not None
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def power_off(self) -> None:
        """Cuts the power: nothing of the machine runs or writes after this returns."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_KILL_SECONDS)
        if self._line is not None:
            self._line.close()
            self._line = None

    def run(self, script: str, environment: Mapping[str, str], timeout_seconds: float) -> CommandResult:
        """Runs a script by the agent, whatever the network does. Raises MachineError when no answer comes."""
        event, answers = threading.Event(), list[dict[str, Any]]()
        with self._waiting_lock:
            self._last_id += 1
            number = self._last_id
            self._waiting[number] = (event, answers)
        order = {"id": number, "script": script, "environment": dict(environment), "timeoutSeconds": timeout_seconds}
        try:
            self._send(order)
            event.wait(timeout_seconds + REPLY_MARGIN_SECONDS)
        finally:
            with self._waiting_lock:
                del self._waiting[number]
        if not answers:
            raise MachineError(f"{self.spec.name} gave no answer.")
        answer = answers[0]
        return CommandResult(
            exit_code=int(answer["exitCode"]),
            stdout=str(answer["stdout"]),
            stderr=str(answer["stderr"]),
            has_timed_out=bool(answer["hasTimedOut"]),
        )

    def save(self, directory: Path) -> None:
        """Writes the running machine's memory and root disk to `directory` and switches it off. Raises MachineError."""
        directory.mkdir(parents=True)
        self.run("sync", {}, _CLOCK_SECONDS)
        self.monitor("stop")
        self.monitor("migrate", {"uri": f"exec:cat > {directory / _MEMORY}"})
        self._wait_for("query-migrate", {"completed"}, "active", "setup", "device")
        self.power_off()
        shutil.copyfile(self.directory / _OVERLAY, directory / _OVERLAY)

    def monitor(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """The answer to a command of QEMU's monitor protocol, such as `stop`. Raises MachineError."""
        connection = self._connect("monitor.sock")
        answer: dict[str, Any] = {}
        with connection, connection.makefile("rwb") as stream:
            stream.readline()  # the greeting
            for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments or {}}):
                stream.write(json.dumps(request).encode() + b"\n")
                stream.flush()
                while "return" not in (answer := json.loads(stream.readline() or b"{}")):
                    if "event" not in answer:
                        raise MachineError(f"{self.spec.name} did not take {request['execute']}: {answer}")
        return answer["return"]

    def _wait_for(self, query: str, wanted: set[str], *passing: str) -> None:
        deadline = time.monotonic() + _SNAPSHOT_SECONDS
        while (status := self.monitor(query).get("status", "setup")) not in wanted:
            if status not in passing or time.monotonic() > deadline:
                raise MachineError(f"{self.spec.name}: {query} says {status}, not {' or '.join(wanted)}.")
            time.sleep(0.1)

    def console(self) -> str:
        """What the kernel and systemd printed."""
        file = self.directory / "console.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _command(self, overlay: Path) -> list[str]:
        spec = self.spec
        words = [
            "root=/dev/vda rw console=ttyS0 quiet loglevel=4 systemd.show_status=false net.ifnames=0",
            # What protects real processors only slows an emulated one down; a panic stays on the console.
            "mitigations=off audit=0 panic=0",
            *(f"garoon.{name}={value}" for name, value in spec.identity.items()),
        ]
        command = [
            *(shutil.which("qemu-system-x86_64") or "qemu-system-x86_64", "-name", spec.name),
            *("-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", _PROCESSOR, "-smp", "1"),
            *("-m", str(spec.memory_megabytes), "-nodefaults", "-no-user-config", "-display", "none"),
            *("-kernel", str(spec.kernel), "-initrd", str(spec.initial_file_system), "-append", " ".join(words)),
            *("-serial", f"file:{self.directory / 'console.log'}"),
            *("-qmp", f"unix:{self.directory / 'monitor.sock'},server=on,wait=off"),
            *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=agent,path={self.directory / 'agent.sock'},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=garoon.lab"),
            # Named devices both, in their order: QEMU puts those that a drive brings along behind all others.
            *("-drive", f"file={overlay},if=none,id=root,format=qcow2", "-device", "virtio-blk-pci,drive=root"),
        ]
        if spec.data_disk is not None:
            # Written through to this machine's page cache at once: what the guest has written survives QEMU's death, as
            # it would on EBS, and no flush of the host's own disk is needed for that.
            # Zeros stay holes, as in the first synchronisation.
            drive = f"file={spec.data_disk},if=none,id={DATA_DRIVE},format=raw"
            drive += ",cache=unsafe,discard=unmap,detect-zeroes=unmap"
            serial = spec.data_volume.replace("-", "")
            command += ["-drive", drive, "-device", f"virtio-blk-pci,drive={DATA_DRIVE},serial={serial}"]
        for index, interface in enumerate(spec.interfaces):
            command += ["-netdev", f"tap,id=net{index},ifname={interface.tap},script=no,downscript=no"]
            command += ["-device", f"virtio-net-pci,netdev=net{index},mac={interface.hardware_address}"]
        return command

    def _connect(self, name: str) -> socket.socket:
        path = str(self.directory / name)
        deadline = time.monotonic() + _CONNECT_SECONDS
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(path)
            except OSError as error:
                connection.close()
                if not self.is_on or time.monotonic() > deadline:
                    log = (self.directory / "qemu.log").read_text(errors="replace")
                    raise MachineError(f"QEMU does not run {self.spec.name}: {error}\n{log[-2000:]}") from error
                time.sleep(0.05)
            else:
                return connection

    def _send(self, message: Mapping[str, object]) -> None:
        line = self._line
        if line is None or not self.is_on:
            raise MachineError(f"{self.spec.name} is off.")
        try:
            with self._send_lock:
                line.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise MachineError(f"{self.spec.name} went off.") from error

    def _listen(self, line: socket.socket) -> None:
        try:
            with line.makefile("rb") as stream:
                for text in stream:
                    self._take(text)
        except OSError:
            return  # switched off

    def _take(self, text: bytes) -> None:
        try:
            message: dict[str, Any] = json.loads(text)
        except ValueError:
            return  # cut off when the machine or its agent died
        self._is_heard.set()
        if "id" not in message:
            self._hear(message)
            return
        with self._waiting_lock:
            waiting = self._waiting.get(message["id"])
        if waiting is not None:
            waiting[1].append(message)
            waiting[0].set()

"""`SimulatedHost`: the handle through which the cloud and the drill switch a host on and off, and talk to its agent."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from testbed.hosts.layout import (
    ENGINES,
    EXPORTS,
    SERVICES,
    STANDIN_COMMANDS,
    Delays,
    HostFiles,
    HostSettings,
)
from testbed.hosts.mirror import Mirror
from testbed.hosts.processes import host_environment, kill_all, processes_of
from testbed.world.files import replace_file

REPOSITORY = Path(__file__).resolve().parents[2]
BOOT_DEADLINE_SECONDS = 30.0
REPLY_MARGIN_SECONDS = 10.0
POLL_SECONDS = 0.01
PORT_DEADLINE_SECONDS = 10.0
VOLUME_FOLDERS = (
    "cybozu/mysql-5.0/data/memo",
    "cybozu/mysql-5.0/files",
    "www/html",
)


class HostError(Exception):
    """A host did not do what it was told."""


class HostUnreachable(HostError):
    """The agent can't be reached, or its answer never came: whether the command ran is unknown."""


@dataclass(frozen=True)
class CommandResult:
    """What a command printed, and its exit code (negative: the signal that killed it)."""

    exit_code: int
    stdout: str
    stderr: str
    has_timed_out: bool = False


class SimulatedHost:
    """A database server. Handles are cheap, keep no state of the host, and work from any process."""

    def __init__(self, directory: Path) -> None:
        self.files = HostFiles(Path(directory))
        self.name = self.settings.name
        self.mirror = Mirror(self.files.world)
        """Of Garoon's own volume."""
        self._kernel: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> HostSettings:
        """Read anew: the host may have been laid out in another shape since."""
        return self.files.settings()

    @property
    def is_on(self) -> bool:
        return self.files.is_on()

    @property
    def instance_id(self) -> str:
        return self.settings.instance_id

    def boot(self, *, owner: int | None = None) -> None:
        """Power on; returns when the kernel runs (units and agent come up by themselves after it).

        Does nothing when the host is on. The host dies with the process `owner` (default: the caller; 0: nobody).
        """
        if self.is_on:
            return
        self.files.kernel_file.unlink(missing_ok=True)
        environment = {**host_environment(self.files), "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
        with self.files.kernel_log.open("ab") as log:
            self._kernel = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "testbed.hosts.kernel",
                    str(self.files.directory),
                    str(os.getpid() if owner is None else owner),
                ],
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + BOOT_DEADLINE_SECONDS
        while not self.files.kernel_file.exists():
            if self._kernel.poll() is not None or time.monotonic() > deadline:
                raise HostError(f"{self.name} did not boot:\n{self.console()[-2000:]}")
            time.sleep(POLL_SECONDS)

    def wait_until_ready(self, timeout_seconds: float = 30.0) -> None:
        """Until the agent takes commands. Raises HostError when it does not in time."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            try:
                self.deliver("true", {}, 5)
            except HostUnreachable:
                time.sleep(0.05)
            else:
                return
        raise HostError(f"The agent of {self.name} does not take commands:\n{self.console()[-2000:]}")

    def power_off(self) -> None:
        """Cut the power: nothing of the host runs or writes after this returns."""
        kill_all(self.files.directory)
        self._reap()
        self._forget_boot()

    def shutdown(self, timeout_seconds: float = 30.0) -> None:
        """Shut down cleanly: units are stopped in order; a host that does not end in time has its power cut."""
        if self.is_on:
            # The connection ends without an answer when the kernel does.
            with suppress(HostUnreachable):
                self._ask({"shutdown": True}, timeout_seconds)
        self.power_off()

    def deliver(self, script: str, environment: Mapping[str, str], timeout_seconds: float) -> CommandResult:
        """Run a script on the host as the SSM agent runs aws:runShellScript, with these variables beside its own.

        Raises HostUnreachable when the host is off, hung, still booting, or its path to AWS is down (also when that
        happens while the script runs).
        """
        answer = self._ask(
            {"script": script, "environment": dict(environment), "timeoutSeconds": timeout_seconds},
            timeout_seconds + REPLY_MARGIN_SECONDS,
        )
        return CommandResult(
            exit_code=int(answer["exitCode"]),
            stdout=str(answer["stdout"]),
            stderr=str(answer["stderr"]),
            has_timed_out=bool(answer["hasTimedOut"]),
        )

    @property
    def mirrors(self) -> list[Mirror]:
        """Of all its volumes."""
        return [Mirror(self.files.world, number) for number in range(len(self.settings.mount_points))]

    def write_attachment(self, name: str, content: bytes) -> bool:
        """As a program on the host writes it; `Mirror.write`. Raises MirrorError."""
        number, folder = self.settings.attachments
        return self.mirrors[number].write(self.name, f"{folder}/{name}", content)

    def copy_volume(self, target: Path, number: int = 0) -> None:
        """The files of its replica of a volume, on or off, into a new directory."""
        shutil.copytree(self.files.volume_of(number), target)

    def set_fault(self, name: str, value: object) -> None:
        """See `layout.Faults`; None takes the fault away. Takes effect within a tick (0.05 s)."""
        values = dict(self.files.faults().values)
        values[name] = value
        if value is None:
            del values[name]
        replace_file(self.files.faults_file, json.dumps(values))

    def clear_faults(self) -> None:
        replace_file(self.files.faults_file, "{}")

    def kill_service(self, name: str) -> None:
        """The service's process dies, once, and its port with it. Nothing happens if it does not run."""
        if name not in self.settings.services:
            raise ValueError(f"{name} is no service of the host: {', '.join(self.settings.services)}")
        self.files.end_service(name)
        deadline = time.monotonic() + PORT_DEADLINE_SECONDS
        while name == self.settings.database_service and self._takes_database_connections():
            if time.monotonic() > deadline:
                raise HostError(f"The port of {name} on {self.name} is still open.")
            time.sleep(POLL_SECONDS)

    def _takes_database_connections(self) -> bool:
        address = (self.settings.eth0_address, self.settings.database_port)
        try:
            with socket.create_connection(address, timeout=PORT_DEADLINE_SECONDS):
                return True
        except OSError:
            return False

    def enable_services_at_boot(self) -> None:
        """As `systemctl enable` of both services does, which nobody should."""
        units = self.files.root / "etc/systemd/system"
        (units / "multi-user.target.wants").mkdir(parents=True, exist_ok=True)
        for service in self.settings.services:
            (units / f"{service}.service").write_text(f"[Service]\nExecStart=/etc/init.d/{service} start\n")
            (units / f"multi-user.target.wants/{service}.service").touch()

    def environment(self) -> dict[str, str]:
        """Environment in which the node script works on this host when a test runs it directly."""
        return host_environment(self.files)

    def console(self) -> str:
        """What the kernel printed since the host was made."""
        return self.files.kernel_log.read_text(errors="replace") if self.files.kernel_log.exists() else ""

    def journal(self) -> str:
        """What the units printed."""
        path = self.files.root / "var/log/journal"
        return path.read_text(errors="replace") if path.exists() else ""

    def processes(self) -> list[int]:
        return processes_of(self.files.directory)

    def _ask(self, request: dict[str, object], timeout_seconds: float) -> dict[str, Any]:
        faults = self.files.faults()
        if not self.is_on:
            raise HostUnreachable(f"{self.name} is off.")
        if not request.get("shutdown") and (faults.is_hung or faults.is_aws_path_down):
            raise HostUnreachable(f"{self.name} does not reach AWS.")
        try:
            port = json.loads(self.files.kernel_file.read_text())["agentPort"]
            with socket.create_connection(("127.0.0.1", port), timeout=timeout_seconds) as connection:
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as reply:
                    line = reply.readline()
        except (OSError, ValueError) as problem:
            raise HostUnreachable(f"{self.name} does not answer: {problem}") from problem
        if not line:
            raise HostUnreachable(f"{self.name} gave no answer.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _reap(self) -> None:
        if self._kernel is not None:
            self._kernel.wait()
            self._kernel = None

    def _forget_boot(self) -> None:
        """What a power cut clears: memory, that is /run and the mounts."""
        self.files.kernel_file.unlink(missing_ok=True)
        for path in ("proc/mounts", "proc/self/mountinfo"):
            (self.files.root / path).unlink(missing_ok=True)
        for service in self.settings.services:
            self.files.end_service(service)
        for mirror in self.mirrors:
            mirror.settle()


def create_pair(
    world: Path,
    number: int,
    *,
    cloud_endpoint: str | None = None,
    instance_ids: tuple[str, str] = ("i-0000000000000000a", "i-0000000000000000c"),
    credentials: tuple[str, str] = ("test", "test"),
    region: str = "ap-northeast-1",
    log_flush_seconds: float = 1.0,
    delays: Delays | None = None,
    services: tuple[str, ...] = SERVICES,
    folders: tuple[str, ...] = (),
    exports: tuple[str, ...] = EXPORTS,
    database_port: int = 3770,
    mount_points: tuple[str, ...] = ("/mnt/DIR1",),
    engine: str = "drbd",
) -> tuple[SimulatedHost, SimulatedHost]:
    """Lay out db-01 and db-02 with a mirror in sync: both off, nothing installed on them yet.

    Address 10.A.B.C of the installation becomes 127.NUMBER.B.C (see `claim_world_number`).
    """
    delays = delays or Delays()
    first = HostSettings(
        name="db-01",
        peer_name="db-02",
        eth0_address=f"127.{number}.3.4",
        eth1_address=f"127.{number}.12.4",
        cloud_endpoint=cloud_endpoint,
        region=region,
        access_key_id=credentials[0],
        secret_access_key=credentials[1],
        instance_id=instance_ids[0],
        log_flush_seconds=log_flush_seconds,
        delays=delays,
        services=services,
        folders=folders,
        exports=exports,
        database_port=database_port,
        mount_points=mount_points,
        engine=engine,
    )
    second = replace(
        first,
        name="db-02",
        peer_name="db-01",
        eth0_address=f"127.{number}.6.4",
        eth1_address=f"127.{number}.14.4",
        instance_id=instance_ids[1],
    )
    names = "".join(f"{settings.eth0_address} {settings.name}\n" for settings in (first, second))
    for settings in (first, second):
        files = HostFiles(world / "hosts" / settings.name)
        _create_host(files, settings)
        (files.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{names}")
    for number in range(len(mount_points)):
        Mirror.create(world, (first.name, second.name), delays.resync_seconds, delays.link_loss_seconds, number)
    return SimulatedHost(world / "hosts" / first.name), SimulatedHost(world / "hosts" / second.name)


LIFEKEEPER_SCRIPTS = {"restore": "start", "remove": "stop", "quickCheck": "status", "recover": "start"}
"""As its Generic Application names them, and what each asks of the program beside it."""


def _write_folder(folder: Path, standin: Path) -> None:
    folder.mkdir(parents=True)
    (folder / folder.name).symlink_to(standin)
    for script, verb in LIFEKEEPER_SCRIPTS.items():
        (folder / script).write_text(f'#!/bin/sh\nexec "${{0%/*}}/{folder.name}" {verb}\n')
        (folder / script).chmod(0o755)


def _on_volume(files: HostFiles, settings: HostSettings, path: str) -> Path:
    """The folder of an export, which is a path below the first mount point, or a full one below another."""
    for number, point in enumerate(settings.mount_points):
        if path.startswith(f"{point}/"):
            return files.volume_of(number) / path.removeprefix(f"{point}/")
    return files.volume / path


def _create_host(files: HostFiles, settings: HostSettings) -> None:
    standin = Path(__file__).with_name("standins") / "ask_kernel"
    init_scripts = files.root / "etc/init.d"
    for directory in (
        files.bin,
        init_scripts,
        *(files.volume / folder for folder in VOLUME_FOLDERS),
        *(_on_volume(files, settings, path) for path in settings.exports),
    ):
        directory.mkdir(parents=True, exist_ok=True)
    for command in (*ENGINES[settings.engine], *STANDIN_COMMANDS):
        (files.bin / command).symlink_to(standin)
    for service in settings.services:
        if service in settings.folders:
            _write_folder(files.root / "opt" / service, standin)
        else:
            (init_scripts / service).symlink_to(standin)
    # The agent is there, as the real installation wants it; a dead peer is noticed sooner than by a real link.
    agent = files.root / "opt/aws/amazon-cloudwatch-agent/bin"
    agent.mkdir(parents=True)
    (agent / "amazon-cloudwatch-agent-ctl").symlink_to(standin)
    (agent / "CWAGENT_VERSION").write_text("1.300071.0b1\n")
    (files.root / "etc/garoon-node.local.conf").write_text('PEER_LOSS_SECONDS="2"\n')
    replace_file(files.settings_file, settings.to_json())
    replace_file(files.faults_file, "{}")

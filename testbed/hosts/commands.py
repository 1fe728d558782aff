"""The commands that ask the simulated kernel for something, with the real ones' words and exit codes."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from testbed.hosts.answer import Answer
from testbed.hosts.cloudwatch import CONFIG_DIRECTORY, append_config
from testbed.hosts.drbd import Drbd
from testbed.hosts.layout import RECOVERING, Faults, HostFiles, HostSettings
from testbed.hosts.mirrorctl import Mirrorctl
from testbed.hosts.nfsd import Nfsd
from testbed.world.files import replace_file

WRITE_CHECK = ".garoon-node-write-check"
"""The file that the node script writes to see whether the volume takes writes."""


COVER = -1
"""Among the numbers of the mounted volumes: somebody's tmpfs on the mount point of the first."""


@dataclass
class DatabaseLog:
    """What the database has noted of connections from other hosts, and lines in its error log."""

    connections: int = 0
    interrupted: int = 0
    lines: int = 0


class UnitManager(Protocol):
    """The part of the kernel that plays systemd."""

    async def control(self, verb: str, units: list[str]) -> Answer: ...

    async def run_transient(self, unit: str, command: list[str]) -> Answer: ...


class Machine:
    """State that lives as long as one boot: mounts, exports, addresses, services."""

    def __init__(self, files: HostFiles, settings: HostSettings, boot_id: str, units: UnitManager) -> None:
        self.files = files
        self.settings = settings
        self.boot_id = boot_id
        engine = Drbd if settings.engine == "drbd" else Mirrorctl
        self.engine = engine(files, settings, lambda number: number in self.mounts or self._is_writing_back)
        self.mounts: list[int] = []
        """The mounted volumes by their numbers, one above the other, and somebody's tmpfs."""
        self._was_covered = self._is_writing_back = False
        self.exports = _read_etab(files)
        self.addresses: dict[str, list[str]] = {
            "eth0": [f"{settings.eth0_address}/24"],
            "eth1": [f"{settings.eth1_address}/24"],
        }
        self.nfsd = Nfsd(files)
        self.database_log = DatabaseLog()
        self._units = units

    @property
    def is_mounted(self) -> bool:
        """All volumes are."""
        return {*self.mounts} >= {*range(len(self.settings.mount_points))}

    async def run(self, name: str, arguments: list[str]) -> Answer:
        """Run one command by its name."""
        while name in self.faults().hanging_commands:
            await asyncio.sleep(0.1)
        commands: dict[str, Callable[[list[str]], Awaitable[Answer]]] = {
            **dict.fromkeys(self.engine.commands, partial(self._ask_engine, name)),
            "modprobe": self._succeed,
            "mount": self._mount,
            "umount": self._umount,
            "exportfs": self._exportfs,
            "ip": self._ip,
            "systemctl": self._systemctl,
            "python3": self._python,
            "systemd-run": self._systemd_run,
            "amazon-cloudwatch-agent-ctl": self._agent_ctl,
        }
        if name in self.settings.services:
            return await self._init_script(name, arguments)
        if name not in commands:
            return Answer(127, "", f"{name}: command not found\n")
        return await commands[name](arguments)

    def faults(self) -> Faults:
        return self.files.faults()

    def is_service_running(self, name: str) -> bool:
        """A service that was killed or that ran before the last boot does not run."""
        return self._mark(name) == self.boot_id

    def _mark(self, name: str) -> str:
        try:
            return self.files.service_mark(name).read_text()
        except FileNotFoundError:
            return ""

    def write_proc_files(self) -> None:
        """/proc/mounts, mountinfo and /proc/drbd, and the volume's state of health, as the script finds them."""
        mounts, information = "rootfs / rootfs rw 0 0\n", "1 0 0:2 / / rw - rootfs rootfs rw\n"
        if self.faults().is_mount_point_covered != self._was_covered:
            self._was_covered = not self._was_covered
            self.mounts = [mount for mount in self.mounts if mount != COVER] + [COVER] * self._was_covered
        for mount in self.mounts:
            device, number = ("tmpfs", "0:40") if mount == COVER else self.engine.device(mount)
            kind = "tmpfs" if mount == COVER else "xfs"
            target = self.settings.mount_points[max(mount, 0)]
            mounts += f"{device} {target} {kind} rw,relatime 0 0\n"
            information += f"50 1 {number} / {target} rw,relatime shared:1 - {kind} {device} rw\n"
        _write_if_changed(self.files, "proc/mounts", mounts)
        _write_if_changed(self.files, "proc/self/mountinfo", information)
        for path, text in self.engine.proc_files().items():
            _write_if_changed(self.files, path, text)

    def write_connections(self, clients: list[tuple[str, int, int]]) -> None:
        """/proc/net/tcp (proc(5)) with the clients of the virtual IP, and the database's log.

        `clients` are their addresses and ports, and the ports that they use.
        """
        virtual_ips = [address.removesuffix("/32") for address in self.addresses["eth0"] if address.endswith("/32")]
        text = "  sl  local_address rem_address   st tx_queue rx_queue\n"
        for virtual_ip in virtual_ips:
            for number, (address, port, own_port) in enumerate(sorted(clients)):
                ends = f"{_hexadecimal(virtual_ip)}:{own_port:04X} {_hexadecimal(address)}:{port:04X}"
                text += f"{number:4}: {ends} 01 00000000:00000000\n"
        _write_if_changed(self.files, "proc/net/tcp", text)
        _write_if_changed(self.files, "run/database-log", json.dumps(asdict(self.database_log)))

    async def _succeed(self, arguments: list[str]) -> Answer:
        del arguments
        return Answer()

    async def _ask_engine(self, name: str, arguments: list[str]) -> Answer:
        answer = self.engine.commands[name](arguments)
        self.write_proc_files()
        return answer

    async def _mount(self, arguments: list[str]) -> Answer:
        device, target = [argument for argument in arguments if argument.startswith("/")][-2:]
        number = self._volume_at(target)
        if number is None or device != self.engine.device(number)[0]:
            return Answer(32, "", f"mount: {target}: special device {device} does not exist.\n")
        if number in self.mounts:
            return Answer(32, "", f"mount: {target}: {device} already mounted on {target}.\n")
        if not self.engine.is_primary(number):
            return Answer(32, "", f"mount: {target}: mount({device}) failed: Wrong medium type.\n")
        await asyncio.sleep(self.settings.delays.mount_seconds)
        if self.faults().does_mount_fail(number):
            return Answer(32, "", f"mount: {target}: can't read superblock on {device}.\n")
        self._clear_mount_point(number).symlink_to(self.files.volume_of(number))
        self.mounts.append(number)
        self.write_proc_files()
        return Answer()

    async def _umount(self, arguments: list[str]) -> Answer:
        target = arguments[-1]
        number = self._volume_at(target)
        if number == 0 and self.mounts[-1:] == [COVER]:
            self.mounts.pop()
            self.write_proc_files()
            return Answer()
        if number not in self.mounts:
            return Answer(32, "", f"umount: {target}: not mounted.\n")
        holders = [name for name in self.settings.services if self._mark(name) in {self.boot_id, RECOVERING}]
        if holders or self.exports or self.nfsd.has_open_files() or self.faults().does_unmount_fail:
            return Answer(32, "", f"umount: {target}: target is busy.\n")
        self.unmount(number)
        # The mount is gone from the list while what is dirty is still written back.
        self._is_writing_back = True
        await asyncio.sleep(self.faults().write_back_seconds)
        self._is_writing_back = False
        return Answer()

    def unmount(self, number: int) -> None:
        self.mounts = [mount for mount in self.mounts if mount != number]
        self._clear_mount_point(number).mkdir(parents=True)
        self.write_proc_files()

    def _volume_at(self, target: str) -> int | None:
        """The volume of that mount point, which may be given as the kernel or as the host's directory has it."""
        ends = [target.endswith(point) for point in self.settings.mount_points]
        return ends.index(True) if any(ends) else None

    def _clear_mount_point(self, number: int) -> Path:
        link = self.files.root / self.settings.mount_points[number].lstrip("/")
        if link.is_symlink():
            link.unlink()
        elif link.is_dir():
            # A write that was under way when the volume went may have left its file here; a mount hides it.
            shutil.rmtree(link)
        return link

    async def _exportfs(self, arguments: list[str]) -> Answer:
        options, targets, does_remove = "", [], False
        rest = iter(arguments)
        for argument in rest:
            match argument:
                case "-o":
                    options = next(rest, "")
                case "-u":
                    does_remove = True
                case _ if not argument.startswith("-"):
                    targets.append(argument)
        for target in targets:
            client, _, path = target.partition(":")
            if does_remove:
                if self.exports.pop((path, client), None) is None:
                    return Answer(1, "", f"exportfs: Could not find '{target}' to unexport.\n")
            elif not (self.files.root / path.lstrip("/")).is_dir():
                return Answer(1, "", f"exportfs: Failed to stat {path}: No such file or directory\n")
            else:
                self.exports[(path, client)] = options
        table = "".join(f"{path}\t{client}({given})\n" for (path, client), given in self.exports.items())
        _write_if_changed(self.files, "var/lib/nfs/etab", table)
        return Answer()

    async def _ip(self, arguments: list[str]) -> Answer:
        words = [argument for argument in arguments if not argument.startswith("-")]
        device = words[words.index("dev") + 1] if "dev" in words else "eth0"
        addresses = self.addresses.get(device)
        if addresses is None:
            return Answer(1, "", f'Device "{device}" does not exist.\n')
        verb = words[1] if len(words) > 1 else "show"
        if verb == "add":
            if words[2] in addresses:
                return Answer(2, "", "RTNETLINK answers: File exists\n")
            addresses.append(words[2])
        elif verb in {"del", "delete"}:
            if words[2] not in addresses:
                return Answer(2, "", "RTNETLINK answers: Cannot assign requested address\n")
            addresses.remove(words[2])
        else:
            return Answer(0, "".join(f"2: {device}    inet {address} scope global {device}\n" for address in addresses))
        return Answer()

    async def _systemctl(self, arguments: list[str]) -> Answer:
        words = [argument for argument in arguments if not argument.startswith("-")]
        return await self._units.control(words[0], [*words[1:], *(["--now"] if "--now" in arguments else [])])

    async def _python(self, arguments: list[str]) -> Answer:
        """The only program for it that the script has: it tickles clients."""
        connections = arguments[5:]
        _write_if_changed(self.files, "run/tickled", "".join(f"{connection}\n" for connection in connections))
        return Answer()

    async def _systemd_run(self, arguments: list[str]) -> Answer:
        """Of its options those that systemd 219 has: docs/decisions/0016-services-in-units.md."""
        options = [argument for argument in arguments if argument.startswith("--")]
        command = arguments[len(options) :]
        known = {"--unit", "--description", "--remain-after-exit"}
        if unknown := [option for option in options if option.partition("=")[0] not in known]:
            return Answer(1, "", f"systemd-run: unrecognized option '{unknown[0]}'\n")
        [unit] = [option.partition("=")[2] for option in options if option.startswith("--unit=")]
        return await self._units.run_transient(f"{unit}.service", command)

    async def _agent_ctl(self, arguments: list[str]) -> Answer:
        if arguments[:2] != ["-a", "append-config"] or "-s" not in arguments:
            return Answer(1, "usage: amazon-cloudwatch-agent-ctl -a append-config -m ec2 -c file:PATH -s\n")
        file = Path(arguments[arguments.index("-c") + 1].removeprefix("file:"))
        problem = append_config(self.files.root / CONFIG_DIRECTORY, file)
        return Answer(1, "", problem) if problem else Answer(0, "Configuration validation succeeded\n")

    async def _init_script(self, name: str, arguments: list[str]) -> Answer:
        verb = arguments[0] if arguments else ""
        match verb:
            case "start":
                await asyncio.sleep(self.settings.delays.service_start_seconds)
                if name in self.faults().broken_services or not self.is_mounted:
                    return Answer(1, f"Starting {name}: [FAILED]\n")
                self._begin_process(name)
                if name == self.settings.database_service and not await self._recover(self.faults().recovery_seconds):
                    return Answer(1, f"Starting {name}: [FAILED]\n")
                self.files.service_mark(name).write_text(self.boot_id)
                return Answer(0, f"Starting {name}: [  OK  ]\n")
            case "stop":
                await asyncio.sleep(self.settings.delays.service_stop_seconds)
                self.files.end_service(name)
                return Answer(0, f"Stopping {name}: [  OK  ]\n")
            case "status":
                return Answer(0 if self.is_service_running(name) else 3)
        return Answer(1, "", f"Usage: {name} {{start|stop|status}}\n")

    def _begin_process(self, name: str) -> None:
        """A process of the service as /proc shows it; one more line in its log for each that was begun."""
        self._log_of(name, f"{name} begins")
        self.files.service_mark(name).write_text(RECOVERING)
        process = self.files.service_process(name)
        (process / "fd").mkdir(parents=True, exist_ok=True)
        if name == self.settings.database_service:
            program = "cybozu/mysql-5.0/libexec/mysqld"
        else:
            program = f"search/{name}d" if name in self.settings.folders else "cybozu/cyss/cyss"
        if not (process / "fd/2").is_symlink():
            (process / "fd/2").symlink_to(self.files.root / f"var/log/{name}.log")
        (process / "io").write_text("read_bytes: 0\nwrite_bytes: 0\n")
        (process / "cmdline").write_text(f"{self.settings.mount_point}/{program}\0")

    async def _recover(self, seconds: float) -> bool:
        """The database works through its log before it takes connections; false if it was killed meanwhile."""
        steps = max(1, int(seconds / 0.1))
        process = self.files.service_process(self.settings.database_service)
        for step in range(steps if seconds else 0):
            await asyncio.sleep(seconds / steps)
            if self._mark(self.settings.database_service) != RECOVERING:
                return False
            (process / "io").write_text(f"read_bytes: {step << 20}\nwrite_bytes: {step << 19}\n")
            self._log_of(self.settings.database_service, f"InnoDB: Progress in percents: {100 * step // steps}")
        return True

    def _log_of(self, name: str, line: str) -> None:
        with (self.files.root / f"var/log/{name}.log").open("a") as log:
            log.write(f"{line}\n")


def _hexadecimal(address: str) -> str:
    """As the kernel of a little-endian machine prints it."""
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))


def _read_etab(files: HostFiles) -> dict[tuple[str, str], str]:
    """Options by path and client. The table outlives a power cut, as exportfs(8) keeps it in /var/lib/nfs/etab."""
    try:
        lines = (files.root / "var/lib/nfs/etab").read_text().splitlines()
    except FileNotFoundError:
        return {}
    exports = {}
    for line in lines:
        path, _, client = line.partition("\t")
        name, _, options = client.removesuffix(")").partition("(")
        exports[(path, name)] = options
    return exports


def _write_if_changed(files: HostFiles, path: str, text: str) -> None:
    target = files.root / path
    if not target.exists() or target.read_text() != text:
        replace_file(target, text)

"""Where a simulated host keeps things, and the settings in its host.json.

WORLD/hosts/NAME/host.json    static settings (`HostSettings`)
WORLD/hosts/NAME/faults.json  what is wrong with the host now (`Faults`); may be rewritten by any process
WORLD/hosts/NAME/kernel.json  ports of the running kernel; valid only while kernel.lock is held
WORLD/hosts/NAME/kernel.lock  locked by the kernel while the host is on
WORLD/hosts/NAME/kernel.log   the console of the host
WORLD/hosts/NAME/bin/         stand-ins for drbdadm, mount and so on, first in PATH
WORLD/hosts/NAME/root/        what the node script takes for / (GAROON_NODE_ROOT)
WORLD/hosts/NAME/volume/      the content of its replica; volume-1/ of a further volume's
WORLD/mirror.json             state of the replicated pair; mirror-1.json of a further volume's
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from testbed.world.cut_off import read_cut_off

ENGINES = {"drbd": ("drbdadm", "drbdsetup"), "mirrorctl": ("mirrorctl",)}
"""What replicates on a host, with its commands."""
STANDIN_COMMANDS = (
    "modprobe",
    "mount",
    "umount",
    "exportfs",
    "ip",
    "systemctl",
    "systemd-run",
    "python3",
)
SERVICES = ("cyde_5_0", "cyss_cbgrn")
"""Of a host that is made without others: its init scripts, the database's first."""
EXPORTS = ("www/cgi-bin/cbgrn/sessiondata", "cybozu/mysql-5.0/files")
SECOND_VOLUME = "/dev/xvdc1:/dev/drbd1:/mnt/DIR2"
"""Of a host with two mount points: its entry of FurtherVolumes."""
RECOVERING = "recovering"
"""What the mark of a database holds that runs and does not take connections yet."""
FAULTS_TRIES = 40
FAULTS_RETRY_SECONDS = 0.005
HOST_MARK = "GAROON_SIMULATED_HOST"
"""Environment variable that every process of a host carries; its value is the host's directory."""


@dataclass(frozen=True)
class Delays:
    """How long things take on the host, in seconds."""

    boot_seconds: float = 0.0
    service_start_seconds: float = 0.05
    service_stop_seconds: float = 0.02
    mount_seconds: float = 0.02
    resync_seconds: float = 0.5
    link_loss_seconds: float = 0.2
    """From the loss of the replication link to the mirror's noticing it."""


@dataclass(frozen=True)
class HostSettings:
    """host.json. Addresses are loopback addresses on which the host's servers listen."""

    name: str
    peer_name: str
    eth0_address: str
    eth1_address: str
    services: tuple[str, ...] = SERVICES
    """By name, the database's first. Each is an init script."""
    folders: tuple[str, ...] = ()
    """Those of them that are not, but a folder /opt/NAME with LifeKeeper's scripts."""
    exports: tuple[str, ...] = EXPORTS
    """Folders that the nodes export: below the first mount point, or full paths."""
    database_port: int = 3770
    nfs_port: int = 2049
    path_port: int = 2022
    cloud_endpoint: str | None = None
    region: str = "ap-northeast-1"
    access_key_id: str = "test"
    secret_access_key: str = "test"
    instance_id: str = "i-00000000000000000"
    log_flush_seconds: float = 1.0
    """force_flush_interval of the CloudWatch agent's logs."""
    mount_points: tuple[str, ...] = ("/mnt/DIR1",)
    """Of the replicated volumes, by number. Attachments lie on the last one."""
    engine: str = "drbd"
    """Of ENGINES."""
    delays: Delays = field(default_factory=Delays)

    @classmethod
    def from_json(cls, text: str) -> HostSettings:
        """Raises TypeError when a field is unknown or missing."""
        values: dict[str, Any] = {_snake(key): value for key, value in json.loads(text).items()}
        values["delays"] = Delays(**{_snake(key): value for key, value in values.pop("delays", {}).items()})
        for name in ("services", "folders", "exports", "mount_points"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)

    @property
    def database_service(self) -> str:
        return self.services[0]

    @property
    def mount_point(self) -> str:
        """Of Garoon's own volume."""
        return self.mount_points[0]

    @property
    def exported_paths(self) -> list[str]:
        """As the kernel has them."""
        return [path if path.startswith("/") else f"{self.mount_point}/{path}" for path in self.exports]

    @property
    def attachments(self) -> tuple[int, str]:
        """Where they lie: the number of the volume, and the folder on it."""
        return (len(self.mount_points) - 1, "files") if len(self.mount_points) > 1 else (0, "cybozu/mysql-5.0/files")

    @property
    def loopback_address(self) -> str:
        """What 127.0.0.1 is on a real host: there, all hosts would share it."""
        return f"{self.eth0_address.rpartition('.')[0]}.254"

    def to_json(self) -> str:
        values = {_camel(key): value for key, value in vars(self).items()}
        values["delays"] = {_camel(key): value for key, value in vars(self.delays).items()}
        return json.dumps(values, indent=2) + "\n"


@dataclass(frozen=True)
class Faults:
    """faults.json: what is wrong with the host now; and what the cloud's network does to it."""

    values: dict[str, Any] = field(default_factory=dict)
    cut_off: frozenset[str] = frozenset()
    """Interfaces that the cloud lets nothing through to or from."""

    def is_nic_down(self, nic: str) -> bool:
        """Nothing comes or goes by the interface."""
        return self.values.get(f"nic_{nic}") == "down" or nic in self.cut_off

    @property
    def is_hung(self) -> bool:
        return bool(self.values.get("hang"))

    @property
    def is_aws_path_down(self) -> bool:
        """Commands and metrics leave by eth0, where the default route is."""
        return self.values.get("aws") == "down" or self.is_nic_down("eth0")

    def does_promote_fail(self, volume: int) -> bool:
        """True stands for all volumes, a number for that one."""
        return self._is_of("promote_fails", volume)

    def does_mount_fail(self, volume: int) -> bool:
        """True stands for all volumes, a number for that one."""
        return self._is_of("mount_fails", volume)

    def _is_of(self, fault: str, volume: int) -> bool:
        value = self.values.get(fault)
        return value is True or (value is not False and value == volume)

    @property
    def does_unmount_fail(self) -> bool:
        return bool(self.values.get("unmount_fails"))

    @property
    def is_database_silent(self) -> bool:
        return self.values.get("database") == "silent"

    @property
    def is_host_blocked(self) -> bool:
        """The database refuses other hosts for their interrupted connections (error 1129)."""
        return self.values.get("database") == "blocked"

    @property
    def is_name_server_lost(self) -> bool:
        """The database greets other hosts only when it has given up asking for their names."""
        return self.values.get("name_server") == "lost"

    @property
    def volume(self) -> str | None:
        """`hang`: writes never end; `error`: writes fail."""
        value = self.values.get("volume")
        return None if value is None else str(value)

    @property
    def write_back_seconds(self) -> float:
        """How long an unmount writes back what is dirty."""
        return float(self.values.get("write_back_seconds", 0.0))

    @property
    def hanging_commands(self) -> frozenset[str]:
        """Commands that never end. With `drbdsetup` among them the host has DRBD 9, which tells nothing but by it."""
        return frozenset(self.values.get("hanging_commands", ()))

    @property
    def is_mount_point_covered(self) -> bool:
        """Somebody mounted a tmpfs on the mount point: below the volume if that is mounted later, else above it."""
        return bool(self.values.get("mount_point_covered"))

    @property
    def recovery_seconds(self) -> float:
        """How long the database recovers when it is started."""
        return float(self.values.get("recovery_seconds", 0))

    @property
    def broken_services(self) -> frozenset[str]:
        return frozenset(self.values.get("service_broken", ()))


class HostFiles:
    """The paths of one host."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.world = self.directory.parent.parent
        self.settings_file = self.directory / "host.json"
        self.faults_file = self.directory / "faults.json"
        self.kernel_file = self.directory / "kernel.json"
        self.kernel_lock = self.directory / "kernel.lock"
        self.kernel_log = self.directory / "kernel.log"
        self.bin = self.directory / "bin"
        self.root = self.directory / "root"
        self.volume = self.volume_of(0)

    def volume_of(self, number: int) -> Path:
        """The content of its replica of that volume."""
        return self.directory / (f"volume-{number}" if number else "volume")

    def peer(self, name: str) -> HostFiles:
        return HostFiles(self.directory.parent / name)

    def settings(self) -> HostSettings:
        return HostSettings.from_json(self.settings_file.read_text())

    def faults(self) -> Faults:
        """The faults now. Raises ValueError when the file is no JSON, and not only because it is being written."""
        for _ in range(FAULTS_TRIES):
            try:
                return Faults(json.loads(self.faults_file.read_text()), self.cut_off())
            except FileNotFoundError:
                return Faults({}, self.cut_off())
            except ValueError:
                time.sleep(FAULTS_RETRY_SECONDS)
        raise ValueError(f"{self.faults_file} is no JSON object: {self.faults_file.read_text()!r}")

    def cut_off(self) -> frozenset[str]:
        """The interfaces that the cloud's network cuts off."""
        cut_off = read_cut_off(self.world)
        return cut_off.get(self.settings().instance_id, frozenset()) if cut_off else frozenset()

    def service_mark(self, name: str) -> Path:
        """Exists while the service runs; holds the id of the boot that started it, or `RECOVERING`."""
        return self.root / "run" / f"service-{name}"

    def service_process(self, name: str) -> Path:
        """Its folder in /proc while it runs or recovers; its number is above all that a real kernel gives."""
        return self.root / "proc" / str(7_000_001 + self.settings().services.index(name))

    def end_service(self, name: str) -> None:
        """Nothing of it runs any more."""
        self.service_mark(name).unlink(missing_ok=True)
        shutil.rmtree(self.service_process(name), ignore_errors=True)

    def is_on(self) -> bool:
        """Whether a kernel holds the host's lock: true from the start of a boot to the death of the process."""
        try:
            descriptor = os.open(self.kernel_lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


@cache
def host_files(world: Path, name: str) -> HostFiles:
    """The paths of the world's host of that name; they are asked for many times a second."""
    return HostFiles(world / "hosts" / name)


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def snapshot_directory(world: Path, snapshot_id: str) -> Path:
    """Where the files lie that a snapshot of a host's volume holds."""
    return world / "snapshots" / snapshot_id

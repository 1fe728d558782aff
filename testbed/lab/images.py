"""The disks and the kernel of the lab's machines: built once and kept by the content that they are made of."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.lab import base_system
from testbed.lab.base_system import run
from testbed.lab.machine import Machine, MachineSpec
from testbed.world.files import exclusively

_SOURCES = Path(__file__).parent
_GUEST = _SOURCES / "guest"
_STAND_IN = _SOURCES.parents[1] / "environment" / "stand-in"
_LAB = "usr/local/lib/garoon-lab"
# Source in guest/, or in the environment's stand-in for Garoon -> where it goes; programs end in .sh, .py or .pl.
_ADDED = {
    "agent.py": f"{_LAB}/agent.py",
    "agent-ctl.sh": "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl",
    "identity.sh": f"{_LAB}/identity.sh",
    "prepare-volume.sh": f"{_LAB}/prepare-volume.sh",
    "app-mounts.sh": f"{_LAB}/app-mounts.sh",
    "garoon.sql": f"{_LAB}/garoon.sql",
    "my.ini": f"{_LAB}/my.ini",
    "cyss.sh": f"{_LAB}/cyss.sh",
    "lab-agent.service": "etc/systemd/system/lab-agent.service",
    "lab-identity.service": "etc/systemd/system/lab-identity.service",
    "app-mounts.service": "etc/systemd/system/app-mounts.service",
    "cyde_5_0.sh": "etc/init.d/cyde_5_0",
    "cyss_cbgrn.sh": "etc/init.d/cyss_cbgrn",
    "grn.pl": "var/www/cgi-bin/cbgrn/grn.cgi",
    "apache.conf": "etc/apache2/conf-enabled/garoon.conf",
    "fstab": "etc/fstab",
}
_WRITTEN = {
    "var/www/cgi-bin/cbgrn/lwc.ini": 'prop:_host = "val:10.1.0.10:3770"\n',
    "opt/aws/amazon-cloudwatch-agent/bin/CWAGENT_VERSION": "1.300071.0b1\n",
    # The data volume's name on the installation's instances.
    "etc/udev/rules.d/90-lab.rules": ('KERNEL=="vdb", SYMLINK+="xvdb"\nKERNEL=="vdb[0-9]", SYMLINK+="xvdb%n"\n'),
    # Devices that the machines don't have need no drivers.
    "etc/systemd/system/systemd-udev-trigger.service.d/lab.conf": (
        "[Service]\nExecStart=\nExecStart=-udevadm trigger --type=all --action=add --subsystem-match=block "
        "--subsystem-match=net --subsystem-match=virtio --subsystem-match=virtio-ports --subsystem-match=tty\n"
    ),
    # An emulated processor is some thirty times slower than a real one; so one look of the script may take longer.
    "etc/garoon-node.local.conf": (
        'LOOK_SECONDS="8"\nPEER_LOSS_SECONDS="20"\nSERVICE_SECONDS="200"\nWATCH_INTERVAL_SECONDS="10"\n'
    ),
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=persistent\nForwardToConsole=no\n",
    # Only the servers that a machine's role asks for.
    "etc/systemd/system/apache2.service.d/role.conf": "[Unit]\nConditionKernelCommandLine=garoon.role=app\n",
    **{
        f"etc/systemd/system/{unit}.service.d/role.conf": "[Unit]\nConditionKernelCommandLine=garoon.role=db\n"
        for unit in ("nfs-server", "nfs-mountd", "nfs-idmapd", "nfsdcld", "rpc-statd")
    },
}
_EMPTY = ("var/www/cgi-bin/cbgrn/sessiondata", "usr/local/cybozu/mysql-5.0/files", "mnt/DIR1")
_LINKS = {
    "etc/systemd/system/sysinit.target.wants/lab-identity.service": "/etc/systemd/system/lab-identity.service",
    "etc/systemd/system/multi-user.target.wants/lab-agent.service": "/etc/systemd/system/lab-agent.service",
    "etc/systemd/system/multi-user.target.wants/app-mounts.service": "/etc/systemd/system/app-mounts.service",
    "etc/systemd/system/amazon-cloudwatch-agent.service": "/etc/systemd/system/lab-agent.service",
    # `systemctl stop network`, as on the installation's servers.
    "etc/systemd/system/network.service": "/lib/systemd/system/networking.service",
    "etc/apache2/mods-enabled/cgi.load": "../mods-available/cgi.load",
    **{
        # Nothing that a lab of minutes needs; the services of Garoon are started by its own init scripts.
        f"etc/systemd/system/{unit}": "/dev/null"
        for unit in (
            "apt-daily-upgrade.timer",
            "apt-daily.timer",
            "dpkg-db-backup.timer",
            "e2scrub_all.timer",
            "e2scrub_reap.service",
            "fstrim.timer",
            "getty-static.service",
            "getty@tty1.service",
            "keyboard-setup.service",
            "console-setup.service",
            "mariadb.service",
            "mdadm-shutdown.service",
            "mdcheck_continue.timer",
            "mdcheck_start.timer",
            "mdmonitor-oneshot.timer",
            "mdmonitor.service",
            "nbd-server.service",
            "nfs-blkmap.service",
            "modprobe@dm_mod.service",
            "modprobe@drm.service",
            "modprobe@efi_pstore.service",
            "modprobe@fuse.service",
            "modprobe@loop.service",
            "serial-getty@ttyS0.service",
            "sys-kernel-debug.mount",
            "sys-kernel-tracing.mount",
            "systemd-tmpfiles-clean.timer",
        )
    },
}
_APACHE_MODULES_OFF = ("mpm_event.conf", "mpm_event.load")
_APACHE_MODULES_ON = ("mpm_prefork.conf", "mpm_prefork.load")
_DATA_BYTES = 8 * 1024**3
_PREPARE_SECONDS = 300
_USED = "used.lock"


@dataclass(frozen=True)
class Images:
    """What a machine starts from; the disks are never written to."""

    kernel: Path
    initial_file_system: Path
    root_disk: Path
    data_disk: Path


def build(cache: Path, tell: Callable[[str], None]) -> Images:
    """Builds what is missing; of several labs one does. Raises BuildError, MachineError."""
    cache.mkdir(parents=True, exist_ok=True)
    with exclusively(cache / "build.lock"):
        return _build(cache, tell)


@contextmanager
def in_use(cache: Path, tell: Callable[[str], None]) -> Iterator[Images]:
    """The images, which no other lab removes meanwhile. Raises as `build`."""
    cache.mkdir(parents=True, exist_ok=True)
    with exclusively(cache / "build.lock"):
        images = _build(cache, tell)
        file = (images.root_disk.parent / _USED).open("w")
        fcntl.flock(file, fcntl.LOCK_SH)
    with file:
        yield images


def _build(cache: Path, tell: Callable[[str], None]) -> Images:
    system = base_system.build(cache, tell)
    directory = cache / f"images-{_digest()}"
    images = Images(
        kernel=directory / "vmlinuz",
        initial_file_system=directory / "initrd.img",
        root_disk=directory / "root.img",
        data_disk=directory / "data.img",
    )
    if not images.root_disk.exists():
        tell("making the machines' root disk")
        _make_root_disk(system, directory, images)
    if not images.data_disk.exists():
        tell("making the replicated volume, in a machine of its own")
        _make_data_disk(images)
    for old in cache.glob("images-*"):
        if old != directory and not _is_in_use(old):
            shutil.rmtree(old)
    return images


def _is_in_use(directory: Path) -> bool:
    with (directory / _USED).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _digest() -> str:
    digest = hashlib.sha256(base_system.recipe_digest().encode())
    for source in sorted([*_GUEST.iterdir(), *_STAND_IN.iterdir(), _SOURCES / "assemble.sh", Path(__file__)]):
        if source.is_file():
            digest.update(f"{source.name}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _make_root_disk(system: Path, directory: Path, images: Images) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    # Beside the result and not in the system's temporary directory, which may be too small or in memory.
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        added, work = Path(scratch) / "added", Path(scratch) / "work"
        work.mkdir()
        _add_files(system, added)
        unfinished = Path(scratch) / "root.img"
        arguments = [str(_SOURCES / "assemble.sh"), str(system), str(added), str(work), str(unfinished)]
        run(["unshare", "--mount", "bash", *arguments])
        for pattern, target in (("vmlinuz-*", images.kernel), ("initrd.img-*", images.initial_file_system)):
            shutil.copyfile(next((system / "boot").glob(pattern)), target)
        unfinished.rename(images.root_disk)


def _add_files(system: Path, added: Path) -> None:
    for name in _EMPTY:
        (added / name).mkdir(parents=True)
    for source, name in _ADDED.items():
        target = added / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(next(folder / source for folder in (_GUEST, _STAND_IN) if (folder / source).exists()), target)
        target.chmod(0o755 if source.endswith((".sh", ".py", ".pl")) else 0o644)
    for name, content in _WRITTEN.items():
        target = added / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    modules = added / "etc/apache2/mods-enabled"
    for name, link in _LINKS.items():
        target = added / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(link)
    for name in _APACHE_MODULES_ON:
        (modules / name).symlink_to(f"../mods-available/{name}")
    for name in _APACHE_MODULES_OFF:
        if (system / "etc/apache2/mods-enabled" / name).is_symlink():
            # How an overlay says that a file of the lower layer is not there: a device 0/0.
            run(["mknod", str(modules / name), "c", "0", "0"])


def _make_data_disk(images: Images) -> None:
    with tempfile.TemporaryDirectory(dir=images.root_disk.parent) as scratch:
        unfinished = Path(scratch) / "data.img"
        with unfinished.open("wb") as file:
            file.truncate(_DATA_BYTES)
        spec = MachineSpec(
            name="prepare",
            kernel=images.kernel,
            initial_file_system=images.initial_file_system,
            root_disk=images.root_disk,
            data_disk=unfinished,
            memory_megabytes=512,
        )
        with Machine(Path(scratch) / "machine", spec) as machine:
            done = machine.run(f"exec /{_LAB}/prepare-volume.sh", {}, _PREPARE_SECONDS)
            if done.exit_code != 0:
                raise base_system.BuildError(f"The replicated volume could not be made:\n{done.stderr[-3000:]}")
        unfinished.rename(images.data_disk)

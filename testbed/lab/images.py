"""The root disk and the kernel of the lab's machines: built once and kept by the content that they are made of.

They hold Debian, the packages that the set-up installs, and what only a lab needs. All else the set-up does
(`snapshots`).
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environment.provision.generate_documents import DOCUMENTS
from testbed.lab import base_system
from testbed.lab.base_system import run
from testbed.world.files import exclusively

_SOURCES = Path(__file__).parent
_GUEST = _SOURCES / "guest"
_LAB = "usr/local/lib/garoon-lab"
# Source in guest/ -> where it goes; programs end in .sh or .py.
_ADDED = {
    "agent.py": f"{_LAB}/agent.py",
    "agent-ctl.sh": "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl",
    "identity.sh": f"{_LAB}/identity.sh",
    "lab-agent.service": "etc/systemd/system/lab-agent.service",
    "lab-identity.service": "etc/systemd/system/lab-identity.service",
}
_WRITTEN = {
    "opt/aws/amazon-cloudwatch-agent/bin/CWAGENT_VERSION": "1.300071.0b1\n",
    # Devices that the machines don't have need no drivers.
    "etc/systemd/system/systemd-udev-trigger.service.d/lab.conf": (
        "[Service]\nExecStart=\nExecStart=-udevadm trigger --type=all --action=add --subsystem-match=block "
        "--subsystem-match=net --subsystem-match=virtio --subsystem-match=virtio-ports --subsystem-match=tty\n"
    ),
    # An emulated processor is some thirty times slower than a real one; so one look of the script may take longer.
    "etc/garoon-node.local.conf": (
        'LOOK_SECONDS="8"\nPEER_LOSS_SECONDS="20"\nSERVICE_SECONDS="200"\nWATCH_INTERVAL_SECONDS="10"\n'
    ),
    # The first interface goes down first, as with RHEL's network script. `ifdown -a` begins with the one that came up
    # last: the replication would end while users are still served, for as long as an emulated processor takes for one.
    "etc/systemd/system/networking.service.d/lab.conf": (
        "[Service]\nExecStop=\nExecStop=-/sbin/ifdown eth0\nExecStop=/sbin/ifdown -a --exclude=lo\n"
    ),
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=persistent\nForwardToConsole=no\n",
    "etc/fstab": "/dev/vda / ext4 noatime 0 1\n",
    "etc/resolv.conf": "# No name server is reached from here.\n",
    "etc/hosts": "127.0.0.1 localhost\n",
}
_LINKS = {
    "etc/systemd/system/sysinit.target.wants/lab-identity.service": "/etc/systemd/system/lab-identity.service",
    "etc/systemd/system/multi-user.target.wants/lab-agent.service": "/etc/systemd/system/lab-agent.service",
    "etc/systemd/system/amazon-cloudwatch-agent.service": "/etc/systemd/system/lab-agent.service",
    # `systemctl stop network`, as on the installation's servers.
    "etc/systemd/system/network.service": "/lib/systemd/system/networking.service",
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
_USED = "used.lock"


@dataclass(frozen=True)
class Images:
    """What a machine starts from; the disk is never written to."""

    kernel: Path
    initial_file_system: Path
    root_disk: Path


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
    )
    if not images.root_disk.exists():
        tell("making the machines' root disk")
        _make_root_disk(system, directory, images)
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
    digest.update(repr([document.script() for document in DOCUMENTS]).encode())  # for what snapshots hold
    for source in sorted([*_GUEST.iterdir(), _SOURCES / "assemble.sh", Path(__file__)]):
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
        _add_files(added)
        unfinished = Path(scratch) / "root.img"
        arguments = [str(_SOURCES / "assemble.sh"), str(system), str(added), str(work), str(unfinished)]
        run(["unshare", "--mount", "bash", *arguments])
        for pattern, target in (("vmlinuz-*", images.kernel), ("initrd.img-*", images.initial_file_system)):
            shutil.copyfile(next((system / "boot").glob(pattern)), target)
        unfinished.rename(images.root_disk)


def _add_files(added: Path) -> None:
    for source, name in _ADDED.items():
        target = added / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_GUEST / source, target)
        target.chmod(0o755 if source.endswith((".sh", ".py")) else 0o644)
    for name, content in _WRITTEN.items():
        target = added / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    for name, link in _LINKS.items():
        target = added / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(link)

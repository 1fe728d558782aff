"""A server to be set up: the lab's Debian in a mount namespace of its own, with what is written kept beside it.

The tools are the real ones. Interfaces are pairs of virtual ones, data volumes loop devices, and what sysfs would tell
of both on an instance is told by files.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environment.provision.generate_documents import DOCUMENTS

SIZE = 320 * 1024**2
"""Bytes of a disk; mkfs.xfs makes nothing smaller than 300 MiB."""
DATABASE, APP = (document.script() for document in DOCUMENTS)
_MOUNT = """
set -eu
lower=$1 directory=$2; shift 2
mkdir -p "$directory"/{written,work,root}
root=$directory/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$directory/written,workdir=$directory/work" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/lock"
exec chroot "$root" /usr/bin/env --ignore-environment "$@"
"""
_INTERFACES = """
mount -t tmpfs tmpfs /sys/class/net
for name in {first} {second}; do
    mkdir -p /sys/class/net/$name/device
    ip link add $name type veth peer name far-$name; ip link set far-$name up
done
mkdir /sys/class/net/lo
ip link set lo up
ip link set {first} up
ip addr add 10.0.3.4/24 dev {first}
ip route add default via 10.0.3.1
"""


@dataclass(frozen=True)
class Server:
    """What was written to it so far is in `directory`."""

    lower: str
    directory: Path

    def run(self, script: str, settings: Mapping[str, str] | None = None, *, is_on_network: bool = False) -> str:
        """What the script printed, both streams. Raises AssertionError when it does not succeed."""
        ran = self.try_to_run(script, settings, is_on_network=is_on_network)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    def try_to_run(
        self, script: str, settings: Mapping[str, str] | None = None, *, is_on_network: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """In namespaces of its own, of which the network is empty unless it is to be this machine's."""
        namespaces = ["--mount", "--uts", "--pid", "--fork", "--kill-child", *([] if is_on_network else ["--net"])]
        # No systemd runs: what would be started is only enabled.
        environment: list[str] = [
            "SYSTEMD_OFFLINE=1",
            *(f"SSM_{name}={value}" for name, value in (settings or {}).items()),
        ]
        return subprocess.run(
            [
                *("unshare", *namespaces, "bash", "-c", _MOUNT, "mount", self.lower, str(self.directory)),
                *(*environment, "/bin/bash", "-c", script),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    def digest(self, folder: str) -> dict[str, str]:
        """Checksums of what was written below that folder."""
        top = self.directory / "written" / folder
        return {
            str(file.relative_to(top)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "-"
            for file in sorted(top.rglob("*"))
            if not file.is_char_device()
        }

    def read(self, path: str) -> str:
        return (self.directory / "written" / path.removeprefix("/")).read_text()


def functions_of(script: str) -> str:
    """The script without its last line, which runs it."""
    assert script.endswith("\nmain\n")
    return script.removesuffix("main\n")


def with_interfaces(script: str, first: str = "eth0", second: str = "eth1") -> str:
    """The script on a server with those two interfaces, of which the first has its address."""
    return _INTERFACES.format(first=first, second=second) + script


@contextmanager
def loop_device(file: Path) -> Iterator[str]:
    """The kernel's name of a disk whose bytes are that file's."""
    if not file.exists():
        with file.open("wb") as made:
            made.truncate(SIZE)
    device = _run("losetup", "--partscan", "--find", "--show", str(file)).strip()
    try:
        yield device.removeprefix("/dev/")
    finally:
        # A kernel that knows no partition tables was told of the partition, and must be told of its end.
        subprocess.run(["partx", "--delete", device], capture_output=True, check=False)
        _run("losetup", "--detach", device)


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

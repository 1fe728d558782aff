"""The data volume: what holds anything is left as it is, to the last byte."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.environment.server import DATABASE, SIZE, Server, functions_of, loop_device

VOLUME = "vol-0123456789abcdef0"


def on_disk(name: str, commands: str) -> str:
    """The script's functions for a volume that is that disk, and then those commands."""
    functions = (
        functions_of(DATABASE).replace("/dev/xvdb1", f"/dev/{name}p1").replace("DISK=/dev/xvdb ", f"DISK=/dev/{name} ")
    )
    addresses = "ETH1_ADDRESS=127.0.0.1 PEER_ETH1_ADDRESS=127.0.0.2"
    settings = f"NAME={name} VOLUME_ID={VOLUME} NODE_NAME=db-01 PEER_NAME=db-02 {addresses}"
    resource = 'put_file /etc/drbd.d/garoon.res 0644 "$(resource_file)"'
    return f"{functions}\n{settings}\n{resource}\n{commands}"


def digest(disk: Path) -> str:
    return hashlib.sha256(disk.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("found", "commands"),
    [
        ("it holds ext4", "mkfs.ext4 -q /dev/$NAME"),
        ("it holds xfs", "mkfs.xfs -q /dev/$NAME"),
        ("it holds swap", "mkswap -q /dev/$NAME"),
        ("it holds dos", "printf 'label: dos\\nsize=8M\\n' | sfdisk --quiet --no-reread /dev/$NAME"),
        ("it holds gpt", "printf 'label: gpt\\nsize=8M\\n' | sfdisk --quiet --no-reread /dev/$NAME"),
        ("it has partitions", "echo 'size=8M' | sfdisk --quiet /dev/$NAME; partx --update /dev/$NAME"),
        ("it holds drbd", "drbdmeta --force 0 v08 /dev/$NAME internal create-md >/dev/null"),
        # An operator has zeroed the partition table alone.
        ("its beginning is not empty", "printf x | dd of=/dev/$NAME bs=1M seek=1 conv=notrunc status=none"),
        ("its beginning is not empty", "printf x | dd of=/dev/$NAME bs=1 seek=4194303 conv=notrunc status=none"),
        ("its end is not empty", "printf x | dd of=/dev/$NAME bs=1 seek=$LAST conv=notrunc status=none"),
    ],
)  # fmt: skip
def test_a_volume_that_holds_anything_is_not_touched(server: Server, tmp_path: Path, found: str, commands: str) -> None:
    with loop_device(tmp_path / "disk") as name:
        server.run(f"NAME={name} LAST={SIZE - 1}; {commands}; sync")
        before = digest(tmp_path / "disk")

        ran = server.try_to_run(on_disk(name, "make_replica"))

    assert ran.returncode == 1
    assert found in ran.stdout, ran.stdout
    assert f"The volume {VOLUME} is not empty" in ran.stdout
    assert digest(tmp_path / "disk") == before
    assert not (tmp_path / "written/var/lib/garoon-environment").exists()


def test_an_empty_volume_becomes_a_replica_once(server: Server, tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as name:
        first = server.run(on_disk(name, "make_replica"))
        made = digest(tmp_path / "disk")
        again = server.run(on_disk(name, f"CHANGED=0; make_replica; is_replica {name}p1; conclude db-01"))

    assert "Made a partition" in first
    assert "Made a replica" in first
    assert again.endswith("db-01 is set up already, nothing changed.\n")
    assert digest(tmp_path / "disk") == made


def break_off(script: str, after: str) -> str:
    """The script, which ends after the line that has those words."""
    broken, count = re.subn(rf"(?m)^( +)(?=\S)(.*{after}.*)$", r"\1\2\n\1exit 7", script)
    assert count == 1
    return broken


@pytest.mark.parametrize("after", ["note_done proven-empty", "partx --update", "drbdadm --force create-md"])
def test_a_run_that_broke_off_is_gone_on_with(server: Server, tmp_path: Path, after: str) -> None:
    """Just after that step, as when the server loses its power."""
    with loop_device(tmp_path / "disk") as name:
        ran = server.try_to_run(break_off(on_disk(name, "make_replica"), after))
        assert ran.returncode == 7, ran.stdout

        server.run(on_disk(name, f"make_replica; is_replica {name}p1"))


def test_what_came_onto_a_volume_after_it_was_proven_empty_is_not_touched(server: Server, tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as name:
        server.try_to_run(break_off(on_disk(name, "make_replica"), "note_done proven-empty"))
        server.run(f"mkfs.ext4 -q /dev/{name}; sync")
        before = digest(tmp_path / "disk")

        ran = server.try_to_run(on_disk(name, "make_replica"))

    assert ran.returncode == 1
    assert "it holds ext4" in ran.stdout
    assert digest(tmp_path / "disk") == before


def test_another_servers_replica_is_not_taken_for_ones_own(server: Server, debian: str, tmp_path: Path) -> None:
    """The volume was set up, and comes back on a server that knows nothing of it."""
    other = Server(debian, tmp_path / "other")
    other.directory.mkdir()
    with loop_device(tmp_path / "disk") as name:
        server.run(on_disk(name, "make_replica"))
        before = digest(tmp_path / "disk")

        ran = other.try_to_run(on_disk(name, "make_replica"))

    assert ran.returncode == 1
    assert "set DataVolumes to Kept" in ran.stdout
    assert digest(tmp_path / "disk") == before


def test_a_node_of_the_controllers_keeps_a_replica_that_is_not_ready(server: Server, tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as name:
        before = digest(tmp_path / "disk")

        ran = server.try_to_run(on_disk(name, "touch $CONTROLLER; IS_HOME=Yes DATA_VOLUMES=New; set_up_volume true"))

    assert ran.returncode == 1
    assert "the failover controller is installed already" in ran.stdout
    assert digest(tmp_path / "disk") == before


@pytest.mark.parametrize("serial", ["vol0123456789abcdef0", "vol-0123456789abcdef0", "vol0123456789abcdef0   "])
def test_a_nitro_instances_disk_is_found_by_its_volumes_id(server: Server, serial: str) -> None:
    """The kernel numbers the disks in the order in which it finds them."""
    disks = f"""
mount -t tmpfs tmpfs /sys/class/block
mkdir -p /sys/class/block/nvme{{0,1,2}}n1/device /sys/class/block/nvme1n1p1/device
printf 'vol0fedcba9876543210\\n' >/sys/class/block/nvme0n1/device/serial
printf '{serial}\\n' | tee /sys/class/block/nvme1n1/device/serial >/sys/class/block/nvme1n1p1/device/serial
touch /sys/class/block/nvme1n1p1/partition
printf 'AWS0123456789ABCDEF0\\n' >/sys/class/block/nvme2n1/device/serial
"""
    look = f"find_volume {VOLUME}; name_volume {VOLUME}; partition_name $NAME; printf ' %s' $NAME"

    shown = server.run(f"{disks}{functions_of(DATABASE)}\n{look}")

    assert shown.endswith("nvme1n1p1 nvme1n1")
    rules = server.read("/etc/udev/rules.d/90-garoon.rules")
    assert 'ENV{DEVTYPE}=="disk", ATTRS{serial}=="vol0123456789abcdef0", SYMLINK+="xvdb"' in rules
    assert 'ENV{DEVTYPE}=="partition", ATTRS{serial}=="vol0123456789abcdef0", SYMLINK+="xvdb%n"' in rules


def test_a_volume_that_is_not_attached_is_asked_for(server: Server) -> None:
    functions = functions_of(DATABASE).replace("ATTACH_SECONDS=600", "ATTACH_SECONDS=1")

    ran = server.try_to_run(f"{functions}\nwait_for_volume {VOLUME}")

    assert ran.returncode == 1
    assert f"The volume {VOLUME} is not attached to this server." in ran.stdout

"""Where DRBD's own data fits is computed, not guessed: a file system whose end it would overwrite cannot shrink."""

from __future__ import annotations

from pathlib import Path

import pytest
from failover.node_answers import NodeSurvey, ReplicaRoom

from tests.node.test_arguments import run

GIB = 1 << 30
FIRST_SECTOR = 2048
NO_DRBD = b""


def make_disk(
    root: Path, *, disk: int, partition: int, begin: bytes, magic: bytes = NO_DRBD, next_at: int | None = None
) -> None:
    """A disk vdb with the partition vdb1, which the system also calls xvdb1; sizes in bytes, `next_at` in sectors."""
    device = root / "dev/vdb1"
    device.parent.mkdir()
    with device.open("wb") as file:
        file.write(begin)
        file.truncate(partition)
        if magic:
            file.seek(partition - 4096 + 60)
            file.write(magic)
    (root / "dev/xvdb1").symlink_to("vdb1")
    sizes = {"vdb": disk, "vdb1": partition}
    partitions = {"vdb1": FIRST_SECTOR, **({} if next_at is None else {"vdb2": next_at})}
    of_disk = root / "sys/devices/vdb"
    for name, start in partitions.items():
        folder = of_disk / name
        folder.mkdir(parents=True)
        (folder / "partition").write_text(f"{name[-1]}\n")
        (folder / "start").write_text(f"{start}\n")
        (folder / "size").write_text(f"{sizes.get(name, GIB) // 512}\n")
    (of_disk / "size").write_text(f"{disk // 512}\n")
    block = root / "sys/class/block"
    block.mkdir(parents=True)
    for name in ("vdb", *(f"vdb/{one}" for one in partitions)):
        (block / Path(name).name).symlink_to(root / "sys/devices" / name)


def xfs(size: int) -> bytes:
    return b"XFSB" + (4096).to_bytes(4) + (size // 4096).to_bytes(8)


def look(root: Path) -> ReplicaRoom | None:
    host = NodeSurvey.model_validate(run(root, Verb="survey").survey).host
    assert host is not None
    return host.room


@pytest.mark.parametrize(
    ("size", "needed"),
    [
        # What `drbdmeta create-md` of drbd-utils 9.22 takes for one peer.
        (GIB, 69_632),
        (8 * GIB, 299_008),
        (1024 * GIB, 33_591_296),
    ],
)
def test_what_drbd_needs_is_what_drbdmeta_takes(tmp_path: Path, size: int, needed: int) -> None:
    make_disk(tmp_path, disk=size + GIB, partition=size, begin=xfs(size))

    room = look(tmp_path)

    assert room is not None
    assert room.needed_bytes == needed


def test_behind_a_smaller_file_system_it_fits_to_the_byte(tmp_path: Path) -> None:
    make_disk(tmp_path, disk=2 * GIB, partition=GIB, begin=xfs(GIB - 69_632))

    room = look(tmp_path)

    assert room is not None
    assert (room.fits, room.used_bytes, room.commands) == ("internal", GIB - 69_632, ())


def test_a_block_less_is_no_room(tmp_path: Path) -> None:
    make_disk(tmp_path, disk=2 * GIB, partition=GIB, begin=xfs(GIB - 65_536))

    room = look(tmp_path)

    assert room is not None
    assert room.fits == "enlargedPartition"
    assert room.commands == ("sfdisk --dump /dev/vdb >/root/partitions-of-vdb", "growpart /dev/vdb 1")


def test_where_the_disk_ends_with_the_file_system_the_volume_grows_first(tmp_path: Path) -> None:
    make_disk(tmp_path, disk=8 * GIB, partition=8 * GIB - 512 * FIRST_SECTOR, begin=xfs(8 * GIB - 512 * FIRST_SECTOR))

    room = look(tmp_path)

    assert room is not None
    assert room.fits == "enlargedVolume"
    assert room.commands[0] == "aws ec2 modify-volume --volume-id VOLUME_ID --size 9"
    assert room.commands[1:] == ("sfdisk --dump /dev/vdb >/root/partitions-of-vdb", "growpart /dev/vdb 1")


def test_a_partition_cannot_grow_over_the_next_one(tmp_path: Path) -> None:
    make_disk(tmp_path, disk=8 * GIB, partition=GIB, begin=xfs(GIB), next_at=FIRST_SECTOR + GIB // 512)

    room = look(tmp_path)

    assert room is not None
    assert (room.fits, room.commands) == ("external", ())


@pytest.mark.parametrize("magic", ["8374026b", "8374026c", "8374026d"])
def test_where_it_is_already_nothing_is_to_be_done(tmp_path: Path, magic: str) -> None:
    make_disk(tmp_path, disk=2 * GIB, partition=GIB, begin=xfs(GIB), magic=bytes.fromhex(magic))

    room = look(tmp_path)

    assert room is not None
    assert (room.fits, room.commands) == ("there", ())


def test_on_an_empty_device_it_fits(tmp_path: Path) -> None:
    make_disk(tmp_path, disk=2 * GIB, partition=GIB, begin=b"")

    room = look(tmp_path)

    assert room is not None
    assert (room.fits, room.used_bytes) == ("internal", 0)


def test_what_nobody_knows_is_not_called_room(tmp_path: Path) -> None:
    make_disk(tmp_path, disk=2 * GIB, partition=GIB, begin=b"LABELONE")

    room = look(tmp_path)

    assert room is not None
    assert (room.fits, room.used_bytes, room.commands) == ("unknown", None, ())


def test_a_device_that_is_not_there_has_no_answer(tmp_path: Path) -> None:
    assert look(tmp_path) is None


def test_room_is_looked_for_on_each_volume_and_one_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    make_disk(tmp_path, disk=2 * GIB, partition=GIB, begin=xfs(GIB - 69_632))
    (tmp_path / "dev/xvdc1").symlink_to((tmp_path / "dev/xvdb1").resolve())
    volumes = "/dev/xvdc1:/dev/mirror1:/mnt/DIR2,/dev/xvdd1:/dev/mirror2:/mnt/DIR3"

    host = NodeSurvey.model_validate(run(tmp_path, Verb="survey", FurtherVolumes=volumes).survey).host

    assert host is not None
    assert host.room is not None
    assert host.further_room == (host.room.model_copy(update={"device": "/dev/xvdc1"}), None)
    assert "furtherRoom" not in (run(tmp_path, Verb="survey").survey or {})["host"]

"""What a snapshot of a machine's volume holds, and how one finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from testbed.hosts.layout import HostSettings
from testbed.lab.host import VOLUME_IMAGE, LabHost
from testbed.lab.machine import MachineSpec
from testbed.lab.stage import KEPT_RECIPE
from testbed.world.files import is_in_image

SETTINGS = HostSettings(name="db-01", peer_name="db-02", eth0_address="10.0.3.4", eth1_address="10.0.12.4")
SPEC = MachineSpec("db-01", Path("kernel"), Path("initrd"), Path("root"))
REPOSITORY = Path(__file__).resolve().parents[2]
BLOCK = 1024 * 1024


def test_a_snapshot_holds_the_volume_as_it_was(tmp_path: Path) -> None:
    disk = tmp_path / "data.img"
    with disk.open("wb") as file:
        file.truncate(64 * BLOCK)
        file.seek(40 * BLOCK + 17)
        file.write(b"written alone")
    host = LabHost.create(tmp_path / "world/hosts/db-01", SETTINGS, replace(SPEC, data_disk=disk))

    host.copy_volume(tmp_path / "snapshot")
    disk.write_bytes(b"overwritten")

    image = tmp_path / "snapshot" / VOLUME_IMAGE
    assert image.stat().st_size == 64 * BLOCK
    assert image.stat().st_blocks * 512 < BLOCK
    assert is_in_image(image, b"written alone")
    assert not is_in_image(image, b"overwritten")


def test_a_machine_without_a_volume_has_nothing_to_keep(tmp_path: Path) -> None:
    LabHost.create(tmp_path / "world/hosts/app-01", SETTINGS, SPEC).copy_volume(tmp_path / "snapshot")

    assert not (tmp_path / "snapshot").exists()


def test_the_recipe_that_the_lab_tries_is_the_documentations() -> None:
    text = (REPOSITORY / "docs/operations.md").read_text()
    assert KEPT_RECIPE.format(device="/dev/xvdf1") in text

"""What a machine's agent tells is what the drill's observer sees of the host."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.hosts import HostError, HostUnreachable
from testbed.hosts.layout import HostSettings
from testbed.judges.observer import read_hosts
from testbed.lab.host import LabHost
from testbed.lab.machine import MachineSpec
from testbed.lab.reports import Report, create_reports

SERVING = {
    "connection": "Connected",
    "role": "Primary",
    "disk": "UpToDate",
    "isMounted": True,
    "services": ["cyde_5_0", "cyss_cbgrn"],
    "isDatabaseListening": True,
}


@pytest.fixture
def host(tmp_path: Path) -> LabHost:
    world = tmp_path / "world"
    hosts = {name: make_host(world, name) for name in ("db-01", "db-02")}
    create_reports(world, ("db-01", "db-02"))
    return hosts["db-01"]


@pytest.fixture
def running_host(host: LabHost) -> Iterator[LabHost]:
    """A host whose machine runs, as far as anybody can see: its lock is held."""
    descriptor = os.open(host.files.kernel_lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield host
    os.close(descriptor)


def make_host(world: Path, name: str) -> LabHost:
    settings = HostSettings(name=name, peer_name="", eth0_address="10.0.3.4", eth1_address="10.0.12.4")
    spec = MachineSpec(name, Path("kernel"), Path("initrd"), Path("root"))
    return LabHost.create(world / "hosts" / name, settings, spec)


def test_a_machine_that_does_not_come_up_is_off_again(
    host: LabHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in (("qemu-img", "exit 0"), ("qemu-system-x86_64", "exec sleep 600")):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)

    with pytest.raises(HostError, match="did not start"):
        host.boot()

    assert not host.is_on
    host.power_off()


def test_a_serving_machine_is_seen_as_active(running_host: LabHost) -> None:
    Report(running_host.files).write(SERVING)

    seen = read_hosts(running_host.files.world)["db-01"]

    assert seen.is_active
    assert (seen.is_primary, seen.is_mounted, seen.has_services, seen.has_database) == (True, True, True, True)
    assert (seen.data, seen.link) == ("current", "connected")


def test_a_database_that_still_recovers_runs_and_takes_no_connections(running_host: LabHost) -> None:
    Report(running_host.files).write({**SERVING, "isDatabaseListening": False})

    seen = read_hosts(running_host.files.world)["db-01"]

    assert (seen.has_services, seen.has_database) == (True, False)


def test_a_demoted_machine_is_not_seen_as_active_any_more(running_host: LabHost) -> None:
    report = Report(running_host.files)
    report.write(SERVING)

    report.write({**SERVING, "role": "Secondary", "isMounted": False, "services": []})

    assert not read_hosts(running_host.files.world)["db-01"].is_active


def test_a_machine_that_is_off_is_inactive_whatever_it_told_last(host: LabHost) -> None:
    Report(host.files).write(SERVING)

    seen = read_hosts(host.files.world)["db-01"]

    assert not seen.is_on
    assert not seen.is_active


def test_a_machine_without_a_path_to_aws_takes_no_commands(running_host: LabHost) -> None:
    with running_host.changing_faults() as faults:
        faults["nic_eth0"] = "down"

    with pytest.raises(HostUnreachable, match="does not reach AWS"):
        running_host.deliver("true", {}, 1)


def test_a_machine_that_is_off_takes_no_commands(host: LabHost) -> None:
    with pytest.raises(HostUnreachable, match="is off"):
        host.run("true", 1)


def test_a_host_keeps_what_its_machine_is_made_of(host: LabHost) -> None:
    assert host.spec == MachineSpec("db-01", Path("kernel"), Path("initrd"), Path("root"))

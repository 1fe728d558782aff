"""What the volume looks like when all is over: InnoDB's and XFS's own checks, and whether the replicas are the same."""

from __future__ import annotations

import subprocess

from testbed.hosts import HostError
from testbed.lab.host import LabHost

_CHECK_SECONDS = 300.0
# DRBD's own data at the end of the device, which differs between the nodes, takes less.
_METADATA_BYTES = 512 * 1024
# `CHECK TABLE ... EXTENDED` reads every row and every index; xfs_repair -n only looks.
_CHECK_TABLES = "mariadb -S /run/mysqld/cyde_5_0.sock --batch -N -e 'CHECK TABLE memo EXTENDED' cb_cbgrn"
_CHECK_FILE_SYSTEM = "xfs_repair -n /dev/drbd0"


def check_volume(active: LabHost) -> list[str]:
    """What InnoDB and XFS find wrong on the active node, as sentences; takes it out of service.

    Raises HostUnreachable.
    """
    problems = []
    tables = active.run(_CHECK_TABLES, _CHECK_SECONDS)
    if tables.exit_code != 0 or tables.stdout.split()[-2:] != ["status", "OK"]:
        problems.append(f"InnoDB on {active.name}: {(tables.stdout + tables.stderr).strip()[-300:]}.")
    try:
        active.must("garoon-node demote && drbdadm primary garoon", _CHECK_SECONDS)
    except HostError as error:
        return [*problems, f"The file system of {active.name} could not be checked: {error}"]
    volume = active.run(_CHECK_FILE_SYSTEM, _CHECK_SECONDS)
    if volume.exit_code != 0:
        problems.append(f"XFS on {active.name}: {(volume.stdout + volume.stderr).strip()[-300:]}.")
    return problems


def compare_replicas(first: LabHost, second: LabHost) -> list[str]:
    """What differs between the volumes of two nodes that are in sync and out of service, as sentences."""
    disks = [disk for host in (first, second) if (disk := host.spec.data_disk) is not None]
    size = disks[0].stat().st_size - _METADATA_BYTES
    command = ["cmp", f"--bytes={size}", *map(str, disks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (
        []
        if done.returncode == 0
        else [f"The replicas differ although DRBD says they are in sync: {done.stdout.strip()}."]
    )

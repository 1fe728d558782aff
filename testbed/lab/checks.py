"""What the volume looks like when all is over: InnoDB's and XFS's own checks, and whether the replicas are the same.

The disks are read from outside the machines, where nothing is emulated, with what is only holes left out.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from testbed.hosts import CommandResult, HostError
from testbed.lab.host import LabHost

_CHECK_SECONDS = 300.0
_LOOK_SECONDS = 30.0
_PARTITION_BEGINS = 1024 * 1024
_SECTOR_BYTES = 512  # of what sysfs counts in, whatever the disk's are
# Reads every row and every index.
_CHECK_TABLES = "mariadb -S /run/mysqld/cyde_5_0.sock --batch -N -e 'CHECK TABLE memo EXTENDED' cb_cbgrn"


def check_volume(active: LabHost) -> list[str]:
    """What InnoDB and XFS find wrong on the active node, as sentences; takes it out of service.

    Raises HostError.
    """
    problems = []
    tables = active.run(_CHECK_TABLES, _CHECK_SECONDS)
    if tables.exit_code != 0 or tables.stdout.split()[-2:] != ["status", "OK"]:
        problems.append(f"InnoDB on {active.name}: {_end_of(tables)}.")
    try:
        active.must("garoon-node demote", _CHECK_SECONDS)
    except HostError as error:
        return [*problems, f"The file system of {active.name} could not be checked: {error}"]
    with tempfile.TemporaryDirectory() as scratch:
        volume = Path(scratch) / "volume"
        copied = _run("qemu-img", "convert", "--image-opts", _replicated_part(active), "-O", "raw", str(volume))
        if copied.returncode != 0:
            return [*problems, f"The file system of {active.name} could not be read: {_end_of(copied)}"]
        checked = _run("xfs_repair", "-n", "-f", str(volume))  # -n: only looks
    if checked.returncode != 0:
        problems.append(f"XFS on {active.name}: {_end_of(checked)}.")
    return problems


def compare_replicas(first: LabHost, second: LabHost) -> list[str]:
    """What differs between the volumes of two nodes that are in sync and out of service, as sentences.

    Raises HostError.
    """
    volumes = [_replicated_part(host) for host in (first, second)]
    compared = _run("qemu-img", "compare", "--image-opts", *volumes)
    if compared.returncode == 0:
        return []
    return [f"The replicas differ although DRBD says they are in sync: {_end_of(compared)}"]


def _replicated_part(host: LabHost) -> str:
    """What DRBD replicates of the host's partition, as QEMU's image options; the machine may run. Raises HostError.

    DRBD's own data, which differs between the nodes, lies behind it. Where the partition ends is its table's affair.
    """
    size = int(host.must("cat /sys/class/block/$(basename $(drbdadm sh-dev garoon))/size", _LOOK_SECONDS))
    file = f"file.driver=file,file.filename={host.spec.data_disk},file.locking=off"
    return f"driver=raw,offset={_PARTITION_BEGINS},size={size * _SECTOR_BYTES},{file}"


def _end_of(done: CommandResult | subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).strip()[-300:]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)

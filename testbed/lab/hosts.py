"""The lab's machines: which there are, with which disks, interfaces and names."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed.hosts.layout import HostSettings
from testbed.lab.host import LabHost
from testbed.lab.images import Images
from testbed.lab.machine import Interface, MachineSpec
from testbed.lab.network import SUBNETS, add_tap

_DB_MEGABYTES = 512
_APP_MEGABYTES = 384


@dataclass(frozen=True)
class Cabling:
    """Where a machine's interfaces are, in their order, and what the machine is for."""

    role: str
    interfaces: Mapping[str, str]  # subnet -> address


CABLING = {
    "db-01": Cabling("db", {"db-1a": "10.0.3.4", "heartbeat-1a": "10.0.12.4"}),
    "db-02": Cabling("db", {"db-1c": "10.0.6.4", "heartbeat-1c": "10.0.14.4"}),
    "app-01": Cabling("app", {"app-1a": "10.0.2.10"}),
    "app-02": Cabling("app", {"app-1c": "10.0.5.10"}),
}
_PEERS = {"db-01": "db-02", "db-02": "db-01"}


def add_taps(names: tuple[str, ...]) -> None:
    """Ports in the VPC for all interfaces of these machines. Raises NetworkError."""
    for name in names:
        for index, subnet in enumerate(CABLING[name].interfaces):
            add_tap(_tap(name, index), subnet)


def create_host(
    directory: Path, name: str, images: Images, *, instance_id: str, cloud_endpoint: str | None, account: str = "test"
) -> LabHost:
    """Lays a machine out in WORLD/hosts/NAME: new disks, and off."""
    cabling = CABLING[name]
    addresses = list(cabling.interfaces.values())
    identity = {"name": name, "role": cabling.role, "eth0": addresses[0]}
    data_disk = None
    if cabling.role == "db":
        peer_subnet = next(subnet for subnet in CABLING[_PEERS[name]].interfaces if subnet.startswith("heartbeat"))
        identity |= {"eth1": addresses[1], "eth1_route": SUBNETS[peer_subnet]}
        data_disk = directory / "data.img"
    settings = HostSettings(
        name=name,
        peer_name=_PEERS.get(name, ""),
        eth0_address=addresses[0],
        eth1_address=addresses[1] if len(addresses) > 1 else "",
        path_port=22,
        cloud_endpoint=cloud_endpoint,
        access_key_id=account,
        secret_access_key="local",
        instance_id=instance_id,
        metric_flush_seconds=5.0,
    )
    spec = MachineSpec(
        name=name,
        kernel=images.kernel,
        initial_file_system=images.initial_file_system,
        root_disk=images.root_disk,
        data_disk=data_disk,
        memory_megabytes=_DB_MEGABYTES if cabling.role == "db" else _APP_MEGABYTES,
        interfaces=tuple(
            Interface(_tap(name, index), _hardware_address(address)) for index, address in enumerate(addresses)
        ),
        identity=identity,
    )
    shutil.rmtree(directory, ignore_errors=True)
    host = LabHost.create(directory, settings, spec)
    if data_disk is not None:
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(images.data_disk), str(data_disk)], check=True)
    return host


def _tap(name: str, index: int) -> str:
    return f"{name}-eth{index}"


def _hardware_address(address: str) -> str:
    return ":".join(["52", "54", *(f"{int(part):02x}" for part in address.split("."))])

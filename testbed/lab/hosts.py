"""The lab's machines: which there are, with which disks, interfaces and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed.garoon.installation import USUAL, Shape
from testbed.hosts.layout import HostSettings
from testbed.lab.host import LabHost
from testbed.lab.images import Images
from testbed.lab.machine import Interface, MachineSpec
from testbed.lab.network import SUBNETS, add_tap
from testbed.world.files import copy_sparse

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


def add_taps() -> None:
    """Ports in the VPC for all interfaces of the machines. Raises NetworkError."""
    for name, cabling in CABLING.items():
        for index, subnet in enumerate(cabling.interfaces):
            add_tap(_tap(name, index), subnet)


def make_spec(world: Path, name: str, images: Images) -> MachineSpec:
    """What that machine of the world is made of."""
    cabling = CABLING[name]
    addresses = list(cabling.interfaces.values())
    identity = {"name": name, "role": cabling.role, "eth0": addresses[0]}
    if cabling.role == "db":
        peer_subnet = next(subnet for subnet in CABLING[_PEERS[name]].interfaces if subnet.startswith("heartbeat"))
        identity |= {"eth1": addresses[1], "eth1_route": SUBNETS[peer_subnet]}
    return MachineSpec(
        name=name,
        kernel=images.kernel,
        initial_file_system=images.initial_file_system,
        root_disk=images.root_disk,
        data_disk=machine_directory(world, name) / "data.img" if cabling.role == "db" else None,
        memory_megabytes=_DB_MEGABYTES if cabling.role == "db" else _APP_MEGABYTES,
        interfaces=tuple(
            Interface(_tap(name, index), _hardware_address(address)) for index, address in enumerate(addresses)
        ),
        identity=identity,
    )


def make_data_disk(spec: MachineSpec, images: Images) -> None:
    """The machine's own copy of the volume, if it has one."""
    if spec.data_disk is not None:
        spec.data_disk.parent.mkdir(parents=True)
        copy_sparse(images.data_disk, spec.data_disk)


def create_host(
    world: Path,
    spec: MachineSpec,
    *,
    instance_id: str,
    cloud_endpoint: str | None,
    account: str = "test",
    shape: Shape = USUAL,
) -> LabHost:
    """Lays a machine out in WORLD/hosts/NAME, off."""
    eth0, eth1 = [*CABLING[spec.name].interfaces.values(), ""][:2]
    settings = HostSettings(
        name=spec.name,
        peer_name=_PEERS.get(spec.name, ""),
        eth0_address=eth0,
        eth1_address=eth1,
        path_port=22,
        services=shape.names,
        folders=shape.folders,
        exports=shape.paths,
        cloud_endpoint=cloud_endpoint,
        access_key_id=account,
        secret_access_key="local",
        instance_id=instance_id,
    )
    return LabHost.create(world / "hosts" / spec.name, settings, spec)


def machine_directory(world: Path, name: str) -> Path:
    """Where the machine's disks, console and sockets are."""
    return world.parent / "machines" / name


def _tap(name: str, index: int) -> str:
    return f"{name}-eth{index}"


def _hardware_address(address: str) -> str:
    return ":".join(["52", "54", *(f"{int(part):02x}" for part in address.split("."))])

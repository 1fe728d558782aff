"""The lab's machines: which there are, with which disks, interfaces and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from environment.provision.generate_documents import DOCUMENTS, Document
from testbed.garoon.installation import DATABASE_PORT, HOME, USUAL, VIRTUAL_IP, WEB_PORT, Shape
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
_VOLUMES = {"db-01": "vol-00000000000000001", "db-02": "vol-00000000000000002"}
DATA_DISK = "data.img"
"""The set-up's volume, beside the snapshot of its machine."""


def add_taps() -> None:
    """Ports in the VPC for all interfaces of the machines. Raises NetworkError."""
    for name, cabling in CABLING.items():
        for index, subnet in enumerate(cabling.interfaces):
            add_tap(_tap(name, index), subnet)


def make_spec(world: Path, name: str, images: Images) -> MachineSpec:
    """What that machine of the world is made of."""
    cabling = CABLING[name]
    addresses = list(cabling.interfaces.values())
    return MachineSpec(
        name=name,
        kernel=images.kernel,
        initial_file_system=images.initial_file_system,
        root_disk=images.root_disk,
        data_disk=machine_directory(world, name) / "data.img" if cabling.role == "db" else None,
        data_volume=_VOLUMES.get(name, ""),
        memory_megabytes=_DB_MEGABYTES if cabling.role == "db" else _APP_MEGABYTES,
        interfaces=tuple(
            Interface(_tap(name, index), _hardware_address(address)) for index, address in enumerate(addresses)
        ),
        identity={"name": name, "eth0": addresses[0]},
    )


def make_data_disk(spec: MachineSpec) -> None:
    """The machine's own copy of its volume as the set-up left it, if it has one."""
    if spec.data_disk is not None and spec.snapshot is not None:
        spec.data_disk.parent.mkdir(parents=True)
        copy_sparse(spec.snapshot / DATA_DISK, spec.data_disk)


def settings_of(name: str) -> tuple[Document, dict[str, str]]:
    """What sets that machine up, and its parameters: as environment/template.yaml has them of an instance."""
    cabling = CABLING[name]
    database, app = DOCUMENTS
    if cabling.role != "db":
        return app, {
            "VirtualIp": VIRTUAL_IP,
            "DatabasePort": str(DATABASE_PORT),
            "WebPort": str(WEB_PORT),
            "GaroonInstaller": "StandIn",
        }
    peer = _PEERS[name]
    eth0, eth1 = cabling.interfaces.values()
    peer_eth0, peer_eth1 = CABLING[peer].interfaces.values()
    peer_subnet = SUBNETS[list(CABLING[peer].interfaces)[1]]
    return database, {
        "Region": "ap-northeast-1",
        "NodeName": name,
        "PeerName": peer,
        "IsHome": "Yes" if name == HOME else "No",
        "Eth0Address": eth0,
        "Eth1Address": f"{eth1}/24",
        "PeerEth0Address": peer_eth0,
        "PeerEth1Address": peer_eth1,
        "PeerEth1Subnet": peer_subnet,
        "VolumeId": _VOLUMES[name],
        "DataVolumes": "New",
        "GaroonInstaller": "StandIn",
    }


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

"""A testbed whose hosts are virtual machines; everything else is the drill's own testbed."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from botocore.exceptions import BotoCoreError, ClientError

from testbed.cloud.launch import running_cloud
from testbed.garoon.installation import (
    CLUSTER,
    HOME,
    STANDBY,
    USUAL,
    Installation,
    Shape,
    make_installation,
    read_routes,
)
from testbed.hosts import HostError, HostUnreachable, SimulatedHost
from testbed.judges.observer import read_hosts
from testbed.lab import hosts, network
from testbed.lab.balancer import Entrance, running_balancer
from testbed.lab.checks import check_volume, compare_replicas
from testbed.lab.folders import put_folders
from testbed.lab.host import LabHost
from testbed.lab.images import Images
from testbed.lab.machine import MachineSpec
from testbed.lab.network import NetworkError
from testbed.lab.older import carry_statsd, speaks_statsd
from testbed.lab.reports import create_reports
from testbed.lab.snapshots import with_snapshots
from testbed.lab.stage import LabStage
from testbed.run.bed import Pace, Tell, Testbed, subscribe
from testbed.stack import deployment
from testbed.stack.endpoint import Clients, Endpoint
from testbed.world.cut_off import read_cut_off
from testbed.world.profiles import Profile
from testbed.world.waiting import wait_until
from testbed.world.world import World

_VPC_INTERVAL_SECONDS = 0.3
_BOOT_SECONDS = 60.0
# What a real server does in a tenth of a second takes an emulated one seconds.
PACE = Pace(
    user_interval_seconds=1.5,
    user_timeout_seconds=10.0,
    patience_seconds=900.0,
    parameters={
        "AnswerTimeoutSeconds": "30",
        "WatchIntervalSeconds": "5",
        "PathPort": "22",
        "ReadinessIntervalMinutes": "60",
    },
)


class LabWorld(World):
    """A world in a network namespace of its own: addresses are the installation's."""

    def address(self, address: str) -> str:
        return address


class LabTestbed(Testbed):
    """See `testbed.run.bed.Testbed`; made by `running_lab`."""

    __test__ = False

    def __init__(
        self,
        world: World,
        profile: Profile,
        clients: Clients,
        installation: Installation,
        stack: deployment.Stack,
        queue_url: str,
        vpc: FollowedVpc,
    ) -> None:
        super().__init__(world, profile, clients, installation, stack, queue_url)
        self.vpc = vpc
        self.web_machines = [LabHost(world.directory / "hosts" / name) for name in installation.app_servers]
        self.pace = PACE
        self.patience_seconds = PACE.patience_seconds
        self.door = Entrance()
        self.machines = {name: LabHost(world.directory / "hosts" / name) for name in (HOME, STANDBY)}
        # They are handled as simulated hosts are, but for the faults that can only be pretended.
        self.hosts = cast("Mapping[str, SimulatedHost]", self.machines)

    def carry_statsd(self) -> None:
        """See `testbed.lab.older`. Raises HostError, TimeoutError."""
        self._wait_for_node_script()
        carry_statsd(self.machines.values())

    def wait_until_installed(self) -> None:
        """Until the stack's associations have put the node script on both nodes. Raises TimeoutError."""

        def are_installed() -> bool:
            script = "garoon-node survey | grep -q done && systemctl is-active --quiet garoon-node-watch"
            return all(machine.run(script, _BOOT_SECONDS).exit_code == 0 for machine in self.machines.values())

        wait_until(are_installed, "the node script being installed on both nodes", self.patience_seconds)

    def take_as_it_is(self) -> None:
        """Whoever brought db-01 into service: from here on its story begins. Raises TimeoutError."""
        self._wait_until_in_order(time.monotonic())
        self.read_notifications()
        self._notifications.clear()

    def make_stage(self, tell: Tell) -> LabStage:
        return LabStage(self, self.machines, self.web_machines, tell)

    def _run_verb(self, node: str, verb: str) -> None:
        # All verbs can run again, and so they do as long as the emulated machine is too slow for one.
        wait_until(lambda: self._ask(node, verb).get("result") == "done", f"{node} to {verb}", self.patience_seconds)

    def check_volumes(self, active: str) -> list[str]:
        """What is wrong with the data of that node, as sentences; takes it out of service, for good."""
        # As an operator does it: else the controller would bring the node into service again.
        answer = self.clients.functions.invoke(FunctionName=f"{CLUSTER}-set-maintenance", Payload=b'{"minutes": 60}')
        if "FunctionError" in answer:
            return [f"Maintenance could not be switched on for the check: {answer['Payload'].read().decode()}"]
        self._stop_work()
        node, peer = self.machines[active], self.machines[STANDBY if active == HOME else HOME]
        problems: list[str] = []
        try:
            problems += check_volume(node)
            seen = read_hosts(self.world.directory)
            if all(host.link == "connected" and host.data == "current" for host in seen.values()):
                problems += compare_replicas(node, peer)
        except HostError as error:
            problems.append(f"The volume of {active} could not be checked: {error}")
        return problems

    def keep_logs(self, name: str) -> Path:
        return keep_logs(self.world.directory, name)


def keep_logs(world: Path, name: str) -> Path:
    """Copies the small files of the world, and the machines' consoles, to .testbed/last/lab-NAME."""
    target = deployment.SCRATCH / "last" / f"lab-{name}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in (*world.glob("*.log"), *world.glob("*.json*"), *world.glob("hosts/*/*.log")):
        shutil.copyfile(file, target / "-".join(file.relative_to(world).parts))
    for console in world.parent.glob("machines/*/console.log"):
        shutil.copyfile(console, target / f"{console.parent.name}-console.log")
    return target


class FollowedVpc:
    """Keeps this namespace's network as the cloud says, while the context is open: routes and network ACLs."""

    def __init__(self, clients: Clients, installation: Installation, world: World) -> None:
        self._clients = clients
        self._installation = installation
        self._world = world
        self._routes: dict[str, str | None] = {}
        self.moved_at: float | None = None
        """When the virtual IP's route was changed last, in Unix seconds."""
        self._cut_off: frozenset[str] = frozenset()
        self._is_over = threading.Event()
        self._error: NetworkError | None = None
        self._thread = threading.Thread(target=self._run, name="followed-vpc", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._follow()
        except NetworkError as error:
            self._error = error

    def _follow(self) -> None:
        while not self._is_over.wait(_VPC_INTERVAL_SECONDS):
            self._follow_network_acls()
            try:
                routes = read_routes(self._clients, self._installation).virtual_ip
            except (BotoCoreError, ClientError):
                continue  # unknown is no reason to change a route
            wanted = {table: self._address(target) for table, target in routes.items()}
            if wanted != self._routes:
                network.point_virtual_ip(wanted)
                self._routes = wanted
                self.moved_at = time.time()

    def _follow_network_acls(self) -> None:
        cut_off = read_cut_off(self._world.directory)
        wanted = frozenset(
            subnet
            for name, node in self._installation.nodes.items()
            for index, subnet in enumerate(hosts.CABLING[name].interfaces)
            if f"eth{index}" in cut_off.get(node.instance_id, ())
        )
        if wanted != self._cut_off:
            network.cut_off(wanted)
            self._cut_off = wanted

    def _address(self, interface_id: str | None) -> str | None:
        node = self._installation.node_of_interface(interface_id)
        return None if node is None else self._installation.nodes[node].eth0_address


@dataclass(frozen=True)
class Site:
    """What stands before the stack does: the cloud with the installation, and machines that boot."""

    world: World
    profile: Profile
    clients: Clients
    installation: Installation
    vpc: FollowedVpc
    machines: Mapping[str, LabHost]
    shape: Shape
    product: Path
    tell: Tell

    def deploy(self, **parameters: str) -> LabTestbed:
        """The testbed with the stack deployed; nothing is in service yet. Raises DeploymentError."""
        # An older product may not know what is as usual anyway.
        shape = {} if self.shape == USUAL else self.shape.parameters()
        told = {**self.installation.parameters(), **PACE.parameters, **shape, **parameters}
        stack = deployment.deploy(self.clients, deployment.build(self.product), told)
        queue = subscribe(self.clients, stack)
        return LabTestbed(self.world, self.profile, self.clients, self.installation, stack, queue, self.vpc)

    def wait_until_up(self) -> None:
        """Until both database servers have booted. Raises TimeoutError."""

        def are_up() -> bool:
            try:
                return all(machine.run("true", _BOOT_SECONDS).exit_code == 0 for machine in self.machines.values())
            except HostUnreachable:
                return False

        wait_until(are_up, "both database servers being up", PACE.patience_seconds)


def open_by_deployment(site: Site) -> LabTestbed:
    """Nothing but the stack has ever brought anything into service."""
    site.tell("deploying the stack (sam deploy) while the machines boot")
    bed = site.deploy()
    site.tell("bringing db-01 into service")
    if speaks_statsd(site.product):
        bed.carry_statsd()
    bed.enter_service()
    return bed


@contextmanager
def running_site(
    directory: Path,
    images: Images,
    profile: Profile,
    tell: Tell,
    product: Path = deployment.REPOSITORY,
    shape: Shape = USUAL,
) -> Iterator[Site]:
    """Starts cloud and machines; at the end nothing of it runs. The stack of that working tree is to be deployed.

    Must run in a network namespace of its own. Raises DeploymentError, TimeoutError, HostError, NetworkError.
    """
    world = LabWorld(0, directory / "world")
    world.directory.mkdir(parents=True)
    tell("making the network")
    network.make_network()
    hosts.add_taps()
    specs = with_snapshots([hosts.make_spec(world.directory, name, images) for name in hosts.CABLING], tell)
    for spec in specs:
        hosts.make_data_disk(spec)
    tell("starting the local cloud")
    with running_cloud(
        world.directory,
        profile.name,
        host_factory="testbed.lab.host:lab_host",
        target_judge="testbed.lab.balancer:judge_targets",
        # What AWS checks is read more strictly today than when an older product's roles were written.
        enforces=product == deployment.REPOSITORY,
    ) as cloud:
        clients = Clients(Endpoint(cloud.endpoint_url))
        tell("making the Garoon installation: VPC, route tables, instances, load balancer")
        installation = make_installation(clients, world)
        _create_hosts(world, specs, installation, cloud.endpoint_url, shape)
        group = clients.elbv2.describe_target_groups(TargetGroupArns=[installation.target_group_arn])["TargetGroups"][0]
        servers = {name: server.address for name, server in installation.app_servers.items()}
        machines = {name: LabHost(world.directory / "hosts" / name) for name in (HOME, STANDBY)}
        try:
            with FollowedVpc(clients, installation, world) as vpc, running_balancer(world.directory, group, servers):
                site = Site(world, profile, clients, installation, vpc, machines, shape, product, tell)
                if shape.folders:
                    site.wait_until_up()
                    put_folders(machines.values(), shape)
                yield site
        finally:
            for settings_file in world.directory.glob("hosts/*/host.json"):
                LabHost(settings_file.parent).power_off()


@contextmanager
def running_lab(
    directory: Path,
    images: Images,
    profile: Profile,
    tell: Tell,
    product: Path = deployment.REPOSITORY,
    shape: Shape = USUAL,
) -> Iterator[LabTestbed]:
    """As `running_site`, with the stack deployed and db-01 in service."""
    with running_site(directory, images, profile, tell, product, shape) as site:
        yield open_by_deployment(site)


def _create_hosts(
    world: World, specs: list[MachineSpec], installation: Installation, url: str, shape: Shape = USUAL
) -> None:
    instance_ids = {node.name: node.instance_id for node in installation.nodes.values()}
    instance_ids |= {server.name: server.instance_id for server in installation.app_servers.values()}
    for spec in specs:
        hosts.create_host(
            world.directory,
            spec,
            instance_id=instance_ids[spec.name],
            cloud_endpoint=url,
            account=Endpoint(url).account,
            shape=shape,
        )
    create_reports(world.directory, (HOME, STANDBY))

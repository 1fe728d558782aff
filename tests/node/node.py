"""Runs the real script on simulated hosts, as Run Command does."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.cluster.report import RESULTS, ReportError
from testbed.cluster.report import parse_report as parse_line
from testbed.hosts import SimulatedHost

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "node/garoon-node.sh"
OTHER_ENGINE = REPOSITORY / "tests/node/engine_mirrorctl.sh"
VIRTUAL_IP = "10.1.0.10"
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Report:
    """The script's one line, and its exit code."""

    exit_code: int
    result: str
    code: str
    message: str
    clock: int
    status: dict[str, Any] | None
    probe: dict[str, Any] | None
    survey: dict[str, Any] | None
    stderr: str
    length: int

    @property
    def state(self) -> dict[str, Any]:
        assert self.status is not None, self
        return self.status

    @property
    def sight(self) -> dict[str, Any]:
        assert self.probe is not None, self
        return self.probe


def parse_report(exit_code: int, stdout: str, stderr: str) -> Report:
    """Fails unless standard output is exactly one line with one JSON object of the promised fields."""
    try:
        fields = parse_line(stdout)
    except ReportError as error:
        raise AssertionError(f"{error} On standard error: {stderr}") from error
    assert exit_code == RESULTS[fields["code"]][1], fields
    fields.pop("verb")
    return Report(exit_code=exit_code, stderr=stderr, length=len(stdout), **fields)


class Node:
    """A host with the script's verbs."""

    def __init__(self, host: SimulatedHost, peer: SimulatedHost, script: str | None = None) -> None:
        self.host = host
        self.script = script or SCRIPT.read_text()
        self.name = host.name
        self._peer = peer

    def run(self, verb: str, environment: dict[str, str] | None = None, /, **parameters: str) -> Report:
        variables = {f"SSM_{name}": value for name, value in parameters.items()}
        environment = {"SSM_Verb": verb, **variables, **(environment or {})}
        result = self.host.deliver(self.script, environment, DEADLINE_SECONDS * 3)
        assert not result.has_timed_out, result
        return parse_report(result.exit_code, result.stdout, result.stderr)

    def must(self, verb: str, **parameters: str) -> Report:
        report = self.run(verb, None, **parameters)
        assert (report.exit_code, report.result, report.code) == (0, "done", "done"), report
        return report

    def status(self) -> dict[str, Any]:
        return self.must("status").state

    def install(self, **changes: str) -> Report:
        return self.run("install", None, **{**self.install_parameters(), **changes})

    def install_parameters(self) -> dict[str, str]:
        own, peer = self.host.settings, self._peer.settings
        return {
            "ClusterName": "garoon",
            "NodeName": own.name,
            "Eth0Address": own.eth0_address,
            "Eth1Address": own.eth1_address,
            "PeerName": peer.name,
            "PeerEth0Address": peer.eth0_address,
            "PeerEth1Address": peer.eth1_address,
            "VirtualIp": VIRTUAL_IP,
            "PathPort": str(own.path_port),
            "ExportClients": "10.0.2.0/24,10.0.5.0/24",
            "WatchIntervalSeconds": "10",
        }

    def set_local(self, **settings: str) -> None:
        """Settings of garoon-node.local.conf."""
        path = self.host.files.root / "etc/garoon-node.local.conf"
        kept = [line for line in path.read_text().splitlines() if line.partition("=")[0] not in settings]
        path.write_text("".join(f"{line}\n" for line in [*kept, *(f'{k}="{v}"' for k, v in settings.items())]))

    def forget_local(self, *names: str) -> None:
        """Those settings are the stack's again."""
        path = self.host.files.root / "etc/garoon-node.local.conf"
        path.write_text(
            "".join(f"{line}\n" for line in path.read_text().splitlines() if line.split("=")[0] not in names)
        )

    def stop_watch(self) -> None:
        """From here the node outdates no replica of its own: the story is over before a real node would look."""
        self.host.deliver("systemctl stop garoon-node-watch.service", {}, DEADLINE_SECONDS)

    def say(self, port: int, line: str) -> str:
        """One line to a server of the node, after its greeting; its answer."""
        with socket.create_connection((self.host.settings.eth0_address, port), timeout=DEADLINE_SECONDS) as connection:
            stream = connection.makefile("rwb")
            if port == self.host.settings.database_port:
                stream.read(stream.read(4)[0])
            stream.write(f"{line}\n".encode())
            stream.flush()
            return stream.readline().decode().strip()


@dataclass(frozen=True)
class Cluster:
    """db-01 and db-02, installed."""

    first: Node
    second: Node

    @property
    def mirror(self) -> Any:
        return self.first.host.mirror

    def is_in_sync(self) -> bool:
        with self.mirror.changing() as pair:
            return all(replica.link == "connected" and replica.data == "current" for replica in pair.replicas.values())

    def start_resync(self, node: Node) -> None:
        """That node's replica is in the middle of a long resync, and its host shows it."""
        self.mirror.start_resync(node.name, seconds=600)
        if node.host.settings.engine == "drbd":
            drbd = node.host.files.root / "proc/drbd"
            wait_for("the resync being seen", lambda: "SyncTarget" in drbd.read_text())

    def activate(self, node: Node | None = None, epoch: str = "1") -> None:
        """Bring a node into service."""
        (node or self.first).must("promote", Epoch=epoch)
        (node or self.first).must("start", Epoch=epoch)


def wait_for(what: str, is_true: Callable[..., bool], *arguments: object) -> None:
    """Poll until it is so; fails after a deadline that only a broken system misses."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_true(*arguments):
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s: {what}"
        time.sleep(0.05)

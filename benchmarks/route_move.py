"""Moving the virtual IP's entry in N route tables: swap_route against the resource agent that a Pacemaker user runs.

All on one local cloud. swap_route runs as Lambda runs it, cold (a new process with the layer and the function) and warm
(a further invocation in it). The agent is `ocf:heartbeat:aws-vpc-move-ip` of Debian's resource-agents with Debian's AWS
CLI, called by hand as Pacemaker calls it; the instance's metadata and `ip`, which are not there, are answered by
stand-ins that take no time. `make bench-deps` installs both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.layer import ROOT
from testbed.cloud.launch import RunningCloud, running_cloud
from testbed.cloud.recorder import API_CALLS_FILE
from testbed.stack.endpoint import Clients, Endpoint

AGENT = Path("/usr/lib/ocf/resource.d/heartbeat/aws-vpc-move-ip")
AWS_CLI = Path("/usr/bin/aws")
VIRTUAL_IP = "10.1.0.10"
NODES = ("db-01", "db-02")
EXECUTION = "arn:aws:states:ap-northeast-1:000000000000:execution:garoon-failover:benchmark"
TABLE = "benchmark"
LATENCY_SECONDS = 0.1

MUTATING_BUCKET = (50, 5)
"""Tokens and refill a second of EC2's mutating actions, ReplaceRoute among them (EC2 Developer Guide, "Request
throttling for the Amazon EC2 API"). With it 500 tables take at least 90 s, which is what F5 documents for its own."""

_STAND_IN_CURL = """#!/bin/sh
case "$*" in
*api/token*) echo token ;;
*interface-id*) echo {interface} ;;
*) echo i-0123456789abcdef0 ;;
esac
"""
_STAND_IN_IP = """#!/bin/sh
case "$*" in
"-br link"*) echo "eth0 UP 02:00:00:00:00:01 <>" ;;
"addr show to"*) cat {state} ;;
"addr add"*) echo "inet $3" >{state} ;;
"addr delete"*) test -s {state} && : >{state} ;;
esac
"""


@dataclass(frozen=True)
class Move:
    """One contender's moves of the same number of tables."""

    contender: str
    tables: int
    seconds: list[float] = field(default_factory=list)
    calls: int = 0
    """AWS API calls of one move."""


@dataclass(frozen=True)
class Installation:
    """Route tables of one VPC, and the two interfaces that the virtual IP may point to."""

    cloud: RunningCloud
    clients: Clients
    interfaces: dict[str, str]
    tables: list[str]

    def owners(self, count: int) -> set[str | None]:
        """Which interfaces the virtual IP points to in the first `count` tables."""
        found: set[str | None] = set()
        for start in range(0, count, 100):
            ids = self.tables[start : min(start + 100, count)]
            for table in self.clients.ec2.describe_route_tables(RouteTableIds=ids)["RouteTables"]:
                routes = [each for each in table["Routes"] if each.get("DestinationCidrBlock") == f"{VIRTUAL_IP}/32"]
                found.add(routes[0].get("NetworkInterfaceId") if routes else None)
        return found

    def calls(self) -> int:
        return len((self.cloud.world_directory / API_CALLS_FILE).read_text().splitlines())


def is_agent_there() -> bool:
    return AGENT.exists() and AWS_CLI.exists()


@contextmanager
def installation(tables: int) -> Iterator[Installation]:
    """A cloud with so many tables, all pointing to db-01, and a cluster record whose lock the benchmark holds."""
    with tempfile.TemporaryDirectory(prefix="garoon-bench-") as world, running_cloud(Path(world)) as cloud:
        clients = Clients(Endpoint(cloud.endpoint_url))
        ec2 = clients.ec2
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        interfaces = {}
        for index, node in enumerate(NODES):
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24")["Subnet"]["SubnetId"]
            interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
            ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
            # A route to an interface without an instance would be a black hole.
            attached = {"DeviceIndex": 0, "NetworkInterfaceId": interface}
            image = "ami-0123456789abcdef0"
            ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[attached])  # type: ignore[list-item]
            interfaces[node] = interface
        ids = []
        for _ in range(tables):
            table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
            ec2.create_route(
                RouteTableId=table,
                DestinationCidrBlock=f"{VIRTUAL_IP}/32",
                NetworkInterfaceId=interfaces[NODES[0]],
            )
            ids.append(table)
        clients.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "clusterName", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "clusterName", "KeyType": "HASH"}],
        )
        item = {"clusterName": {"S": "garoon"}, "active": {"S": NODES[0]}, "epoch": {"N": "1"}}
        clients.dynamodb.put_item(TableName=TABLE, Item={**item, "lockOwner": {"S": EXECUTION}})
        yield Installation(cloud, clients, interfaces, ids)


def measure(installed: Installation, layer: Path, sizes: Sequence[int], runs: int) -> list[Move]:
    """swap_route, cold and warm, for each number of tables; the tables point to db-01 before and after."""
    moves = []
    for size in sizes:
        cold, warm = Move("swap_route, cold", size), Move("swap_route, warm", size)
        for _ in range(runs):
            # Whole processes are timed from outside; the same move within a warm one, from inside.
            cold.seconds.append(swap_route(installed, layer, size, [NODES[1]])[0])
            _, back = swap_route(installed, layer, size, [NODES[1], NODES[0]])
            warm.seconds.append(back)
        before = installed.calls()
        swap_route(installed, layer, size, [NODES[1]])
        calls = installed.calls() - before - _looks(size)
        swap_route(installed, layer, size, [NODES[0]])
        moves += [Move(cold.contender, size, cold.seconds, calls), Move(warm.contender, size, warm.seconds, calls)]
    return moves


def swap_route(installed: Installation, layer: Path, size: int, nodes: Sequence[str]) -> tuple[float, float]:
    """Invocations in one new process: seconds of the whole process without the further invocations, and of the last.

    Raises RuntimeError if not all tables point to the last node afterwards.
    """
    function = ROOT / "functions/swap_route"
    environment = {
        **installed.cloud.environment,
        **function_environment(installed.interfaces, installed.tables[:size]),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(function), str(layer))),
        "LAMBDA_TASK_ROOT": str(function),
    }
    script = ROOT / "benchmarks/swap_route_process.py"
    started = time.perf_counter()
    # -S: the environment that this benchmark runs in has packages which Lambda's has not. -B: a deployment takes
    # everything of a function's folder.
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-B", str(script), *nodes],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"swap_route failed:\n{done.stderr[-2000:]}")
    within: list[float] = json.loads(done.stderr.splitlines()[-1])
    _require(installed, size, nodes[-1])
    return seconds - sum(within[1:]), within[-1]


def run_agent(installed: Installation, size: int, node: str) -> float:
    """`aws-vpc-move-ip start` on a node that the tables do not point to yet. Raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        state = directory / "address"
        state.touch()
        _write_program(directory / "curl", _STAND_IN_CURL.format(interface=installed.interfaces[node]))
        _write_program(directory / "ip", _STAND_IN_IP.format(state=state))
        # Debian's AWS CLI is older than AWS_ENDPOINT_URL.
        url = installed.cloud.endpoint_url
        _write_program(directory / "aws", f'#!/bin/sh\nexec {AWS_CLI} --endpoint-url {url} "$@"\n')
        keys = "aws_access_key_id = 000000000000\naws_secret_access_key = local\n"
        (directory / "config").write_text(f"[default]\nregion = ap-northeast-1\n{keys}")
        environment = {
            **installed.cloud.environment,
            "AWS_CONFIG_FILE": str(directory / "config"),  # --profile, which it gives, wants one
            "PATH": f"{directory}:{os.environ['PATH']}",
            "OCF_ROOT": "/usr/lib/ocf",
            "HA_LOGFACILITY": "none",
            "OCF_RESKEY_awscli": str(directory / "aws"),
            "OCF_RESKEY_ip": VIRTUAL_IP,
            "OCF_RESKEY_routing_table": ",".join(installed.tables[:size]),
            "OCF_RESKEY_interface": "no-such-interface",  # its address comes from `ip` then
            "OCF_RESKEY_lookup_type": "NetworkInterfaceId",
        }
        started = time.perf_counter()
        done = subprocess.run([AGENT, "start"], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"The resource agent ended with {done.returncode}:\n{done.stderr[-2000:]}")
    _require(installed, size, node)
    return seconds


def measure_agent(installed: Installation, layer: Path, sizes: Sequence[int], runs: int) -> list[Move]:
    """The agent for each number of tables; the tables point to db-01 before and after."""
    moves = []
    for size in sizes:
        seconds = []
        for _ in range(runs):
            before = installed.calls()
            seconds.append(run_agent(installed, size, NODES[1]))
            calls = installed.calls() - before - _looks(size)
            swap_route(installed, layer, size, [NODES[0]])  # the agent would take as long for the way back
        moves.append(Move("aws-vpc-move-ip", size, seconds, calls))
    return moves


def _looks(size: int) -> int:
    """The benchmark's own calls to see whether a move was done."""
    return -(-size // 100)


def _require(installed: Installation, size: int, node: str) -> None:
    owners = installed.owners(size)
    if owners != {installed.interfaces[node]}:
        raise RuntimeError(f"Not all of {size} tables point to {node}: {owners}")


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def function_environment(interfaces: Mapping[str, str], tables: Sequence[str]) -> dict[str, str]:
    """What the stack gives to every function; tests/unit/test_settings.py says when something is missing."""
    return {
        "CLUSTER_NAME": "garoon",
        "CLUSTER_TABLE": TABLE,
        "HISTORY_TABLE": "history",
        "HISTORY_DAYS": "400",
        "NODE_A_NAME": NODES[0],
        "NODE_A_INSTANCE_ID": "i-0a",
        "NODE_A_ETH0_INTERFACE_ID": interfaces[NODES[0]],
        "NODE_A_ETH0_SUBNET_ID": "subnet-0a0",
        "NODE_A_ETH1_SUBNET_ID": "subnet-0a1",
        "NODE_A_DATA_VOLUME_ID": "vol-0a",
        "NODE_B_NAME": NODES[1],
        "NODE_B_INSTANCE_ID": "i-0b",
        "NODE_B_ETH0_INTERFACE_ID": interfaces[NODES[1]],
        "NODE_B_ETH0_SUBNET_ID": "subnet-0b0",
        "NODE_B_ETH1_SUBNET_ID": "subnet-0b1",
        "NODE_B_DATA_VOLUME_ID": "vol-0b",
        "VIRTUAL_IP": VIRTUAL_IP,
        "ROUTE_TABLE_IDS": ",".join(tables),
        "TARGET_GROUP_ARN": "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:targetgroup/app/1",
        "MINIMUM_HEALTHY_TARGETS": "1",
        "NODE_DOCUMENT": "garoon-node",
        "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:ap-northeast-1:000000000000:garoon",
        "CHAT_TOPIC_ARN": "arn:aws:sns:ap-northeast-1:123456789012:chat",
        "FAILOVER_STATE_MACHINE_ARN": "arn:aws:states:ap-northeast-1:000000000000:stateMachine:garoon-failover",
        "DEAD_LETTER_QUEUE_URL": "https://sqs.ap-northeast-1.amazonaws.com/000000000000/lost",
        "CONFIRM_FAILOVER": "Never",
        "CONFIRM_TIMEOUT_SECONDS": "600",
        "REPEAT_AFTER_MINUTES": "30",
        "RUNBOOK_URL": "docs",
        "RECOVERY_TIMEOUT_SECONDS": "1800",
        "RECOVERY_NOTICE_SECONDS": "60",
        "REPLICATION_PROTOCOL": "C",
        "REJOIN_POLICY": "OnStart",
        "START_IN_MAINTENANCE": "No",
        "FENCE_METHOD": "IsolateAndStop",
        "ISOLATION_ACL_ID": "acl-0",
        "FENCE_TIMEOUT_SECONDS": "300",
        "MINIMUM_FAILOVER_INTERVAL_SECONDS": "900",
        "ANSWER_TIMEOUT_SECONDS": "10",
        "WATCH_INTERVAL_SECONDS": "5",
        "POWERTOOLS_SERVICE_NAME": "swap_route",
        "POWERTOOLS_METRICS_NAMESPACE": "benchmark",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }


def bound_under_limit(tables: int) -> float:
    """The least seconds that the bucket allows."""
    capacity, refill = MUTATING_BUCKET
    return max(0.0, (tables - capacity) / refill)

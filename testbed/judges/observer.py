"""Watches the cluster from outside the controller: the hosts' own files, the AWS API, and the workflow's history."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import BotoCoreError, ClientError

from testbed.garoon.installation import CLUSTER, HOME, Installation, read_routes
from testbed.hosts.layout import RECOVERING, HostFiles, host_files, snapshot_directory
from testbed.hosts.mirror import Mirror, Pair, files_of
from testbed.judges.history import Call, Discard, Execution, HostState, Sample, Snapshot, Step
from testbed.stack.deployment import Stack
from testbed.stack.endpoint import Clients

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef, HistoryEventTypeDef

HOST_INTERVAL_SECONDS = 0.1
RECORD_INTERVAL_SECONDS = 0.4  # what a move writes there is overwritten by the next one
CLOUD_INTERVAL_SECONDS = 0.8
_deserialize = TypeDeserializer().deserialize
_log = logging.getLogger(__name__)


def read_hosts(world_directory: Path) -> dict[str, HostState]:
    """What each host really is now; nothing is asked of it, so a hung or unreachable host is read as well."""
    states = {}
    for name in Mirror(world_directory).read().replicas:
        files = host_files(world_directory, name)
        is_on = files.is_on()
        replicas = [pair.replicas[name] for pair in _pairs(world_directory, files)]
        # What one volume is worse in than the first, the pair is.
        replica = next((one for one in replicas if one.data != "current" or one.link != "connected"), replicas[0])
        states[name] = HostState(
            is_on=is_on,
            is_primary=is_on and any(one.role == "primary" for one in replicas),
            is_mounted=is_on and _is_mounted(files),
            has_services=is_on and any(files.service_mark(service).exists() for service in files.settings().services),
            has_database=is_on and _has_database(files),
            data=replica.data,
            link=replica.link,
            is_isolated=files.cut_off() >= {"eth0", "eth1"},
        )
    return states


def _pairs(world_directory: Path, files: HostFiles) -> list[Pair]:
    """Of each replicated volume."""
    return [Mirror(world_directory, number).read() for number in range(len(files.settings().mount_points))]


def _is_mounted(files: HostFiles) -> bool:
    try:
        mounts = (files.root / "proc/mounts").read_text()
    except FileNotFoundError:
        return False
    return any(f" {point} " in mounts for point in files.settings().mount_points)


def _has_database(files: HostFiles) -> bool:
    try:
        return files.service_mark(files.settings().database_service).read_text() != RECOVERING
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class CloudView:
    """What the AWS API says of the cluster at one moment."""

    active: str | None = None
    epoch: int = 0
    lock_owner: str | None = None
    last_outcome: Mapping[str, Any] | None = None
    instances: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str | None] = field(default_factory=dict)
    other_routes: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)


def read_cloud(clients: Clients, installation: Installation, stack: Stack) -> CloudView:
    """Asks DynamoDB, EC2 and ELB. Raises a boto3 error."""
    routes = read_routes(clients, installation)
    instances = {
        str(installation.node_of_instance(instance["InstanceId"])): instance["State"]["Name"]
        for reservation in clients.ec2.describe_instances(
            InstanceIds=[node.instance_id for node in installation.nodes.values()]
        )["Reservations"]
        for instance in reservation["Instances"]
    }
    servers = {server.instance_id: server.name for server in installation.app_servers.values()}
    health = clients.elbv2.describe_target_health(TargetGroupArn=installation.target_group_arn)
    targets = {
        servers[target["Target"]["Id"]]: str(target["TargetHealth"]["State"])
        for target in health["TargetHealthDescriptions"]
    }
    view = CloudView(
        instances=instances,
        routes={table: installation.node_of_interface(target) for table, target in routes.virtual_ip.items()},
        other_routes=routes.others,
        targets=targets,
    )
    return _with_record(view, read_record(clients, stack))


def _with_record(view: CloudView, record: Mapping[str, Any]) -> CloudView:
    return replace(
        view,
        active=record.get("active", HOME),  # as the controller sees a cluster on which it never ran
        epoch=int(record.get("epoch", 0)),
        lock_owner=record.get("lockOwner"),
        last_outcome=record.get("lastOutcome"),
    )


def read_record(clients: Clients, stack: Stack) -> dict[str, Any]:
    """The cluster record; empty before the controller's first execution."""
    item = clients.dynamodb.get_item(
        TableName=stack.cluster_table, Key={"clusterName": {"S": CLUSTER}}, ConsistentRead=True
    ).get("Item", {})
    return {name: _deserialize(value) for name, value in item.items()}


def list_executions(clients: Clients, stack: Stack, **filters: Any) -> list[ExecutionListItemTypeDef]:
    """The executions of all the stack's workflows. Raises a boto3 error."""
    paginator = clients.stepfunctions.get_paginator("list_executions")
    return [
        item
        for machine in stack.state_machines
        for page in paginator.paginate(stateMachineArn=machine, **filters)
        for item in page["executions"]
    ]


def read_discards(world_directory: Path, since: float) -> list[Discard]:
    """What resyncs overwrote that the other side lacked."""
    pairs = _pairs(world_directory, host_files(world_directory, HOME))
    found = [one for pair in pairs for one in pair.discarded]
    return [Discard(one["time"], one["node"], frozenset(one["files"])) for one in found if one["time"] >= since]


def read_snapshots(clients: Clients, installation: Installation, world_directory: Path) -> list[Snapshot]:
    """The snapshots of the nodes' volumes with the files that they hold. Raises a boto3 error."""
    nodes = {
        volume["VolumeId"]: name
        for volume in clients.ec2.describe_volumes()["Volumes"]
        for attachment in volume["Attachments"]
        if (name := installation.node_of_instance(attachment["InstanceId"])) is not None
    }
    found = clients.ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": list(nodes)}])["Snapshots"]
    return [
        Snapshot(
            snapshot["SnapshotId"],
            snapshot["StartTime"].timestamp(),
            nodes[snapshot["VolumeId"]],
            frozenset(files_of(snapshot_directory(world_directory, snapshot["SnapshotId"]))),
        )
        for snapshot in found
    ]


class Executions:
    """The workflows' executions since a moment, with their steps; finished ones are read once."""

    def __init__(self, clients: Clients, stack: Stack, since: float) -> None:
        self._clients = clients
        self._stack = stack
        self._since = since
        self._lock = threading.Lock()
        self._known: dict[str, Execution] = {}

    def refresh(self) -> list[Execution]:
        """All executions, first to last. Raises a boto3 error."""
        listed = list_executions(self._clients, self._stack)
        with self._lock:
            for item in listed:
                if item["startDate"].timestamp() < self._since:
                    continue
                known = self._known.get(item["executionArn"])
                if known is None or not known.is_over:
                    self._known[item["executionArn"]] = read_execution(self._clients, item["executionArn"])
            return sorted(self._known.values(), key=lambda execution: execution.started_at)


def read_execution(clients: Clients, arn: str) -> Execution:
    """One execution with its steps. Raises a boto3 error."""
    described = clients.stepfunctions.describe_execution(executionArn=arn)
    events: list[HistoryEventTypeDef] = []
    for page in clients.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn):
        events += page["events"]
    stopped = described.get("stopDate")
    return Execution(
        arn=arn,
        started_at=described["startDate"].timestamp(),
        ended_at=None if described["status"] == "RUNNING" or stopped is None else stopped.timestamp(),
        status=described["status"],
        input=_object(described.get("input")),
        output=_object(described.get("output")) if described["status"] == "SUCCEEDED" else _recorded_outcome(events),
        steps=read_steps(events),
    )


def read_steps(events: list[HistoryEventTypeDef]) -> list[Step]:
    """Each call of a function in an execution's history, with its state's name."""
    steps: list[Step] = []
    state = ""
    for event in events:
        at = event["timestamp"].timestamp()
        match event["type"]:
            case "TaskStateEntered":
                state = event["stateEnteredEventDetails"]["name"]
            case "TaskScheduled":
                steps.append(Step(state, at, None, function=event["taskScheduledEventDetails"]["resource"]))
            case "TaskSucceeded":
                steps[-1] = replace(steps[-1], ended_at=at)
            case "TaskFailed":
                steps[-1] = replace(steps[-1], ended_at=at, error=event["taskFailedEventDetails"].get("error", "?"))
            case "TaskTimedOut":
                steps[-1] = replace(steps[-1], ended_at=at, error="States.Timeout")
    return steps


def _recorded_outcome(events: list[HistoryEventTypeDef]) -> dict[str, Any]:
    # An execution that ends in a Fail state has no output: what it recorded is what its last step returned.
    state = ""
    for event in reversed(events):
        if event["type"] == "TaskStateExited":
            state = event["stateExitedEventDetails"]["name"]
        elif event["type"] == "TaskSucceeded" and state == "RecordOutcome":
            answer = _object(event["taskSucceededEventDetails"].get("output"))
            payload = answer.get("Payload", answer)
            return payload if isinstance(payload, dict) else _object(payload)
    return {}


def _object(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def read_calls(file: Path, stack: Stack, since: float) -> Iterator[Call]:
    """The controller's API calls since a moment: those made under one of the stack's roles."""
    if not file.exists():
        return
    with file.open() as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # being written
            entry = json.loads(line)
            if entry["time"] >= since and stack.is_controller(str(entry["caller"])):
                yield Call(
                    float(entry["time"]), entry["caller"], entry["service"], entry["action"], int(entry["status"]),
                    is_dry_run=entry.get("isDryRun", False),
                )  # fmt: skip


class Observer:
    """Takes samples on threads of its own while the context is open."""

    def __init__(
        self, clients: Clients, installation: Installation, stack: Stack, world_directory: Path, since: float
    ) -> None:
        self._clients = clients
        self._installation = installation
        self._stack = stack
        self._world_directory = world_directory
        self.executions = Executions(clients, stack, since)
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._one_look = threading.Lock()  # an older look must not be kept over a newer one
        self._samples: list[Sample] = []
        self._view = read_cloud(clients, installation, stack)
        self._outcomes: list[Mapping[str, Any]] = []
        self._known_executions: list[Execution] = []
        self._threads = [
            threading.Thread(target=self._repeat, args=(work, interval), name=work.__name__, daemon=True)
            for work, interval in (
                (self._look_at_hosts, HOST_INTERVAL_SECONDS),
                (self._look_at_record, RECORD_INTERVAL_SECONDS),
                (self.look_at_cloud, CLOUD_INTERVAL_SECONDS),
                (self._look_at_executions, CLOUD_INTERVAL_SECONDS),
            )
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @property
    def samples(self) -> list[Sample]:
        with self._lock:
            return list(self._samples)

    @property
    def view(self) -> CloudView:
        with self._lock:
            return self._view

    @property
    def recorded_outcomes(self) -> list[Mapping[str, Any]]:
        with self._lock:
            return list(self._outcomes)

    @property
    def known_executions(self) -> list[Execution]:
        """The executions as last looked at."""
        with self._lock:
            return list(self._known_executions)

    def sample_now(self) -> Sample:
        """A sample with everything read afresh. Raises a boto3 error."""
        view = read_cloud(self._clients, self._installation, self._stack)
        return self._sample(view)

    def _sample(self, view: CloudView) -> Sample:
        hosts = read_hosts(self._world_directory)
        return Sample(
            time.time(), hosts, view.active, view.epoch, view.lock_owner, view.instances, view.routes, view.targets
        )

    def _look_at_hosts(self) -> None:
        sample = self._sample(self.view)
        with self._lock:
            self._samples.append(sample)

    def look_at_cloud(self) -> None:
        """Looks once, now; beside that it is done all the time. Raises a boto3 error."""
        with self._one_look:
            self._keep(read_cloud(self._clients, self._installation, self._stack))

    def _look_at_record(self) -> None:
        with self._one_look:
            record = read_record(self._clients, self._stack)
            self._keep(_with_record(self.view, record))

    def _keep(self, view: CloudView) -> None:
        outcome = view.last_outcome
        with self._lock:
            self._view = view
            if outcome is not None and (not self._outcomes or self._outcomes[-1] != outcome):
                self._outcomes.append(outcome)

    def _look_at_executions(self) -> None:
        executions = self.executions.refresh()
        with self._lock:
            self._known_executions = executions

    def _repeat(self, work: Any, interval_seconds: float) -> None:
        while not self._is_over.is_set():
            started_at = time.monotonic()
            try:
                work()
            except (BotoCoreError, ClientError, OSError, ValueError):
                # The next look comes at once; one that fails says nothing about the cluster.
                _log.debug("A look at the cluster failed.", exc_info=True)
            self._is_over.wait(max(0.02, interval_seconds - (time.monotonic() - started_at)))

"""What was seen of a run from outside the controller: the material that the oracle judges and the timeline tells.

All times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from testbed.garoon.user import Visit
from testbed.stack.steps import CHANGING_STEPS

# AWS actions that change the cluster, as the record of API calls names them.
CHANGING_ACTIONS = frozenset(
    {
        "StopInstances",
        "StartInstances",
        "RebootInstances",
        "TerminateInstances",
        "CreateRoute",
        "ReplaceRoute",
        "DeleteRoute",
        "ModifyNetworkInterfaceAttribute",
        "ReplaceNetworkAclAssociation",
    }
)


@dataclass(frozen=True)
class HostState:
    """What a simulated host really is, read from its own files and not asked of it."""

    is_on: bool
    is_primary: bool
    is_mounted: bool
    has_services: bool
    data: str
    """Of its replica, as docs/replication.md has it, and so its link."""
    link: str = "unknown"
    has_database: bool = False
    """Its database takes connections."""
    is_isolated: bool = False
    """The cloud's network lets nothing through to or from it, on either interface."""

    @property
    def is_active(self) -> bool:
        """It is on, and it can serve, or write what others read. An isolated node can only write to itself."""
        return self.is_on and not self.is_isolated and (self.is_primary or self.is_mounted or self.has_services)


@dataclass(frozen=True)
class Sample:
    """The cluster at one moment."""

    time: float
    hosts: Mapping[str, HostState]
    active: str | None = None
    epoch: int = 0
    lock_owner: str | None = None
    instances: Mapping[str, str] = field(default_factory=dict)  # node -> EC2 state
    routes: Mapping[str, str | None] = field(default_factory=dict)  # App route table -> node
    targets: Mapping[str, str] = field(default_factory=dict)  # App server -> health

    def changes_since(self, earlier: Sample) -> list[str]:
        """What differs, in words; the lock, target health and transient states of hosts do not count."""
        changes = []
        if self.active != earlier.active or self.epoch != earlier.epoch:
            changes.append(f"the record went from {earlier.active}/{earlier.epoch} to {self.active}/{self.epoch}")
        for table, node in self.routes.items():
            if earlier.routes.get(table) != node:
                changes.append(f"the route in {table} went from {earlier.routes.get(table)} to {node}")
        for name, host in self.hosts.items():
            before = earlier.hosts[name]
            if _words(host) != _words(before):
                changes.append(f"{name} went from {_words(before)} to {_words(host)}")
        return changes


def _words(host: HostState) -> str:
    if not host.is_on:
        return "off"
    words = ["primary" if host.is_primary else "secondary"]
    words += ["mounted"] if host.is_mounted else []
    words += ["isolated"] if host.is_isolated else []
    return ", ".join(words)


@dataclass(frozen=True)
class Call:
    """One AWS API call, as the local cloud recorded it."""

    time: float
    caller: str
    service: str
    action: str
    status: int
    is_dry_run: bool = False
    """It only asked whether it would be carried out."""


@dataclass(frozen=True)
class Step:
    """One run of a Task state: from when its function was called until it answered (None: it did not)."""

    state: str
    started_at: float
    ended_at: float | None
    error: str | None = None
    function: str | None = None

    @property
    def is_done(self) -> bool:
        return self.ended_at is not None and self.error is None


@dataclass(frozen=True)
class Execution:
    """One execution of the workflow."""

    arn: str
    started_at: float
    ended_at: float | None
    status: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    steps: Sequence[Step] = ()

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @property
    def is_planned(self) -> bool:
        """An operator's move, and no answer to a failure."""
        return self.state_machine_arn.endswith("-switchback")

    @property
    def state_machine_arn(self) -> str:
        return self.arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]

    @property
    def was_cut_short(self) -> bool:
        """Somebody stopped it, or its time was over: it has no output, and record_abort records it as failed."""
        return self.status in ("ABORTED", "TIMED_OUT")

    @property
    def outcome(self) -> str | None:
        value = self.output.get("outcome", "Failed" if self.was_cut_short else None)
        return None if value is None else str(value)

    @property
    def verdict(self) -> str | None:
        value = self.output.get("verdict")
        return None if value is None else str(value)

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    @property
    def has_changed_something(self) -> bool:
        return any(step.state in CHANGING_STEPS for step in self.steps)


@dataclass(frozen=True)
class Discard:
    """Files of a node that a resync overwrote although its peer lacked them."""

    time: float
    node: str
    files: frozenset[str]


@dataclass(frozen=True)
class Snapshot:
    """An EBS snapshot of a node's data volume."""

    id: str
    time: float
    node: str
    files: frozenset[str]


@dataclass(frozen=True)
class Repeat:
    """What happened when something that was done already was done once more."""

    what: str
    changes: Sequence[str]
    errors: Sequence[str] = ()
    """Of a step that was called without its lock: the error that each call ended with, empty where there was none."""


@dataclass(frozen=True)
class History:
    """Everything seen in one run."""

    samples: Sequence[Sample]
    executions: Sequence[Execution]
    calls: Sequence[Call]  # the controller's only
    notifications: Sequence[Mapping[str, Any]]
    visits: Sequence[Visit]
    repeats: Sequence[Repeat] = ()
    recorded_outcomes: Sequence[Mapping[str, Any]] = ()  # lastOutcome as it stood in the record, first to last
    discards: Sequence[Discard] = ()
    snapshots: Sequence[Snapshot] = ()

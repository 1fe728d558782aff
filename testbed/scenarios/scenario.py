"""What a scenario is: a title, what is broken, and what must hold at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from testbed.garoon.installation import HOME
from testbed.scenarios.stage import Stage


class Service(StrEnum):
    """What the simulated user is to see."""

    KEPT = "kept"  # not one failed visit
    BACK = "back"  # served again at the end
    GONE = "gone"  # not served at the end: an operator is needed, and was told


class Fence(StrEnum):
    """Whether the controller may power a node off."""

    NEVER = "never"
    NEEDED = "needed"
    ALLOWED = "allowed"


@dataclass(frozen=True)
class Expectation:
    """How the scenario must end."""

    outcome: str
    """Outcome of the execution that dealt with what was broken."""
    verdict: str
    active: str = HOME
    """The node that is active in the record and the target of the virtual IP's routes."""
    moves: int = 0
    """How far the epoch has grown."""
    fence: Fence = Fence.NEVER
    instances_off: frozenset[str] = frozenset()
    """Nodes whose instance does not run at the end."""
    isolated: frozenset[str] = frozenset()
    """Nodes that are cut off at the end; every other node's network ACLs are as they were."""
    reason: str = ""
    """Words that the outcome's reason must have."""
    targets_down: frozenset[str] = frozenset()
    """App servers that are gone at the end."""
    is_served_before_the_end: bool = False
    """The user is served again while the execution still has something to do."""
    service: Service = Service.BACK
    others: frozenset[str] = frozenset({"NothingToDo", "Skipped", "Warned"})
    """Outcomes that other executions of the run may have."""
    decisive: int = 1
    """How many executions must have had the outcome (more only where the state stands and is looked at again)."""
    standby: str | None = None
    """The node that is an up-to-date standby at the end, where the scenario is about that."""
    is_data_discarded: bool = False
    """A resync overwrites what only the returning node held; the oracle sees to it that a snapshot has it."""
    snapshot_of: str | None = None
    """The node of whose volume the outcome names a snapshot."""
    may_lose_writes: bool = False
    """Replication is asynchronous: acknowledged memos may be missing at the end, and are counted."""
    is_decisive_only_once: bool = False
    """No second execution may have the outcome."""


@dataclass(frozen=True)
class Scenario:
    """One drill."""

    name: str
    title: str
    break_it: Callable[[Stage], None]
    expected: Expectation
    prepare: Callable[[Stage], None] | None = None
    """What is true before the user's story begins, such as a replica that lags."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Stack parameters that are other than deployed while it runs."""

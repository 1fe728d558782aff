"""What is known and what is said: immutable values that the steps hand to each other."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from failover.messages import NOTHING, Message


class Value(BaseModel):
    """Base of every model here: immutable, camelCase outside, unknown fields refused.

    Only our own code, which calls the class, may use Python's names; what comes from outside is validated, and has one
    name for each field. What the call says of that holds for the values inside, too (pydantic, "Alias").
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        return super().model_validate(obj, **{"by_alias": True, "by_name": False} | options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        return super().model_validate_json(json_data, **{"by_alias": True, "by_name": False} | options)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values with camelCase names: what a function returns."""
        return self.model_dump(mode="json", by_alias=True)


class Observed(Value):
    """Base of what others tell us (a node, AWS): fields that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore")


class Unknown(Value):
    """A look that failed, or a source that did not answer: says nothing about what was to be seen."""

    why: Message


# --- why an execution runs ---------------------------------------------------------------------------------------


Workflow = Literal["failover", "switchback", "rejoin"]


class Trigger(Value):
    """Why this execution was started. An operator may override what only binds the automatic."""

    kind: Literal["operator", "alarm", "instance", "schedule"]
    reason: Message
    accept_data_loss: bool = False
    node: str | None = None
    """The node that it is about: to become active (switchback), or whose instance runs (rejoin)."""
    peer_is_gone: str | None = None
    """The id of an instance of which an operator says that it is gone for good."""

    @property
    def is_automatic(self) -> bool:
        return self.kind != "operator"


# --- the cluster record ------------------------------------------------------------------------------------------


class Fence(Value):
    """A fence that was begun: what it changed, so that it can be put back, and how far it is proven."""

    model_config = ConfigDict(extra="ignore")

    node: str
    execution: str
    """ARN of the execution that fenced it last."""
    instance_id: str | None = None
    """The instance that was fenced; what is proven of it says nothing of the one that takes its place."""
    volume_id: str | None = None
    """Its data volume, or several separated by commas, which hold what it wrote before."""
    is_off_proven: bool = False
    """EC2 said `stopped` or `terminated` since. Until then the node may still write to itself."""
    acls: dict[str, str] = Field(default_factory=dict)
    """The network ACL that each isolated subnet had before, by the subnet's id; empty if only the stop fences."""

    def proves_off(self, instance_id: str) -> bool:
        """That very instance was off since it was fenced."""
        return self.is_off_proven and self.instance_id == instance_id

    def covers(self, instance_id: str, volume_id: str) -> bool:
        """The node's machine or its data is still the one that was fenced."""
        if self.volume_id is None or self.instance_id in (None, instance_id):
            return True
        return not {*self.volume_id.split(",")}.isdisjoint(volume_id.split(","))


class KeptData(Value):
    """Where a node's data was kept before it was to be overwritten."""

    model_config = ConfigDict(extra="ignore")

    node: str
    execution: str
    snapshot_id: str


UNTIL_ENDED = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a maintenance that has none: the one in which a stack was deployed."""


def until_words(end: datetime | None) -> str:
    """Until when maintenance lasts."""
    return Message("maintenance.until-ended") if end == UNTIL_ENDED else f"{end:%Y-%m-%d %H:%M} UTC"


class ClusterRecord(Value):
    """The one item in the cluster table. Only adapters.cluster_table writes it, by conditional writes."""

    model_config = ConfigDict(extra="ignore")

    active: str
    epoch: int
    moving_to: str | None = None
    moved_by: str | None = None
    fence: Fence | None = None
    gone_instances: frozenset[str] = frozenset()
    """Ids of instances that EC2 called terminated, or of which an operator said so once EC2 knew them no more."""
    kept_data: KeptData | None = None
    lock_owner: str | None = None
    lock_expires_at: AwareDatetime | None = None
    last_failover_at: AwareDatetime | None = None
    declined_at: AwareDatetime | None = None  # an operator said no to a failover
    unanswered_at: AwareDatetime | None = None  # nobody confirmed one in time
    maintenance_until: AwareDatetime | None = None
    last_outcome: dict[str, Any] | None = None

    def maintenance_end(self, now: datetime) -> datetime | None:
        """Until when maintenance is on; None if it is not on at that moment."""
        end = self.maintenance_until
        return end if end is not None and now < end else None

    def was_proven_off(self, instance_id: str) -> bool:
        """It is on record that the instance is gone, or was off since it was fenced: said of no other id."""
        is_fence_proof = self.fence is not None and self.fence.proves_off(instance_id)
        return instance_id in self.gone_instances or is_fence_proof


class Lock(Value):
    """What acquire_lock returns: the lock is ours, and this is the cluster as the record has it."""

    trigger: Trigger
    record: ClusterRecord
    standby: str


# --- what a node says of itself and of its peer ------------------------------------------------------------------


_FIRST_STALLING_BUILD, _LAST_STALLING_BUILD = 300_052, 300_070


class Replication(Observed):
    """State of the node's replica, in the product's words whatever replicates it: docs/replication.md has each.

    An answer in other words, such as a script's of before, is none: for as long as an update takes it is not known how
    the node is.
    """

    role: Literal["primary", "secondary", "unknown"]
    link: Literal["connected", "resyncing", "waiting", "apart", "unknown"]
    data: Literal["current", "stale", "unusable", "unknown"]
    sync_percent: float | None = None
    protocol: str | None = None
    """As it runs, in the words of ReplicationProtocol; None where the node does not say."""

    @property
    def is_connected(self) -> bool:
        """Each write goes to the peer, and nothing is being caught up with."""
        return self.link == "connected"

    @property
    def is_linked(self) -> bool:
        """In touch with its peer, if only to be resynchronised."""
        return self.link in ("connected", "resyncing")

    @property
    def is_current(self) -> bool:
        return self.data == "current"

    @property
    def words(self) -> Message:
        """E.g. "resyncing, data stale, 42 % synchronised"."""
        code, percent = (
            "replication.words" if self.sync_percent is None else "replication.syncing",
            self.sync_percent or 0,
        )
        return Message(code, link=_words_of("link", self.link), data=_words_of("data", self.data), percent=percent)


ServiceState = Literal["running", "starting", "stopped", "unknown"]
"""Of a service on a node. A database that recovers is starting: its process lives and does not answer yet."""


def may_agent_stall(version: str) -> bool:
    """A quiet log stream may stop for ever (amazon-cloudwatch-agent, release notes of 1.300071.0)."""
    build = re.match(r"1\.(\d+)", version)
    return build is not None and _FIRST_STALLING_BUILD <= int(build[1]) <= _LAST_STALLING_BUILD


class CloudWatchAgent(Observed):
    """What carries the node's metrics and signs, as the node sees it."""

    version: str
    """As its package has it, e.g. "1.300071.0b1889"; empty where none is installed."""
    is_running: bool | None
    has_our_part: bool
    """Its configuration holds what `install` puts there."""

    @property
    def may_stall(self) -> bool:
        return may_agent_stall(self.version)


class NodeStatus(Observed):
    """Answer of `garoon-node status`; node/garoon-node.sh documents each field.

    None is a look that failed, as "unknown" is for the role: it says nothing, and nothing is judged by it.
    """

    node: str
    version: str
    epoch: int
    booted_at: int
    replication: Replication
    is_mounted: bool | None
    is_writable: bool | None
    services: dict[str, ServiceState]
    database_answers: bool | None
    nfs_answers: bool | None
    is_exported: bool | None
    has_virtual_ip: bool | None
    is_serving: bool | None
    """All of these, and primary; None if nothing is known to be amiss but something could not be seen."""
    was_active: bool
    """It was active last, as far as it knows: a node that went down while it was active says so when it is back."""
    is_unreplicated: bool
    """It was demoted while it was out of touch with its peer."""
    answering_version: str | None = None
    """Digest of the script that gave this answer, over Run Command. `version` is the installed one's."""
    are_services_enabled_at_boot: bool | None = None
    is_mounted_by_fstab: bool | None = None
    unwritable: tuple[str, ...] | None = None
    """Directories that its orders must be able to write to, and that take no write."""
    clock: int | None = None
    """Unix seconds, when it answered."""
    missing_hosts: list[str] | None = None
    """The nodes' own addresses that its /etc/hosts does not name."""
    instance_id: str = Field(default="", pattern=r"^(i-[0-9a-f]{1,17})?$")
    """Of the machine that answered, by its firmware or the metadata service; empty where it cannot be learned."""
    agent: CloudWatchAgent | None = None
    only_warning: tuple[str, ...] = ()
    """Services whose state does not count for `is_serving`."""
    configured: dict[str, str] | None = None
    """What it goes by, named and written as the stack's parameters: Services, Exports, DatabasePort, FurtherVolumes."""

    @property
    def may_be_ahead(self) -> bool:
        """It may hold writes that nobody else has: its data must be kept before it is overwritten."""
        is_apart = self.replication.link == "apart"
        return self.is_demoted and (self.was_active or self.is_unreplicated or is_apart)

    @property
    def is_up_to_date_standby(self) -> bool:
        is_in_sync = self.replication.is_connected and self.replication.is_current
        return self.is_demoted and is_in_sync and not self.may_be_ahead

    @property
    def is_demoted(self) -> bool:
        """The proof that this node neither writes nor serves: a secondary replica, not mounted."""
        return self.replication.role == "secondary" and self.is_mounted is False

    @property
    def is_role_seen(self) -> bool:
        """Whether it is demoted is known: what a role may be judged by."""
        return self.replication.role != "unknown" and self.is_mounted is not None

    def failing_parts(self) -> Message:
        """What keeps it from serving, e.g. "cyde_5_0 is stopped, the database does not answer"."""
        parts = [Message("node.not-mounted")] if self.is_mounted is False else []
        if self.is_mounted and self.is_writable is False:
            parts.append(Message("node.takes-no-write"))
        parts += [
            Message(f"node.service-{state}", service=name)
            for name, state in self._needed().items()
            if state in ("starting", "stopped")
        ]
        if self.database_answers is False:
            parts.append(Message("node.database-silent"))
        if self.is_exported is False:
            parts.append(Message("node.exports-missing"))
        elif self.nfs_answers is False:
            parts.append(Message("node.nfs-silent"))
        if self.has_virtual_ip is False:
            parts.append(Message("node.no-virtual-ip"))
        return Message("node.parts", parts=parts) if parts else Message("node.nothing-wrong")

    def unseen_parts(self) -> Message:
        """What its looks could not see, e.g. "its replica's role, the virtual IP"; empty if they saw everything."""
        looks = {
            "mount": self.is_mounted,
            "writable": self.is_writable,
            "database": self.database_answers,
            "nfs": self.nfs_answers,
            "exports": self.is_exported,
            "virtual-ip": self.has_virtual_ip,
        }
        unseen: list[str] = [] if self.replication.role != "unknown" else [Message("node.unseen.role")]
        unseen += [name for name, state in self._needed().items() if state == "unknown"]
        unseen += [Message(f"node.unseen.{what}") for what, found in looks.items() if found is None]
        return Message("node.parts", parts=unseen) if unseen else NOTHING

    def _needed(self) -> dict[str, ServiceState]:
        return {name: state for name, state in self.services.items() if name not in self.only_warning}


class PeerPaths(Observed):
    """Whether the peer answers on each of the two networks. Both are looked at, or it is no look; None: it failed."""

    eth0: bool | None
    eth1: bool | None

    @property
    def lost(self) -> list[str]:
        """Those that are known not to carry anything."""
        return [name for name, is_alive in (("eth0", self.eth0), ("eth1", self.eth1)) if is_alive is False]


class PeerProbe(Observed):
    """Answer of `garoon-node probe`: what a node sees of its peer."""

    peer: str
    database: Literal["answers", "blocked", "silent", "unreachable", "unknown"]
    """blocked: it answers that it refuses this host, for connections that were interrupted."""
    nfs: Literal["answers", "silent", "unreachable", "unknown"]
    paths: PeerPaths
    """"unknown" and None: the look itself failed."""

    @property
    def sees_services(self) -> bool | None:
        """None: it could not see enough to say."""
        if self.database in ("answers", "blocked") and self.nfs == "answers":
            return True
        is_one_down = {self.database, self.nfs} & {"silent", "unreachable"}
        return False if is_one_down else None

    @property
    def sees_anything(self) -> bool | None:
        """A service of the peer takes a connection, or it answers on a path. None: it is not known that none does."""
        if self.paths.eth0 or self.paths.eth1 or {self.database, self.nfs} & {"answers", "blocked", "silent"}:
            return True
        is_unseen = self.database == self.nfs == "unreachable" and self.paths.lost == ["eth0", "eth1"]
        return False if is_unseen else None


# --- evidence ----------------------------------------------------------------------------------------------------


@cache
def _words_of(what: str, value: str) -> Message:
    return Message(f"{what}.{value.replace(' ', '-')}")


class InstanceState(StrEnum):
    """What EC2 says of the instance. Only OFF and GONE prove anything."""

    ON = "on"  # pending, running
    GOING_OFF = "going off"  # stopping, shutting-down
    OFF = "off"  # stopped
    GONE = "terminated"
    FORGOTTEN = "not known to EC2"  # an hour after it was terminated, or because the id is not right
    UNKNOWN = "unknown"

    @property
    def is_off(self) -> bool:
        """It runs nothing, for certain."""
        return self in (InstanceState.OFF, InstanceState.GONE)

    @property
    def words(self) -> Message:
        """What EC2 says of the machine, e.g. "stopped"."""
        return _words_of("instance", self)


class StatusChecks(StrEnum):
    """EC2's system, instance and attached-EBS status checks together."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Answer(StrEnum):
    """What came back from asking the node for its status over Run Command."""

    SERVING = "serving"  # primary, and every service answers
    NOT_SERVING = "not serving"  # primary, mounted or in between, but something is down
    DEMOTED = "demoted"  # secondary, not mounted
    NONE = "no answer"  # it was asked, and did not answer within the time limit
    UNKNOWN = "unknown"  # it could not be asked: says nothing about the node

    @property
    def words(self) -> Message:
        return _words_of("answer", self)


class Replica(StrEnum):
    """Whether the node's copy may be promoted."""

    UP_TO_DATE = "up to date"
    STALE = "not up to date"
    UNUSABLE = "without a usable copy"
    UNKNOWN = "unknown"

    @property
    def words(self) -> Message:
        return _words_of("replica", self)


class PeerView(StrEnum):
    """What the standby sees of the active node's services."""

    SERVES = "serves"
    DOES_NOT_SERVE = "does not serve"
    UNKNOWN = "unknown"


class Routes(StrEnum):
    """Where the virtual IP's routes point, compared with the active node's eth0."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"

    @property
    def words(self) -> Message:
        return _words_of("routes", self)


class AutomaticLimit(StrEnum):
    """Why nothing automatic may move the active role now."""

    NONE = "none"
    MAINTENANCE = "maintenance"
    INTERVAL = "interval"
    DECLINED = "declined"
    UNANSWERED = "unanswered"


class NodeEvidence(Value):
    """All that independent sources say of one node."""

    name: str
    instance_id: str = ""
    instance: InstanceState
    checks: StatusChecks
    answer: Answer
    replica: Replica
    detail: Message = NOTHING
    protocol: str | None = None
    """Of its replication, as it runs or, without its peer, ran last."""
    unwritable: str = ""
    """Directories that a promotion and a start write to, and that take no write."""
    is_up_to_date_standby: bool = False
    """Demoted, up to date, and its peer replicates to it now."""
    must_be_kept: bool = False
    """It was fenced, or may hold writes that nobody else has: its data is kept before it is overwritten."""
    is_isolated: bool | None = False
    """Its fence isolated it, and both its subnets still have the network ACL that denies everything; None: it is not
    known."""

    @property
    def is_down(self) -> bool:
        """It is off, or it was asked and is silent."""
        return self.instance.is_off or self.answer is Answer.NONE

    @property
    def is_primary(self) -> bool:
        return self.answer in (Answer.SERVING, Answer.NOT_SERVING)

    @property
    def trouble(self) -> Message:
        """Of one that does not serve: what is down."""
        return self.detail or Message("node.a-service-is-down")

    @property
    def why_unknown(self) -> Message:
        """Why it is not known how it is. A sentence without its full stop."""
        if self.detail:
            return Message("node.could-not-say", node=self.name, detail=self.detail)
        return Message("node.could-not-be-asked", node=self.name)

    @property
    def if_gone(self) -> Message:
        """What an operator may say of an instance that EC2 does not know; empty for any other."""
        if self.instance is not InstanceState.FORGOTTEN:
            return NOTHING
        return Message("decision.not-known-to-ec2", instance=self.instance_id)


class Evidence(Value):
    """Everything that the decision looks at."""

    active: NodeEvidence
    standby: NodeEvidence
    is_heartbeat_lost: bool | None  # of the active node; None is unknown
    was_replicating: bool | None  # the active node's last word about its replica; None is unknown
    standby_view: PeerView
    routes: Routes
    is_move_unfinished: bool  # an earlier execution began to promote the standby, and did not record its end
    limit: AutomaticLimit
    is_data_loss_accepted: bool = False

    @property
    def why_demoted(self) -> Message:
        """Of an active node that is demoted: how it came to be so, as far as it is known."""
        is_open, name = self.is_move_unfinished, self.standby.name
        return Message("node.move-did-not-end", standby=name) if is_open else Message("node.as-after-a-reboot")


class Verdict(StrEnum):
    """What to do. Each state machine has one way for each that it can come to."""

    NOTHING_TO_DO = "nothingToDo"
    WARN = "warn"
    REPAIR_ROUTES = "repairRoutes"
    RESTART_SERVICES = "restartServices"
    RESUME_ACTIVE = "resumeActive"
    FAIL_OVER = "failOver"
    SWITCH_OVER = "switchOver"
    REJOIN = "rejoin"
    HALT = "halt"
    NOT_YET = "notYet"


class Decision(Value):
    """A verdict and the reason for it, one sentence for the operator."""

    verdict: Verdict
    reason: Message
    next_step: Message = NOTHING
    why_no_move: Message = NOTHING  # with RESTART_SERVICES, RESUME_ACTIVE: why the role may not move after that
    is_standby_fenced_first: bool = False  # with RESUME_ACTIVE: the other node is dead, and may be promoted
    protocol: str | None = None  # of the replication as it runs; None is unknown
    is_rejoin_first: bool = False  # with SWITCH_OVER: the target is not an up-to-date standby yet
    accepted_loss: Message = NOTHING  # with a move: what an operator accepted, and would have kept it from being made
    is_data_loss_in_the_way: bool = False  # nothing but this keeps the role from moving: acceptDataLoss would do it
    is_for_failover: bool = False  # the next step is to start the failover workflow, whichever one said this
    is_move_over: bool = False  # an earlier move is on record as begun, and its active node serves all the same
    is_data_kept_first: bool = False  # with a rejoin: the node's data must be kept before it is overwritten


class Confirmation(Value):
    """Whether an operator is asked before the role moves, and how long there is for an answer."""

    is_needed: bool
    timeout_seconds: int


class Assessment(Value):
    """What assess_cluster returns."""

    decision: Decision
    evidence: Evidence
    confirmation: Confirmation


# --- how an execution ended --------------------------------------------------------------------------------------


class OutcomeKind(StrEnum):
    """How an execution ended."""

    NOTHING_TO_DO = "NothingToDo"
    WARNED = "Warned"
    ROUTES_REPAIRED = "RoutesRepaired"
    SERVICES_RESTARTED = "ServicesRestarted"
    RESUMED = "Resumed"
    FAILED_OVER = "FailedOver"
    MOVED = "Moved"
    SWITCHED_OVER = "SwitchedOver"
    REJOINED = "Rejoined"
    RESTORED = "Restored"
    SKIPPED = "Skipped"
    HALTED = "Halted"
    REFUSED = "Refused"
    FAILED = "Failed"


class Fenced(Value):
    """What fence_node proved, and confirm_stop after it."""

    node: str
    proof: Message
    """What it was proven by first."""
    is_off: bool
    """EC2 said that the instance is stopped or terminated; an isolated one may still be on."""
    why_not_isolated: Message = NOTHING
    """Why an isolation that was wanted is not what proved it. A sentence without its full stop."""


class Said(Value):
    """Reason and next step as data: what a program compares, and what is said in another language."""

    reason: Message
    next_step: Message


class Outcome(Value):
    """The end of an execution: recorded, published, and the execution's output."""

    outcome: OutcomeKind
    verdict: Verdict | None
    reason: str
    """In English, as `next_step`."""
    next_step: str
    said: Said | None = None
    """None in a record of a version that knew sentences only."""
    active_before: str | None
    active_after: str | None
    epoch_before: int | None
    epoch_after: int | None
    execution: str
    started_at: datetime
    ended_at: datetime
    accepted_loss: Message | None = None
    """What an operator's acceptDataLoss let happen: why data was lost. None if the role moved without it."""
    outage_seconds: float | None = None
    """Of a planned move: from when the services were told to stop until the routes pointed to the new active node."""
    snapshot_id: str | None = None
    """EBS snapshot of the data that a rejoining node held before it was overwritten."""

    @property
    def messages(self) -> Said:
        """Reason and next step, each with its code where it has one."""
        return self.said or Said(reason=Message.of(self.reason), next_step=Message.of(self.next_step))


# --- would it work? ----------------------------------------------------------------------------------------------

REHEARSAL: dict[str, Any] = {"rehearse": True}
"""The one input that every function takes: see whether it would work, and change nothing."""


class Rehearsed(Value):
    """What a function says to a rehearsal."""

    troubles: list[str]
    """What would keep it from its work, a sentence each; empty if nothing would."""


class Rehearsal(Value):
    """What all of them said."""

    troubles: dict[str, list[str]]
    """By step; those of which nothing is wrong are left out."""

"""Would a failover work right now? A pure function: evidence in, findings out, one small predicate for each finding.

A predicate returns its finding or None. What could not be seen is a finding of its own, as grave as what it may hide;
the predicates pass over it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from pydantic import AwareDatetime

from failover.adapters.alarms import Alarm
from failover.adapters.routes import Interface, RouteEntry
from failover.adapters.snapshots import DataVolume, why_not_kept
from failover.adapters.targets import TargetCheck, TargetHealth
from failover.errors import as_sentence
from failover.finding import Finding, Severity
from failover.messages import Message
from failover.models import (
    Answer,
    ClusterRecord,
    InstanceState,
    NodeStatus,
    PeerProbe,
    Rehearsal,
    StatusChecks,
    Unknown,
    Value,
    until_words,
)
from failover.node_answers import NodeSurvey
from failover.node_script import DIGEST
from failover.proof import NotProven, Proof, Proven
from failover.readiness_services import (
    configuration_differs,
    export_missing_on_standby,
    port_differs,
    service_missing,
    service_not_configured,
    service_stopped,
    services_start_at_boot,
)
from failover.settings import ConfirmFailover, FenceMethod, ReplicationProtocol, Settings
from failover.triggers import ACTING_ALARMS

_NEEDED_ALARMS = (*ACTING_ALARMS, "replication-degraded")
ALARMS_OF_A_NODE = (*_NEEDED_ALARMS, "peer-lost", "eth0-path-lost", "eth1-path-lost", "service-stopped")
ALARMS_OF_THE_CLUSTER = ("event-not-delivered", "not-ready", "readiness-silent", "watch-silent")
_NEEDED_RULES = ("acting-alarm", "instance-went-off", "watch-cluster")
RULES = (
    *_NEEDED_RULES,
    "record-abort",
    "check-readiness",
    "health-event",
    "record-execution",
    "record-executions",
    "remind",
)
"""What the stack's alarms and rules are named after the names of cluster and node; a test holds template.yaml to it."""

CLOCK_TOLERANCE_SECONDS = 10

LONGEST_UNTIL_HEALTHY_SECONDS = 60
"""The outage goal's share for the load balancer: how long it may take to see that a target serves again."""


class ReadinessEvidence(Value):
    """What every source said. Mappings have the names of nodes, alarms or RULES as keys."""

    now: AwareDatetime
    """Before anybody was asked."""
    nodes_said_at: AwareDatetime
    """When the statuses were there; none is older than `now`."""
    settings: Settings
    record: ClusterRecord | Unknown
    is_lock_owner_over: bool | Unknown | None
    """Whether the execution that holds the lock has ended; None if nobody holds it."""
    machines: dict[str, tuple[InstanceState, StatusChecks] | Unknown]
    statuses: dict[str, NodeStatus | Answer | Unknown]
    """Answer.NONE: the node was asked, and is silent."""
    probes: dict[str, PeerProbe | Answer | Unknown]
    surveys: dict[str, NodeSurvey | Answer | Unknown]
    """Of the nodes that were asked for one."""
    interfaces: dict[str, Interface | Unknown]
    volumes: dict[str, tuple[DataVolume, ...] | Unknown]
    """Each node's data volume."""
    isolated_subnets: dict[str, list[str] | Unknown]
    """Those of the node's subnets that have the network ACL which denies everything."""
    alone: dict[str, Proof | Unknown]
    """Whether isolating its subnets would cut off the node, and it alone."""
    isolation_acl: Proof | Unknown
    """Whether the network ACL that isolates denies everything."""
    stop_protection: dict[str, bool | Unknown]
    """Whether EC2 refuses to stop the instance."""
    hibernation: dict[str, bool | Unknown]
    """Whether the instance can be hibernated."""
    routes: list[RouteEntry] | Unknown
    unconfigured_tables: list[str] | Unknown
    targets: list[TargetHealth] | Unknown
    target_check: TargetCheck | Unknown
    alarms: dict[str, Alarm] | Unknown
    muted_alarms: list[str] | Unknown
    """Those that a mute rule of CloudWatch's mutes now."""
    rules: dict[str, bool | Unknown]
    """Whether each rule is on."""
    undelivered: int | Unknown
    subscribers: int | Unknown
    """Confirmed subscriptions of the topic."""
    rehearsal: Rehearsal | Unknown | None
    """None: it was not asked for."""

    @property
    def active(self) -> str | None:
        """None if the record could not be read."""
        return None if isinstance(self.record, Unknown) else self.record.active

    @property
    def standby(self) -> str | None:
        return None if self.active is None else self.settings.peer_of(self.active).name

    def is_on(self, node: str) -> bool | None:
        machine = self.machines[node]
        if isinstance(machine, Unknown) or machine[0] is InstanceState.FORGOTTEN:
            return None
        return machine[0] is InstanceState.ON

    def status(self, node: str | None) -> NodeStatus | None:
        """What the node says of itself, if it does."""
        status = None if node is None else self.statuses[node]
        return status if isinstance(status, NodeStatus) else None

    def survey(self, node: str | None) -> NodeSurvey | None:
        """What is on the node, if it says so."""
        survey = None if node is None else self.surveys.get(node)
        return survey if isinstance(survey, NodeSurvey) else None

    def can_isolate(self, node: str) -> bool:
        """As far as it is known, the node's fence need not wait for its stop."""
        return (
            self.settings.fence_method is FenceMethod.ISOLATE_AND_STOP
            and isinstance(self.isolation_acl, Proven)
            and isinstance(self.alone[node], Proven)
        )

    def alarm(self, node: str, what: str) -> Alarm | None:
        return None if isinstance(self.alarms, Unknown) else self.alarms.get(self.settings.alarm_name(node, what))


def alarm_names(settings: Settings) -> list[str]:
    """Every alarm that the stack should have."""
    return [
        *(settings.alarm_name(node.name, what) for node in settings.nodes for what in ALARMS_OF_A_NODE),
        *(settings.own_name(what) for what in ALARMS_OF_THE_CLUSTER),
    ]


def judge_readiness(evidence: ReadinessEvidence) -> list[Finding]:
    """Every finding, the gravest first. Never raises, never looks at anything but its argument."""
    nodes = [node.name for node in evidence.settings.nodes]
    found = [*_judge_unknowns(evidence)]
    found += [finding for judge in _OF_THE_CLUSTER if (finding := judge(evidence))]
    found += [finding for judge in _OF_A_NODE for node in nodes if (finding := judge(evidence, node))]
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def is_ready(findings: Sequence[Finding]) -> bool:
    """No finding is critical."""
    return all(finding.severity is not Severity.CRITICAL for finding in findings)


def summarize(findings: Sequence[Finding]) -> Message:
    """One sentence for the operator."""
    critical = [finding for finding in findings if finding.severity is Severity.CRITICAL]
    if len(critical) > 1:
        return Message("ready.would-not-work-and-more", finding=critical[0].meaning, count=len(critical) - 1)
    if critical:
        return Message("ready.would-not-work", finding=critical[0].meaning)
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    return Message("ready.with-warnings", count=warnings) if warnings else Message("ready.would-work")


# --- what could not be seen --------------------------------------------------------------------------------------

_SOURCES = {
    "record": Severity.CRITICAL,
    "is_lock_owner_over": Severity.WARNING,
    "machines": Severity.CRITICAL,
    "statuses": Severity.CRITICAL,
    "probes": Severity.CRITICAL,
    "surveys": Severity.WARNING,
    "interfaces": Severity.CRITICAL,
    "volumes": Severity.CRITICAL,
    "isolated_subnets": Severity.CRITICAL,
    "alone": Severity.WARNING,
    "isolation_acl": Severity.WARNING,
    "stop_protection": Severity.WARNING,
    "hibernation": Severity.CRITICAL,
    "routes": Severity.CRITICAL,
    "unconfigured_tables": Severity.CRITICAL,
    "targets": Severity.CRITICAL,
    "target_check": Severity.WARNING,
    "alarms": Severity.CRITICAL,
    "rules": Severity.CRITICAL,
    "muted_alarms": Severity.WARNING,
    "undelivered": Severity.WARNING,
    "subscribers": Severity.WARNING,
    "rehearsal": Severity.CRITICAL,
}


def _judge_unknowns(evidence: ReadinessEvidence) -> Iterator[Finding]:
    for source, severity in _SOURCES.items():
        answer, what = getattr(evidence, source), Message(f"source.{source.replace('_', '-')}")
        parts = answer if isinstance(answer, dict) else {"": answer}
        for about, part in parts.items():
            if isinstance(part, Unknown):
                yield Finding(
                    id=f"unknown-{source.replace('_', '-')}",
                    about=about,
                    severity=severity,
                    meaning=Message("finding.unknown-of", what=what, about=about, why=as_sentence(part.why))
                    if about
                    else Message("finding.unknown", what=what, why=as_sentence(part.why)),
                    action=Message("action.unknown"),
                )


# --- record and roles --------------------------------------------------------------------------------------------


def _execution_at_work(evidence: ReadinessEvidence) -> Finding | None:
    if evidence.is_lock_owner_over is not False or _is_lock_expired(evidence):
        return None
    return Finding(
        id="execution-at-work",
        about="lock",
        severity=Severity.INFO,
        meaning=Message("finding.execution-at-work"),
        action=Message("action.execution-at-work"),
    )


def _lock_left_over(evidence: ReadinessEvidence) -> Finding | None:
    if evidence.is_lock_owner_over is not True and not _is_lock_expired(evidence):
        return None
    return Finding(
        id="lock-left-over",
        about="lock",
        severity=Severity.WARNING,
        meaning=Message("finding.lock-left-over"),
        action=Message("action.lock-left-over"),
    )


def _is_lock_expired(evidence: ReadinessEvidence) -> bool:
    record = evidence.record
    return (
        not isinstance(record, Unknown)
        and record.lock_owner is not None
        and record.lock_expires_at is not None
        and record.lock_expires_at <= evidence.now
    )


def _move_unfinished(evidence: ReadinessEvidence) -> Finding | None:
    record = evidence.record
    if isinstance(record, Unknown) or record.moving_to in (None, record.active):
        return None
    return Finding(
        id="move-unfinished",
        about=str(record.moving_to),
        severity=Severity.CRITICAL,
        meaning=Message("finding.move-unfinished", standby=str(record.moving_to)),
        action=Message("action.move-unfinished"),
    )


def _maintenance_on(evidence: ReadinessEvidence) -> Finding | None:
    end = None if isinstance(evidence.record, Unknown) else evidence.record.maintenance_end(evidence.now)
    if end is None:
        return None
    return Finding(
        id="maintenance-on",
        about="maintenance",
        severity=Severity.WARNING,
        meaning=Message("finding.maintenance-on", until=until_words(end)),
        action=Message("action.maintenance-on"),
    )


def _interval_running(evidence: ReadinessEvidence) -> Finding | None:
    record = evidence.record
    if isinstance(record, Unknown) or record.last_failover_at is None:
        return None
    ends = record.last_failover_at + timedelta(seconds=evidence.settings.minimum_failover_interval_seconds)
    if ends <= evidence.now:
        return None
    return Finding(
        id="interval-running",
        about="interval",
        severity=Severity.WARNING,
        meaning=Message("finding.interval-running", ends=f"{ends:%Y-%m-%d %H:%M}"),
        action=Message("action.interval-running"),
    )


_MOUNT = {True: "mount.is-mounted", False: "mount.is-not-mounted", None: "mount.could-not-be-seen"}


def _roles_disagree(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.standby)
    if status is None or not (status.replication.role == "primary" or status.is_mounted):
        return None
    return Finding(
        id="roles-disagree",
        about=str(evidence.standby),
        severity=Severity.CRITICAL,
        meaning=Message(
            "finding.roles-disagree",
            active=str(evidence.active),
            standby=str(evidence.standby),
            role=Message(f"role.{status.replication.role}"),
            mount=Message(_MOUNT[status.is_mounted]),
        ),
        action=Message("action.roles-disagree"),
    )


def _active_not_serving(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.active)
    if status is None or status.is_serving is not False:
        return None
    return Finding(
        id="active-not-serving",
        about=str(evidence.active),
        severity=Severity.CRITICAL,
        meaning=Message("finding.active-demoted", active=str(evidence.active), replication=status.replication.words)
        if status.is_demoted
        else Message("finding.active-not-serving", active=str(evidence.active), trouble=status.failing_parts()),
        action=Message("action.active-not-serving"),
    )


def _role_not_noted(evidence: ReadinessEvidence) -> Finding | None:
    """What only the role tells the node: whether to watch its services, and to boot out of touch with its peer."""
    status = evidence.status(evidence.active)
    if status is None or status.replication.role != "primary" or not status.is_mounted or status.was_active:
        return None
    return Finding(
        id="role-not-noted",
        about=str(evidence.active),
        severity=Severity.CRITICAL,
        meaning=Message("finding.role-not-noted", active=str(evidence.active)),
        action=Message("action.role-not-noted", active=str(evidence.active)),
    )


# --- the replica -------------------------------------------------------------------------------------------------


def _replica_stale(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.standby)
    if status is None or status.replication.is_current:
        return None
    return Finding(
        id="replica-stale",
        about=str(evidence.standby),
        severity=Severity.CRITICAL,
        meaning=Message("finding.replica-stale", standby=str(evidence.standby), replication=status.replication.words),
        action=Message("action.replica-stale"),
    )


def _replica_not_connected(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.standby)
    if status is None or not status.replication.is_current or status.replication.is_connected:
        return None
    return Finding(
        id="replica-not-connected",
        about=str(evidence.standby),
        severity=Severity.CRITICAL,
        meaning=Message(
            "finding.replica-not-connected",
            standby=str(evidence.standby),
            active=str(evidence.active),
            replication=status.replication.words,
        ),
        action=Message("action.replica-not-connected"),
    )


def _protocol_differs(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status, wanted = evidence.status(node), evidence.settings.replication_protocol
    if status is None or status.replication.protocol in (None, wanted):
        return None
    runs = status.replication.protocol
    return Finding(
        id="protocol-differs",
        about=node,
        severity=Severity.CRITICAL if wanted is ReplicationProtocol.C else Severity.WARNING,
        meaning=Message(f"finding.protocol-not-{wanted}", node=node, runs=str(runs)),
        action=Message("action.protocol-differs", wanted=str(wanted)),
    )


def _replication_word_missing(evidence: ReadinessEvidence) -> Finding | None:
    """Once the active node is dead its alarm, which keeps its state, is all that is known of its last writes."""
    if evidence.active is None:
        return None
    alarm = evidence.alarm(evidence.active, "replication-degraded")
    if alarm is None or alarm.state == "OK":
        return None
    return Finding(
        id="replication-word-missing",
        about=evidence.active,
        severity=Severity.CRITICAL,
        meaning=Message("finding.replication-word-missing", active=str(evidence.active), state=alarm.state),
        action=Message("action.replication-word-missing", active=str(evidence.active)),
    )


# --- each node ---------------------------------------------------------------------------------------------------


def _node_off(evidence: ReadinessEvidence, node: str) -> Finding | None:
    machine = evidence.machines[node]
    if isinstance(machine, Unknown) or machine[0] in (InstanceState.ON, InstanceState.FORGOTTEN):
        return None
    record = evidence.record
    was_fenced = not isinstance(record, Unknown) and record.fence is not None and record.fence.node == node
    return Finding(
        id="node-off",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message(
            "finding.node-off-since-its-fence" if was_fenced else "finding.node-off", node=node, state=machine[0].words
        ),
        action=Message("action.node-gone" if machine[0] is InstanceState.GONE else "action.node-off", node=node),
    )


def _instance_unknown(evidence: ReadinessEvidence, node: str) -> Finding | None:
    machine, instance_id = evidence.machines[node], evidence.settings.node(node).instance_id
    if isinstance(machine, Unknown) or machine[0] is not InstanceState.FORGOTTEN:
        return None
    return Finding(
        id="instance-unknown",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.instance-unknown", instance_id=instance_id, node=node),
        action=Message("action.instance-unknown"),
    )


def _node_silent(evidence: ReadinessEvidence, node: str) -> Finding | None:
    if evidence.statuses[node] is not Answer.NONE or evidence.is_on(node) is False:
        return None
    return Finding(
        id="node-silent",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.node-silent", node=node),
        action=Message("action.node-silent", node=node),
    )


def _look_failed(evidence: ReadinessEvidence, node: str) -> Finding | None:
    """As grave as what it may hide: the role of both nodes, and everything of the active one."""
    status = evidence.status(node)
    if status is None:
        return None
    seen_by_none = status.unseen_parts()
    unseen = [seen_by_none] if seen_by_none else []
    is_grave = bool(unseen) and (node == evidence.active or not status.is_role_seen)
    if status.agent is not None and status.agent.is_running is None:
        # Its heartbeat tells, too.
        unseen.append(Message("node.unseen.agent"))
    if not unseen:
        return None
    return Finding(
        id="look-failed",
        about=node,
        severity=Severity.CRITICAL if is_grave else Severity.WARNING,
        meaning=Message("finding.look-failed", node=node, parts=unseen),
        action=Message("action.look-failed", node=node),
    )


def _unwritable(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or not status.unwritable:
        return None
    return Finding(
        id="unwritable",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.unwritable", node=node, pair=list(status.unwritable)),
        action=Message("action.unwritable", node=node),
    )


def _status_check_failed(evidence: ReadinessEvidence, node: str) -> Finding | None:
    machine = evidence.machines[node]
    if isinstance(machine, Unknown) or machine[1] is not StatusChecks.FAILED:
        return None
    return Finding(
        id="status-check-failed",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.status-check-failed", node=node),
        action=Message("action.status-check-failed"),
    )


def _fenced_node_runs(evidence: ReadinessEvidence, node: str) -> Finding | None:
    record = evidence.record
    if isinstance(record, Unknown) or record.fence is None or record.fence.node != node or not evidence.is_on(node):
        return None
    return Finding(
        id="fenced-node-runs",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.fenced-node-runs", node=node),
        action=Message("action.fenced-node-runs", node=node),
    )


def _heartbeat_missing(evidence: ReadinessEvidence, node: str) -> Finding | None:
    alarm = evidence.alarm(node, "heartbeat-lost")
    if alarm is None or alarm.state == "OK" or evidence.status(node) is None:
        return None
    return Finding(
        id="heartbeat-missing",
        about=node,
        severity=Severity.CRITICAL if node == evidence.active else Severity.WARNING,
        meaning=Message("finding.heartbeat-missing", node=node, state=alarm.state),
        action=Message("action.heartbeat-missing", node=node),
    )


def _agent_not_sending(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    agent = None if status is None else status.agent
    if agent is None or (agent.is_running is not False and agent.has_our_part):
        return None
    if not agent.version and agent.is_running is False:
        what = "not-installed"
    elif not agent.has_our_part:
        what = "lost-our-part"
    else:
        what = "not-running"
    return Finding(
        id="agent-not-sending",
        about=node,
        severity=Severity.CRITICAL if node == evidence.active else Severity.WARNING,
        meaning=Message(f"finding.agent-{what}", node=node),
        action=Message(f"action.agent-{what}", node=node),
    )


def _agent_may_stall(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.agent is None or not status.agent.may_stall:
        return None
    return Finding(
        id="agent-may-stall",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.agent-may-stall", node=node, version=status.agent.version),
        action=Message("action.agent-may-stall", node=node),
    )


def _path_lost(evidence: ReadinessEvidence, node: str) -> Finding | None:
    probe, peer = evidence.probes[node], evidence.settings.peer_of(node).name
    if not isinstance(probe, PeerProbe) or evidence.is_on(peer) is False or evidence.statuses[peer] is Answer.NONE:
        return None
    lost = probe.paths.lost
    if not lost:
        return None
    return Finding(
        id="path-lost",
        about=node,
        severity=Severity.CRITICAL if len(lost) == 2 else Severity.WARNING,
        meaning=Message("finding.path-lost", node=node, peer=peer, pair=list(lost)),
        action=Message("action.path-lost"),
    )


def _epoch_ahead(evidence: ReadinessEvidence, node: str) -> Finding | None:
    """A record that was made anew counts from 0, and a node obeys no epoch that it has passed."""
    status, record = evidence.status(node), evidence.record
    if status is None or isinstance(record, Unknown) or status.epoch <= record.epoch:
        return None
    return Finding(
        id="epoch-ahead",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.epoch-ahead", node=node, epoch=status.epoch, recorded=record.epoch),
        action=Message("action.epoch-ahead"),
    )


def _clock_wrong(evidence: ReadinessEvidence, node: str) -> Finding | None:
    """A command carries the moment from which on it is not to be obeyed, in the node's own time."""
    status = evidence.status(node)
    if status is None or status.clock is None:
        return None
    ahead = status.clock - evidence.nodes_said_at.timestamp()
    behind = evidence.now.timestamp() - status.clock
    if max(ahead, behind) <= CLOCK_TOLERANCE_SECONDS:
        return None
    return Finding(
        id="clock-wrong",
        about=node,
        severity=Severity.WARNING,
        meaning=Message(f"finding.clock-{'ahead' if ahead > 0 else 'behind'}", node=node, seconds=max(ahead, behind)),
        action=Message("action.clock-wrong", node=node),
    )


def _script_differs(evidence: ReadinessEvidence, node: str) -> Finding | None:
    """From the stack's, which this package brings along: a document's new version need not be the one that runs."""
    status = evidence.status(node)
    if status is None:
        return None
    if status.answering_version not in (None, DIGEST):
        return Finding(
            id="script-differs",
            about=node,
            severity=Severity.WARNING,
            meaning=Message("finding.other-script-runs", node=node, version=status.answering_version, digest=DIGEST),
            action=Message("action.other-script-runs", document=evidence.settings.node_document),
        )
    if status.version == DIGEST:
        return None
    return Finding(
        id="script-differs",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.script-differs", node=node, version=status.version or "-", digest=DIGEST),
        action=Message("action.script-differs", node=node),
    )


def _mounted_by_fstab(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.is_mounted_by_fstab is False:
        return None
    return Finding(
        id="mounted-by-fstab",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.mounted-by-fstab", node=node),
        action=Message("action.mounted-by-fstab", node=node),
    )


def _nfs_not_ready(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or not status.is_demoted or status.nfs_answers is not False:
        return None
    return Finding(
        id="nfs-not-ready",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.nfs-not-ready", node=node),
        action=Message("action.nfs-not-ready", node=node),
    )


def _host_blocked(evidence: ReadinessEvidence, node: str) -> Finding | None:
    probe = evidence.probes[node]
    if not isinstance(probe, PeerProbe) or probe.database != "blocked":
        return None
    return Finding(
        id="host-blocked",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.host-blocked", peer=probe.peer, node=node),
        action=Message("action.host-blocked", node=node),
    )


def _hosts_missing(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or not status.missing_hosts:
        return None
    return Finding(
        id="hosts-missing",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.hosts-missing", node=node, pair=list(status.missing_hosts)),
        action=Message("action.hosts-missing", node=node),
    )


def _source_dest_check_on(evidence: ReadinessEvidence, node: str) -> Finding | None:
    interface = evidence.interfaces[node]
    if isinstance(interface, Unknown) or not interface.is_source_dest_check_on:
        return None
    return Finding(
        id="source-dest-check-on",
        about=node,
        severity=Severity.WARNING if node == evidence.standby else Severity.CRITICAL,
        meaning=Message("finding.source-dest-check-on", node=node),
        action=Message("action.source-dest-check-on"),
    )


def _node_isolated(evidence: ReadinessEvidence, node: str) -> Finding | None:
    subnets, record = evidence.isolated_subnets[node], evidence.record
    if isinstance(subnets, Unknown) or not subnets or isinstance(record, Unknown):
        return None
    if record.fence is not None and record.fence.node == node:
        return None
    return Finding(
        id="node-isolated",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.node-isolated", pair=list(subnets), node=node),
        action=Message("action.node-isolated"),
    )


def _subnet_shared(evidence: ReadinessEvidence, node: str) -> Finding | None:
    alone = evidence.alone[node]
    if not isinstance(alone, NotProven) or evidence.settings.fence_method is not FenceMethod.ISOLATE_AND_STOP:
        return None
    return Finding(
        id="subnet-shared",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.subnet-shared", node=node, why=alone.why),
        action=Message("action.subnet-shared"),
    )


def _can_hibernate(evidence: ReadinessEvidence, node: str) -> Finding | None:
    if evidence.hibernation[node] is not True:
        return None
    return Finding(
        id="can-hibernate",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.can-hibernate", node=node),
        action=Message("action.can-hibernate"),
    )


def _stop_protected(evidence: ReadinessEvidence, node: str) -> Finding | None:
    if evidence.stop_protection[node] is not True:
        return None
    is_isolated_instead = evidence.can_isolate(node)
    return Finding(
        id="stop-protected",
        about=node,
        severity=Severity.WARNING if is_isolated_instead else Severity.CRITICAL,
        meaning=Message(f"finding.stop-protected-{'isolated' if is_isolated_instead else 'unproven'}", node=node),
        action=Message("action.stop-protected", instance_id=evidence.settings.node(node).instance_id),
    )


def _interface_elsewhere(evidence: ReadinessEvidence, node: str) -> Finding | None:
    interface = evidence.interfaces[node]
    why_not = "" if isinstance(interface, Unknown) else interface.why_not_eth0_of(evidence.settings.node(node))
    if not why_not:
        return None
    return Finding(
        id="interface-elsewhere",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.interface-elsewhere", why_not=why_not),
        action=Message("action.interface-elsewhere"),
    )


def _volume_elsewhere(evidence: ReadinessEvidence, node: str) -> Finding | None:
    """A rejoin keeps what the node holds by snapshots of these volumes; of other ones it would keep nothing."""
    volumes = evidence.volumes[node]
    if isinstance(volumes, Unknown):
        return None
    why_not = why_not_kept(evidence.settings.node(node), volumes, evidence.settings)
    if not why_not:
        return None
    return Finding(
        id="volume-elsewhere",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.volume-elsewhere", why_not=why_not, node=node),
        action=Message("action.volume-elsewhere", node=node),
    )


# --- network and load balancer -----------------------------------------------------------------------------------


def _route_missing(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.routes, Unknown):
        return None
    missing = [entry.route_table_id for entry in evidence.routes if not entry.exists]
    if not missing:
        return None
    return Finding(
        id="route-missing",
        about=", ".join(missing),
        severity=Severity.CRITICAL,
        meaning=Message("finding.route-missing", names=list(missing)),
        action=Message("action.route-missing"),
    )


def _route_propagated(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.routes, Unknown):
        return None
    propagated = [entry.route_table_id for entry in evidence.routes if entry.is_propagated]
    if not propagated:
        return None
    return Finding(
        id="route-propagated",
        about=", ".join(propagated),
        severity=Severity.WARNING,
        meaning=Message("finding.route-propagated", names=list(propagated)),
        action=Message("action.route-propagated"),
    )


def _isolation_acl_unfit(evidence: ReadinessEvidence) -> Finding | None:
    acl = evidence.isolation_acl
    if not isinstance(acl, NotProven) or evidence.settings.fence_method is not FenceMethod.ISOLATE_AND_STOP:
        return None
    return Finding(
        id="isolation-acl-unfit",
        about=evidence.settings.isolation_acl_id,
        severity=Severity.WARNING,
        meaning=Message("finding.isolation-acl-unfit", why=acl.why),
        action=Message("action.isolation-acl-unfit", put_back=Message("action.put-back")),
    )


def _route_wrong(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.routes, Unknown) or evidence.active is None:
        return None
    active = evidence.settings.node(evidence.active)
    wrong = [entry.route_table_id for entry in evidence.routes if entry.exists and not entry.points_to(active)]
    if not wrong:
        return None
    return Finding(
        id="route-wrong",
        about=", ".join(wrong),
        severity=Severity.CRITICAL,
        meaning=Message("finding.route-wrong", names=list(wrong), active=str(evidence.active)),
        action=Message("action.route-wrong"),
    )


def _table_unconfigured(evidence: ReadinessEvidence) -> Finding | None:
    tables = evidence.unconfigured_tables
    if isinstance(tables, Unknown) or not tables:
        return None
    return Finding(
        id="table-unconfigured",
        about=", ".join(tables),
        severity=Severity.CRITICAL,
        meaning=Message("finding.table-unconfigured", names=list(tables)),
        action=Message("action.table-unconfigured"),
    )


def _too_few_targets(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.targets, Unknown):
        return None
    healthy = sum(target.state == "healthy" for target in evidence.targets)
    wanted = evidence.settings.minimum_healthy_targets
    if healthy >= wanted:
        return None
    return Finding(
        id="too-few-targets",
        about="target group",
        severity=Severity.CRITICAL,
        meaning=Message("finding.too-few-targets", healthy=healthy, wanted=wanted),
        action=Message("action.too-few-targets"),
    )


def _target_unhealthy(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.targets, Unknown):
        return None
    ill = [
        Message("target.is", target=target.target, state=target.state)
        for target in evidence.targets
        if target.state != "healthy"
    ]
    if not ill:
        return None
    return Finding(
        id="target-unhealthy",
        about="target group",
        severity=Severity.WARNING,
        meaning=Message("finding.target-unhealthy", names=list(ill)),
        action=Message("action.target-unhealthy"),
    )


def _target_check_slow(evidence: ReadinessEvidence) -> Finding | None:
    check = evidence.target_check
    if isinstance(check, Unknown) or check.seconds_until_healthy <= LONGEST_UNTIL_HEALTHY_SECONDS:
        return None
    return Finding(
        id="target-check-slow",
        about="target group",
        severity=Severity.WARNING,
        meaning=Message(
            "finding.target-check-slow",
            seconds_until_healthy=check.seconds_until_healthy,
            healthy_threshold=check.healthy_threshold,
            interval_seconds=check.interval_seconds,
            seconds_until_unhealthy=check.seconds_until_unhealthy,
        ),
        action=Message("action.target-check-slow", longest=LONGEST_UNTIL_HEALTHY_SECONDS),
    )


# --- what notices and starts -------------------------------------------------------------------------------------


def _alarms_missing(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.alarms, Unknown):
        return None
    missing = [name for name in alarm_names(evidence.settings) if name not in evidence.alarms]
    if not missing:
        return None
    return Finding(
        id="alarms-missing",
        about=", ".join(missing),
        severity=Severity.CRITICAL if any(name.endswith(_NEEDED_ALARMS) for name in missing) else Severity.WARNING,
        meaning=Message("finding.alarms-missing", names=list(missing)),
        action=Message("action.put-back"),
    )


def _alarms_muted(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.alarms, Unknown):
        return None
    muted = sorted(name for name, alarm in evidence.alarms.items() if not alarm.has_actions_on)
    if not muted:
        return None
    return Finding(
        id="alarms-muted",
        about=", ".join(muted),
        severity=Severity.WARNING,
        meaning=Message("finding.alarms-muted", names=list(muted)),
        action=Message("action.alarms-muted", alarms=" ".join(muted)),
    )


def _alarms_muted_by_rule(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.muted_alarms, Unknown) or not evidence.muted_alarms:
        return None
    muted = ", ".join(sorted(evidence.muted_alarms))
    return Finding(
        id="alarms-muted-by-rule",
        about=muted,
        severity=Severity.WARNING,
        meaning=Message("finding.alarms-muted-by-rule", names=sorted(evidence.muted_alarms)),
        action=Message("action.alarms-muted-by-rule"),
    )


def _alarms_in_trouble(evidence: ReadinessEvidence) -> Finding | None:
    """Of a healthy look: its state is OK, and stays so whatever happens."""
    if isinstance(evidence.alarms, Unknown):
        return None
    troubled = {name: alarm.trouble for name, alarm in sorted(evidence.alarms.items()) if alarm.trouble}
    if not troubled:
        return None
    return Finding(
        id="alarms-in-trouble",
        about=", ".join(troubled),
        severity=Severity.CRITICAL if any(name.endswith(_NEEDED_ALARMS) for name in troubled) else Severity.WARNING,
        meaning=Message(
            "finding.alarms-in-trouble", names=[f"{name} ({trouble})" for name, trouble in troubled.items()]
        ),
        action=Message("action.alarms-in-trouble"),
    )


def _nobody_told(evidence: ReadinessEvidence) -> Finding | None:
    if evidence.subscribers != 0:
        return None
    is_answer_needed = evidence.settings.confirm_failover is ConfirmFailover.ABORT
    return Finding(
        id="nobody-told",
        about="notification topic",
        severity=Severity.CRITICAL if is_answer_needed else Severity.WARNING,
        meaning=Message("finding.nobody-could-confirm" if is_answer_needed else "finding.nobody-told"),
        action=Message("action.nobody-told"),
    )


def _rules_off(evidence: ReadinessEvidence) -> Finding | None:
    off = [rule for rule, is_on in evidence.rules.items() if is_on is False]
    if not off:
        return None
    return Finding(
        id="rules-off",
        about=", ".join(off),
        severity=Severity.CRITICAL if any(rule in _NEEDED_RULES for rule in off) else Severity.WARNING,
        meaning=Message("finding.rules-off", names=list(off)),
        action=Message("action.rules-off", put_back=Message("action.put-back")),
    )


def _events_undelivered(evidence: ReadinessEvidence) -> Finding | None:
    count = evidence.undelivered
    if isinstance(count, Unknown) or count == 0:
        return None
    return Finding(
        id="events-undelivered",
        about="dead-letter queue",
        severity=Severity.WARNING,
        meaning=Message("finding.events-undelivered", count=count),
        action=Message("action.events-undelivered"),
    )


def _rehearsal_failed(evidence: ReadinessEvidence) -> Finding | None:
    rehearsal = evidence.rehearsal
    if not isinstance(rehearsal, Rehearsal) or not rehearsal.troubles:
        return None
    steps = ", ".join(rehearsal.troubles)
    return Finding(
        id="rehearsal-failed",
        about=steps,
        severity=Severity.CRITICAL,
        meaning=Message(
            "finding.rehearsal-failed",
            sentences=[
                Message("rehearsal.trouble", step=step, sentences=[Message.of(trouble) for trouble in troubles])
                for step, troubles in rehearsal.troubles.items()
            ],
        ),
        action=Message("action.rehearsal-failed", put_back=Message("action.put-back")),
    )


_OF_THE_CLUSTER: tuple[Callable[[ReadinessEvidence], Finding | None], ...] = (
    _execution_at_work,
    _lock_left_over,
    _move_unfinished,
    _maintenance_on,
    _interval_running,
    _roles_disagree,
    _active_not_serving,
    _role_not_noted,
    service_stopped,
    export_missing_on_standby,
    _replica_stale,
    _replica_not_connected,
    _replication_word_missing,
    _route_missing,
    _route_wrong,
    _route_propagated,
    _isolation_acl_unfit,
    _table_unconfigured,
    _too_few_targets,
    _target_unhealthy,
    _target_check_slow,
    _alarms_missing,
    _alarms_muted,
    _alarms_muted_by_rule,
    _alarms_in_trouble,
    _rules_off,
    _events_undelivered,
    _nobody_told,
    _rehearsal_failed,
)
_OF_A_NODE: tuple[Callable[[ReadinessEvidence, str], Finding | None], ...] = (
    _node_off,
    _instance_unknown,
    _node_silent,
    _look_failed,
    _unwritable,
    _status_check_failed,
    _fenced_node_runs,
    _heartbeat_missing,
    _agent_not_sending,
    _agent_may_stall,
    _path_lost,
    _protocol_differs,
    _epoch_ahead,
    _clock_wrong,
    _script_differs,
    configuration_differs,
    service_missing,
    service_not_configured,
    port_differs,
    services_start_at_boot,
    _mounted_by_fstab,
    _nfs_not_ready,
    _host_blocked,
    _hosts_missing,
    _source_dest_check_on,
    _interface_elsewhere,
    _volume_elsewhere,
    _node_isolated,
    _subnet_shared,
    _stop_protected,
    _can_hibernate,
)

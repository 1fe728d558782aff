"""Would a failover work right now? A pure function: evidence in, findings out, one small predicate for each finding.

A predicate returns its finding or None. What could not be seen is a finding of its own, as grave as what it may hide;
the predicates pass over it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from pydantic import AwareDatetime

from failover.adapters.alarms import Alarm
from failover.adapters.routes import Interface, RouteEntry
from failover.adapters.snapshots import DataVolume
from failover.adapters.targets import TargetCheck, TargetHealth
from failover.errors import as_sentence
from failover.finding import Finding, Severity
from failover.models import (
    UNTIL_ENDED,
    Answer,
    ClusterRecord,
    InstanceState,
    NodeStatus,
    PeerProbe,
    Rehearsal,
    StatusChecks,
    Unknown,
    Value,
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
ALARMS_OF_THE_CLUSTER = ("event-not-delivered", "not-ready")
_NEEDED_RULES = ("acting-alarm", "instance-went-off", "watch-cluster")
RULES = (*_NEEDED_RULES, "record-abort", "check-readiness", "health-event")
"""What the stack's alarms and rules are named after the names of cluster and node; a test holds template.yaml to it."""

CLOCK_TOLERANCE_SECONDS = 10

LONGEST_UNTIL_HEALTHY_SECONDS = 60
"""The outage goal's share for the load balancer: how long it may take to see that a target serves again."""

_HOW_TO_PUT_BACK = (
    "What was deleted does not come back with `sam deploy`, which only sees that the template has not changed: make a "
    "change set that reverts drift (docs/operations.md, Put back what somebody deleted or changed)."
)


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
    volumes: dict[str, DataVolume | Unknown]
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


def summarize(findings: Sequence[Finding]) -> str:
    """One sentence for the operator."""
    critical = [finding for finding in findings if finding.severity is Severity.CRITICAL]
    if critical:
        return f"A failover would not work now: {critical[0].meaning}" + (
            f" And {len(critical) - 1} more." if len(critical) > 1 else ""
        )
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    return "A failover would work now" + (f", with {warnings} warnings." if warnings else ".")


# --- what could not be seen --------------------------------------------------------------------------------------

_SOURCES = {
    "record": ("The cluster record", Severity.CRITICAL),
    "is_lock_owner_over": ("The execution that holds the lock", Severity.WARNING),
    "machines": ("The instance", Severity.CRITICAL),
    "statuses": ("The node's state", Severity.CRITICAL),
    "probes": ("What the node sees of its peer", Severity.CRITICAL),
    "surveys": ("What is installed on the node", Severity.WARNING),
    "interfaces": ("The node's eth0 interface", Severity.CRITICAL),
    "volumes": ("The node's data volume", Severity.CRITICAL),
    "isolated_subnets": ("The network ACLs of the subnets", Severity.CRITICAL),
    "alone": ("What else is in the subnets", Severity.WARNING),
    "isolation_acl": ("The network ACL that isolates a node", Severity.WARNING),
    "stop_protection": ("The stop protection of the instance", Severity.WARNING),
    "hibernation": ("The hibernation setting of the instance", Severity.CRITICAL),
    "routes": ("The virtual IP's routes", Severity.CRITICAL),
    "unconfigured_tables": ("The VPC's other route tables", Severity.CRITICAL),
    "targets": ("The load balancer's targets", Severity.CRITICAL),
    "target_check": ("The target group's health check", Severity.WARNING),
    "alarms": ("The stack's alarms", Severity.CRITICAL),
    "rules": ("The EventBridge rule", Severity.CRITICAL),
    "muted_alarms": ("CloudWatch's rules that mute alarms", Severity.WARNING),
    "undelivered": ("The dead-letter queue", Severity.WARNING),
    "subscribers": ("The notification topic's subscriptions", Severity.WARNING),
    "rehearsal": ("Whether the stack's functions would work", Severity.CRITICAL),
}


def _judge_unknowns(evidence: ReadinessEvidence) -> Iterator[Finding]:
    for source, (what, severity) in _SOURCES.items():
        answer = getattr(evidence, source)
        parts = answer if isinstance(answer, dict) else {"": answer}
        for about, part in parts.items():
            if isinstance(part, Unknown):
                yield Finding(
                    id=f"unknown-{source.replace('_', '-')}",
                    about=about,
                    severity=severity,
                    meaning=f"{what}{f' of {about}' if about else ''} could not be seen: {as_sentence(part.why)}",
                    action="Look again in a few minutes. If it stays so: the sentence above says what was refused.",
                )


# --- record and roles --------------------------------------------------------------------------------------------


def _execution_at_work(evidence: ReadinessEvidence) -> Finding | None:
    if evidence.is_lock_owner_over is not False or _is_lock_expired(evidence):
        return None
    return Finding(
        id="execution-at-work",
        about="lock",
        severity=Severity.INFO,
        meaning="An execution is changing the cluster just now; other findings may be its unfinished work.",
        action="Look again when it has ended.",
    )


def _lock_left_over(evidence: ReadinessEvidence) -> Finding | None:
    if evidence.is_lock_owner_over is not True and not _is_lock_expired(evidence):
        return None
    return Finding(
        id="lock-left-over",
        about="lock",
        severity=Severity.WARNING,
        meaning="The cluster's lock belongs to an execution that has ended or had its time, and was not given back.",
        action="Nothing for now: the next execution takes it over. See there why the last one could not end properly.",
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
        meaning=f"A move of the active role to {record.moving_to} was begun and its end is not recorded.",
        action="If no execution is at work: start the failover workflow by hand with {}; it finishes the move or says "
        "why it cannot.",
    )


def _maintenance_on(evidence: ReadinessEvidence) -> Finding | None:
    end = None if isinstance(evidence.record, Unknown) else evidence.record.maintenance_end(evidence.now)
    if end is None:
        return None
    return Finding(
        id="maintenance-on",
        about="maintenance",
        severity=Severity.WARNING,
        meaning="Maintenance is on until "
        + ("it is ended" if end == UNTIL_ENDED else f"{end:%Y-%m-%d %H:%M} UTC")
        + ": nothing happens by itself.",
        action='End it when the work is done: invoke set-maintenance with {"minutes": 0}.',
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
        meaning=f"An automatic failover ended a short while ago: until {ends:%Y-%m-%d %H:%M} UTC another one needs an "
        "operator.",
        action="Find out why the first one was needed.",
    )


_MOUNT = {True: "is mounted", False: "is not mounted", None: "could not be seen"}


def _roles_disagree(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.standby)
    if status is None or not (status.replication.role == "Primary" or status.is_mounted):
        return None
    return Finding(
        id="roles-disagree",
        about=str(evidence.standby),
        severity=Severity.CRITICAL,
        meaning=f"The record says that {evidence.active} is active, but {evidence.standby} is not a standby: its "
        f"replica is {status.replication.role}, the volume {_MOUNT[status.is_mounted]}.",
        action="Find out which node holds the newest data and demote the other (garoon-node demote).",
    )


def _active_not_serving(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.active)
    if status is None or status.is_serving is not False:
        return None
    return Finding(
        id="active-not-serving",
        about=str(evidence.active),
        severity=Severity.CRITICAL,
        meaning=f"{evidence.active} is active and does not serve: "
        + (f"it is demoted ({status.replication.words})." if status.is_demoted else f"{status.failing_parts()}."),
        action="Start the failover workflow by hand with {}: it restarts in place what is down.",
    )


def _role_not_noted(evidence: ReadinessEvidence) -> Finding | None:
    """What only the role tells the node: whether to watch its services, and to boot out of touch with its peer."""
    status = evidence.status(evidence.active)
    if status is None or status.replication.role != "Primary" or not status.is_mounted or status.was_active:
        return None
    return Finding(
        id="role-not-noted",
        about=str(evidence.active),
        severity=Severity.CRITICAL,
        meaning=f"{evidence.active} is in service without knowing that it is the active node: it does not tell when "
        "its services fail, and after a crash it would follow its peer at once.",
        action=f"Run `garoon-node promote` on {evidence.active}; what works is left alone.",
    )


# --- the replica -------------------------------------------------------------------------------------------------


def _replica_stale(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.standby)
    if status is None or status.replication.disk == "UpToDate":
        return None
    return Finding(
        id="replica-stale",
        about=str(evidence.standby),
        severity=Severity.CRITICAL,
        meaning=f"The replica of {evidence.standby} is not up to date: {status.replication.words}.",
        action="If it synchronises: wait. If it is StandAlone or Diskless: rejoin the node (docs/operations.md).",
    )


def _replica_not_connected(evidence: ReadinessEvidence) -> Finding | None:
    status = evidence.status(evidence.standby)
    if status is None or status.replication.disk != "UpToDate" or status.replication.is_connected:
        return None
    return Finding(
        id="replica-not-connected",
        about=str(evidence.standby),
        severity=Severity.CRITICAL,
        meaning=f"{evidence.standby} does not receive what {evidence.active} writes ({status.replication.words}), and "
        "falls further behind with each write.",
        action="Check eth1 on both nodes; `drbdadm status` on both; if one is StandAlone, rejoin the standby.",
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
        meaning=f"DRBD on {node} replicates with protocol {runs}, and the stack's ReplicationProtocol is {wanted}"
        + (
            ": a failover may lose what was acknowledged last."
            if wanted is ReplicationProtocol.C
            else ": each write waits for the other node."
        ),
        action="If the resource file is the stack's own, apply the associations in State Manager. In one of your own, "
        f"set `protocol {wanted};` on both nodes, then `drbdadm net-options --protocol={wanted} garoon` on one of "
        "them; or correct ReplicationProtocol.",
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
        meaning=f"CloudWatch holds no good word of {evidence.active} about its replication (the alarm "
        f"replication-degraded is {alarm.state}), without which no standby is promoted once {evidence.active} is dead.",
        action=f"Check replication, garoon-node-watch and the CloudWatch agent on {evidence.active}.",
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
        meaning=f"The instance of {node} is {machine[0]}" + (" since it was fenced." if was_fenced else "."),
        action=f"Find out why, start the instance, and see that {node} becomes an up-to-date standby."
        if machine[0] is not InstanceState.GONE
        else f'Give {node} a successor (docs/operations.md, "A node is lost for good").',
    )


def _instance_unknown(evidence: ReadinessEvidence, node: str) -> Finding | None:
    machine, instance_id = evidence.machines[node], evidence.settings.node(node).instance_id
    if isinstance(machine, Unknown) or machine[0] is not InstanceState.FORGOTTEN:
        return None
    return Finding(
        id="instance-unknown",
        about=node,
        severity=Severity.CRITICAL,
        meaning=f"EC2 does not know {instance_id}, the configured instance of {node}: it was terminated more than "
        "an hour ago, or the parameter is wrong.",
        action='Correct the parameter, or see docs/operations.md, "A node is lost for good".',
    )


def _node_silent(evidence: ReadinessEvidence, node: str) -> Finding | None:
    if evidence.statuses[node] is not Answer.NONE or evidence.is_on(node) is False:
        return None
    return Finding(
        id="node-silent",
        about=node,
        severity=Severity.CRITICAL,
        meaning=f"{node} does not answer over Run Command.",
        action=f"Check the SSM Agent on {node} and its path to Systems Manager (NAT gateway, security groups, roles).",
    )


def _look_failed(evidence: ReadinessEvidence, node: str) -> Finding | None:
    """As grave as what it may hide: the role of both nodes, and everything of the active one."""
    status = evidence.status(node)
    if status is None:
        return None
    unseen = status.unseen_parts()
    is_grave = bool(unseen) and (node == evidence.active or not status.is_role_seen)
    if status.agent is not None and status.agent.is_running is None:
        # Its heartbeat tells, too.
        unseen += f"{', ' if unseen else ''}whether the CloudWatch agent runs"
    if not unseen:
        return None
    return Finding(
        id="look-failed",
        about=node,
        severity=Severity.CRITICAL if is_grave else Severity.WARNING,
        meaning=f"{node} could not see this of itself: {unseen}.",
        action=f"Look again in a minute. If it stays so, see on {node} what keeps a command from running (memory, a "
        "full disk) and whether `drbdadm status` answers.",
    )


def _unwritable(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or not status.unwritable:
        return None
    return Finding(
        id="unwritable",
        about=node,
        severity=Severity.CRITICAL,
        meaning=f"On {node} nothing can be written to {' and '.join(status.unwritable)}, which an order of the "
        "controller or Garoon's start needs.",
        action=f"On {node}: `df` and `df -i`; make room, or see why the file system is read-only (`dmesg`).",
    )


def _status_check_failed(evidence: ReadinessEvidence, node: str) -> Finding | None:
    machine = evidence.machines[node]
    if isinstance(machine, Unknown) or machine[1] is not StatusChecks.FAILED:
        return None
    return Finding(
        id="status-check-failed",
        about=node,
        severity=Severity.CRITICAL,
        meaning=f"EC2's status checks of {node} fail.",
        action="See in the EC2 console which check; stopping and starting the instance moves it to other hardware.",
    )


def _fenced_node_runs(evidence: ReadinessEvidence, node: str) -> Finding | None:
    record = evidence.record
    if isinstance(record, Unknown) or record.fence is None or record.fence.node != node or not evidence.is_on(node):
        return None
    return Finding(
        id="fenced-node-runs",
        about=node,
        severity=Severity.WARNING,
        meaning=f"{node} was fenced, runs again, and is not yet recorded as rejoined.",
        action=f"Rejoin {node} (docs/operations.md).",
    )


def _heartbeat_missing(evidence: ReadinessEvidence, node: str) -> Finding | None:
    alarm = evidence.alarm(node, "heartbeat-lost")
    if alarm is None or alarm.state == "OK" or evidence.status(node) is None:
        return None
    return Finding(
        id="heartbeat-missing",
        about=node,
        severity=Severity.CRITICAL if node == evidence.active else Severity.WARNING,
        meaning=f"{node} answers, but its heartbeat does not arrive in CloudWatch (the alarm is {alarm.state}): its "
        "failure would not be noticed by it, and what it last said of its replica may be old.",
        action=f"Check the CloudWatch agent and garoon-node-watch.service on {node}.",
    )


def _agent_not_sending(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    agent = None if status is None else status.agent
    if agent is None or (agent.is_running is not False and agent.has_our_part):
        return None
    if not agent.version and agent.is_running is False:
        what, action = "is not installed", "Install it, 1.300071 or newer, and then"
    elif not agent.has_our_part:
        what, action = "has lost what garoon-node configured, as `fetch-config` makes it", "Use `append-config`; now"
    else:
        what, action = "does not run", f"See on {node} why (`systemctl status amazon-cloudwatch-agent`), start it, or"
    return Finding(
        id="agent-not-sending",
        about=node,
        severity=Severity.CRITICAL if node == evidence.active else Severity.WARNING,
        meaning=f"The CloudWatch agent of {node} {what}: no heartbeat, no sign and no word on replication leaves it.",
        action=f"{action} apply the association of {node} (docs/operations.md, The CloudWatch agent).",
    )


def _agent_may_stall(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.agent is None or not status.agent.may_stall:
        return None
    return Finding(
        id="agent-may-stall",
        about=node,
        severity=Severity.WARNING,
        meaning=f"The CloudWatch agent of {node} is {status.agent.version}: it can stop sending a quiet log, such as "
        "the node's signs, for ever.",
        action=f"Install 1.300071 or newer on {node}; a failure is noticed more slowly until then.",
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
        meaning=f"{node} does not reach {peer} over {' and '.join(lost)}.",
        action="Check the interface on both nodes, the subnets' routes and network ACLs, the security group, and sshd, "
        "whose greeting shows that a path is alive.",
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
        meaning=f"{node} has obeyed epoch {status.epoch}, and the record is at {record.epoch}: {node} will refuse one "
        "order, whereupon the record goes on above it.",
        action="Nothing if the cluster table was made anew. If it was not, find out who else moves this cluster.",
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
        meaning=f"The clock of {node} is {max(ahead, behind):.0f} s {'ahead' if ahead > 0 else 'behind'}. Orders are "
        "timed by it, but each is asked for twice until it is right, and the nodes' logs do not fit together.",
        action=f"On {node}: `chronyc tracking`; chrony must run and follow the Amazon Time Sync Service "
        "(169.254.169.123).",
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
            meaning=f"Run Command runs another garoon-node on {node} ({status.answering_version}) than the stack was "
            f"deployed with ({DIGEST}).",
            action="Deploy the stack again, and see the document's versions: `aws ssm list-document-versions --name "
            f"{evidence.settings.node_document}`.",
        )
    if status.version == DIGEST:
        return None
    return Finding(
        id="script-differs",
        about=node,
        severity=Severity.WARNING,
        meaning=f"The garoon-node installed on {node} ({status.version or 'none'}) is not the stack's "
        f"({DIGEST}): it sends the metrics and acts when the node boots.",
        action=f"In State Manager, apply the association of {node} now, and see why it failed before.",
    )


def _mounted_by_fstab(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.is_mounted_by_fstab is False:
        return None
    return Finding(
        id="mounted-by-fstab",
        about=node,
        severity=Severity.WARNING,
        meaning=f"/etc/fstab of {node} mounts the replicated volume at boot, which only the active node may do.",
        action=f"Remove the line from /etc/fstab on {node}, or give it the option noauto.",
    )


def _nfs_not_ready(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or not status.is_demoted or status.nfs_answers is not False:
        return None
    return Finding(
        id="nfs-not-ready",
        about=node,
        severity=Severity.WARNING,
        meaning=f"The NFS server of {node} does not run, or is in its grace period: a takeover would start it first, "
        "and may have to wait.",
        action=f"See on {node} why nfs-server.service is not up (systemctl status nfs-server); then run the stack's "
        "install association again, which starts it.",
    )


def _host_blocked(evidence: ReadinessEvidence, node: str) -> Finding | None:
    probe = evidence.probes[node]
    if not isinstance(probe, PeerProbe) or probe.database != "blocked":
        return None
    return Finding(
        id="host-blocked",
        about=node,
        severity=Severity.WARNING,
        meaning=f"The database on {probe.peer} refuses every login from {node} (error 1129): too many connections from "
        "there were interrupted. A failover would work; what logs in from there, such as dumps, does not.",
        action="Run FLUSH HOSTS on the database (MySQL 8.4: TRUNCATE TABLE performance_schema.host_cache), and find "
        f"what on {node} opens connections and breaks them off.",
    )


def _hosts_missing(evidence: ReadinessEvidence, node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or not status.missing_hosts:
        return None
    return Finding(
        id="hosts-missing",
        about=node,
        severity=Severity.WARNING,
        meaning=f"/etc/hosts on {node} does not name {' and '.join(status.missing_hosts)}. Unless the database has "
        "skip-name-resolve, it asks a name server, and greets the peer late or not at all while that is silent.",
        action=f"Add the addresses of both nodes and of the App servers to /etc/hosts on {node}.",
    )


def _source_dest_check_on(evidence: ReadinessEvidence, node: str) -> Finding | None:
    interface = evidence.interfaces[node]
    if isinstance(interface, Unknown) or not interface.is_source_dest_check_on:
        return None
    return Finding(
        id="source-dest-check-on",
        about=node,
        severity=Severity.WARNING if node == evidence.standby else Severity.CRITICAL,
        meaning=f"The source/dest check of {node}'s eth0 is on, so it drops what is sent to the virtual IP.",
        action="Switch it off in the EC2 console (a failover to this node does so too).",
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
        meaning=f"{' and '.join(subnets)} of {node} has the network ACL that denies everything, and {node} is not "
        "recorded as fenced.",
        action="Give the subnet back the network ACL that it had (VPC console: Edit network ACL association).",
    )


def _subnet_shared(evidence: ReadinessEvidence, node: str) -> Finding | None:
    alone = evidence.alone[node]
    if not isinstance(alone, NotProven) or evidence.settings.fence_method is not FenceMethod.ISOLATE_AND_STOP:
        return None
    return Finding(
        id="subnet-shared",
        about=node,
        severity=Severity.WARNING,
        meaning=f"{node} would not be isolated, because {alone.why}: the stop alone would fence it, which is "
        "slower and has no end when its Availability Zone is lost.",
        action="Move the other interface to another subnet, or correct the stack's parameters.",
    )


def _can_hibernate(evidence: ReadinessEvidence, node: str) -> Finding | None:
    if evidence.hibernation[node] is not True:
        return None
    return Finding(
        id="can-hibernate",
        about=node,
        severity=Severity.CRITICAL,
        meaning=f"The instance of {node} can be hibernated: then `stopped` proves nothing, for once it is started it "
        "goes on as it was, Primary and in service, beside the node that has taken its role.",
        action="Hibernation can be set only at launch: launch the node anew without it. Until then nobody may stop it "
        "with the option Hibernate.",
    )


def _stop_protected(evidence: ReadinessEvidence, node: str) -> Finding | None:
    if evidence.stop_protection[node] is not True:
        return None
    is_isolated_instead = evidence.can_isolate(node)
    return Finding(
        id="stop-protected",
        about=node,
        severity=Severity.WARNING if is_isolated_instead else Severity.CRITICAL,
        meaning=f"The stop protection of {node}'s instance is on: "
        + (
            "once isolated it would not be stopped, and could not rejoin until somebody stops it."
            if is_isolated_instead
            else "its fence could not be proven, and a failover would halt."
        ),
        action="aws ec2 modify-instance-attribute --no-disable-api-stop --instance-id "
        f"{evidence.settings.node(node).instance_id}",
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
        meaning=f"{why_not}: the routes would lead to the wrong place.",
        action="Correct the stack's parameters, or attach the interface.",
    )


def _volume_elsewhere(evidence: ReadinessEvidence, node: str) -> Finding | None:
    """A rejoin keeps what the node holds by a snapshot of this volume; of another one it would keep nothing."""
    volume = evidence.volumes[node]
    why_not = "" if isinstance(volume, Unknown) else volume.why_not_of(evidence.settings.node(node))
    if not why_not:
        return None
    return Finding(
        id="volume-elsewhere",
        about=node,
        severity=Severity.CRITICAL,
        meaning=f"{why_not}: what {node} alone holds after a failover could not be kept, so it would not rejoin.",
        action=f"Correct the stack's parameters, or attach the volume to {node}.",
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
        meaning=f"The virtual IP has no entry in {', '.join(missing)}.",
        action="Start the failover workflow by hand with {}: it makes the entry. Or correct RouteTableIds.",
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
        meaning=f"A gateway or a route server propagates a route to the virtual IP into {', '.join(propagated)}. The "
        "stack's own entry goes first; should it ever be missing, clients are sent elsewhere without a word.",
        action="Find out who advertises the virtual IP, and stop it: only this stack may.",
    )


def _isolation_acl_unfit(evidence: ReadinessEvidence) -> Finding | None:
    acl = evidence.isolation_acl
    if not isinstance(acl, NotProven) or evidence.settings.fence_method is not FenceMethod.ISOLATE_AND_STOP:
        return None
    return Finding(
        id="isolation-acl-unfit",
        about=evidence.settings.isolation_acl_id,
        severity=Severity.WARNING,
        meaning=f"No node would be isolated, because {acl.why}: the stop alone would fence it, which is slower and "
        "has no end when its Availability Zone is lost.",
        action=f"Remove from it every entry of your own. {_HOW_TO_PUT_BACK}",
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
        meaning=f"The virtual IP's entry in {', '.join(wrong)} does not point to the active node {evidence.active}.",
        action="It is repaired within a minute, unless maintenance is on. Find out who changed it.",
    )


def _table_unconfigured(evidence: ReadinessEvidence) -> Finding | None:
    tables = evidence.unconfigured_tables
    if isinstance(tables, Unknown) or not tables:
        return None
    return Finding(
        id="table-unconfigured",
        about=", ".join(tables),
        severity=Severity.CRITICAL,
        meaning=f"{', '.join(tables)} carry the virtual IP too and are not in RouteTableIds: a failover would leave "
        "their clients with the dead node.",
        action="Add them to RouteTableIds and deploy, or remove the entry.",
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
        meaning=f"{healthy} targets of the load balancer are healthy, and {wanted} must be.",
        action="Look at the App servers behind the load balancer.",
    )


def _target_unhealthy(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.targets, Unknown):
        return None
    ill = [f"{target.target} is {target.state}" for target in evidence.targets if target.state != "healthy"]
    if not ill:
        return None
    return Finding(
        id="target-unhealthy",
        about="target group",
        severity=Severity.WARNING,
        meaning=f"Of the load balancer's targets, {', '.join(ill)}.",
        action="Look at these App servers.",
    )


def _target_check_slow(evidence: ReadinessEvidence) -> Finding | None:
    check = evidence.target_check
    if isinstance(check, Unknown) or check.seconds_until_healthy <= LONGEST_UNTIL_HEALTHY_SECONDS:
        return None
    return Finding(
        id="target-check-slow",
        about="target group",
        severity=Severity.WARNING,
        meaning=f"The load balancer needs {check.seconds_until_healthy} s ({check.healthy_threshold} checks, one every "
        f"{check.interval_seconds} s) to see that a target serves again, and {check.seconds_until_unhealthy} s to see "
        "that it does not; the outage lasts so much longer.",
        action=f"Set the target group's interval times its healthy threshold to {LONGEST_UNTIL_HEALTHY_SECONDS} s at "
        "most, e.g. every 10 s and 2 checks.",
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
        meaning=f"Alarms of the stack do not exist: {', '.join(missing)}.",
        action=_HOW_TO_PUT_BACK,
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
        meaning=f"The actions of these alarms are off, so they notify nobody: {', '.join(muted)}.",
        action=f"aws cloudwatch enable-alarm-actions --alarm-names {' '.join(muted)}",
    )


def _alarms_muted_by_rule(evidence: ReadinessEvidence) -> Finding | None:
    if isinstance(evidence.muted_alarms, Unknown) or not evidence.muted_alarms:
        return None
    muted = ", ".join(sorted(evidence.muted_alarms))
    return Finding(
        id="alarms-muted-by-rule",
        about=muted,
        severity=Severity.WARNING,
        meaning=f"A mute rule of CloudWatch's mutes these alarms now, so they notify nobody: {muted}.",
        action="See in the CloudWatch console, Alarms, Mute rules, whose it is and how long it lasts.",
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
        meaning="CloudWatch cannot evaluate these alarms, so they may notice nothing: "
        + ", ".join(f"{name} ({trouble})" for name, trouble in troubled.items())
        + ".",
        action="EVALUATION_ERROR: read the alarm's state reason, and deploy or put back what is missing. "
        "EVALUATION_FAILURE: watch the nodes yourself until CloudWatch is well again.",
    )


def _nobody_told(evidence: ReadinessEvidence) -> Finding | None:
    if evidence.subscribers != 0:
        return None
    is_answer_needed = evidence.settings.confirm_failover is ConfirmFailover.ABORT
    return Finding(
        id="nobody-told",
        about="notification topic",
        severity=Severity.CRITICAL if is_answer_needed else Severity.WARNING,
        meaning="No subscription of the notification topic is confirmed: "
        + ("nobody could confirm a failover." if is_answer_needed else "nobody is told of anything."),
        action="Click on the link in the mail from AWS Notifications, or subscribe (the stack's output "
        "NotificationTopicArn).",
    )


def _rules_off(evidence: ReadinessEvidence) -> Finding | None:
    off = [rule for rule, is_on in evidence.rules.items() if is_on is False]
    if not off:
        return None
    return Finding(
        id="rules-off",
        about=", ".join(off),
        severity=Severity.CRITICAL if any(rule in _NEEDED_RULES for rule in off) else Severity.WARNING,
        meaning=f"EventBridge rules of the stack are off or do not exist: {', '.join(off)}.",
        action=f"Switch on in the EventBridge console those that are off. {_HOW_TO_PUT_BACK}",
    )


def _events_undelivered(evidence: ReadinessEvidence) -> Finding | None:
    count = evidence.undelivered
    if isinstance(count, Unknown) or count == 0:
        return None
    return Finding(
        id="events-undelivered",
        about="dead-letter queue",
        severity=Severity.WARNING,
        meaning=f"{count} events could not be delivered and lie in the dead-letter queue.",
        action="Read them in the SQS console: the attribute ERROR_CODE says why. Delete them when it is put right.",
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
        meaning="Functions that a failover needs would not work now: "
        + " ".join(f"{step}: {' '.join(troubles)}" for step, troubles in rehearsal.troubles.items()),
        action="A function that Lambda is initializing had slept, and is awake at the next look. Anything else: deploy "
        f"the stack again. {_HOW_TO_PUT_BACK}",
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

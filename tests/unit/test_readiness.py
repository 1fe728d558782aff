"""Readiness never calls fine what is not, nor what it could not see; and each finding comes with its cause alone."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from failover.adapters.alarms import Alarm
from failover.adapters.routes import Interface, RouteEntry
from failover.adapters.snapshots import DataVolume
from failover.adapters.targets import TargetCheck, TargetHealth
from failover.finding import Finding, Severity
from failover.models import (
    UNTIL_ENDED,
    Answer,
    CloudWatchAgent,
    ClusterRecord,
    Fence,
    InstanceState,
    NodeStatus,
    PeerPaths,
    PeerProbe,
    Rehearsal,
    Replication,
    StatusChecks,
    Unknown,
)
from failover.node_answers import NodeSurvey
from failover.node_script import DIGEST
from failover.proof import NotProven, Proven
from failover.readiness import (
    RULES,
    ReadinessEvidence,
    alarm_names,
    is_ready,
    judge_readiness,
    summarize,
)
from failover.settings import ConfirmFailover, FenceMethod, ReplicationProtocol, read_settings

from testbed.stack.template import read_template
from tests.unit.conftest import make_environment

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SETTINGS = read_settings(make_environment())
ROOT = Path(__file__).parents[2]
TEMPLATE = read_template()
RUNNING = (InstanceState.ON, StatusChecks.PASSED)


AGENT = CloudWatchAgent(version="1.300071.0b1", is_running=True, has_our_part=True)


def a_status(node: str, **changes: Any) -> NodeStatus:
    is_active = node == "db-01"
    replication = Replication(
        role="primary" if is_active else "secondary", link="connected", data="current", protocol="C"
    )
    return NodeStatus(
        node=node, version=DIGEST, epoch=0, booted_at=1, replication=replication, is_mounted=is_active,
        is_writable=is_active, services={"cyde_5_0": "running" if is_active else "stopped"}, database_answers=is_active,
        nfs_answers=True, is_exported=is_active, has_virtual_ip=is_active, is_serving=is_active,
        was_active=is_active, is_unreplicated=False, answering_version=DIGEST, are_services_enabled_at_boot=False,
        is_mounted_by_fstab=False, clock=int(NOW.timestamp()) + 2, agent=AGENT,
    ).model_copy(update=changes)  # fmt: skip


def a_probe(**paths: bool) -> PeerProbe:
    return PeerProbe(peer="x", database="silent", nfs="silent", paths=PeerPaths(**{"eth0": True, "eth1": True} | paths))


def a_survey(**changes: Any) -> NodeSurvey:
    return NodeSurvey(
        services=("cyde_5_0",), missing=(), identifiers=("cbgrn",), database_ports=(), exports=()
    ).model_copy(update=changes)


def an_entry(table: str, interface: str | None = "eni-0a") -> RouteEntry:
    return RouteEntry(route_table_id=table, interface_id=interface, exists=interface is not None, is_blackhole=False)


def evidence(**changes: Any) -> ReadinessEvidence:
    """A cluster of which nothing is wrong, but for these changes."""
    names = [node.name for node in SETTINGS.nodes]
    return ReadinessEvidence(
        now=NOW,
        nodes_said_at=NOW + timedelta(seconds=5),
        settings=SETTINGS,
        record=ClusterRecord(active="db-01", epoch=0),
        is_lock_owner_over=None,
        machines=dict.fromkeys(names, RUNNING),
        statuses={name: a_status(name) for name in names},
        probes={name: a_probe() for name in names},
        surveys={name: a_survey() for name in names},
        interfaces={
            node.name: Interface(
                instance_id=node.instance_id,
                device_index=0,
                subnet_id=node.eth0_subnet_id,
                is_source_dest_check_on=False,
            )
            for node in SETTINGS.nodes
        },
        volumes={
            node.name: (
                DataVolume(
                    volume_id=node.data_volume_id, exists=True, instance_id=node.instance_id, device="/dev/xvdb"
                ),
            )
            for node in SETTINGS.nodes
        },
        isolated_subnets={name: [] for name in names},
        alone=dict.fromkeys(names, Proven(how="so it is")),
        isolation_acl=Proven(how="so it is"),
        stop_protection=dict.fromkeys(names, False),
        hibernation=dict.fromkeys(names, False),
        routes=[an_entry("rtb-0a"), an_entry("rtb-0b")],
        unconfigured_tables=[],
        targets=[TargetHealth(target="i-1", state="healthy"), TargetHealth(target="i-2", state="healthy")],
        target_check=TargetCheck(interval_seconds=10, healthy_threshold=2, unhealthy_threshold=2),
        alarms={name: Alarm(state="OK", has_actions_on=True) for name in alarm_names(SETTINGS)},
        muted_alarms=[],
        rules=dict.fromkeys(RULES, True),
        undelivered=0,
        subscribers=1,
        rehearsal=Rehearsal(troubles={}),
    ).model_copy(update=changes)


def of(field: str, name: str, value: object) -> dict[str, Any]:
    """A change of one entry of a mapping."""
    return {field: getattr(evidence(), field) | {name: value}}


def status_of(node: str, **changes: Any) -> dict[str, Any]:
    return of("statuses", node, a_status(node, **changes))


def agent_of(node: str, **changes: Any) -> dict[str, Any]:
    return status_of(node, agent=AGENT.model_copy(update=changes))


def replica_of(node: str, **changes: Any) -> dict[str, Any]:
    replication = a_status(node).replication.model_copy(update=changes)
    return status_of(node, replication=replication)


def record(**changes: Any) -> dict[str, Any]:
    return {"record": ClusterRecord(active="db-01", epoch=0).model_copy(update=changes)}


def alarm(name: str, **changes: Any) -> dict[str, Any]:
    return of("alarms", name, Alarm(state="OK", has_actions_on=True).model_copy(update=changes))


def without_alarm(name: str) -> dict[str, Any]:
    return {"alarms": {key: value for key, value in evidence().alarms.items() if key != name}}  # type: ignore[union-attr]


def interface(node: str, **changes: Any) -> dict[str, Any]:
    return of("interfaces", node, evidence().interfaces[node].model_copy(update=changes))


def volume(node: str, **changes: Any) -> dict[str, Any]:
    volumes = evidence().volumes[node]
    assert isinstance(volumes, tuple)
    return of("volumes", node, tuple(volume.model_copy(update=changes) for volume in volumes))


FENCE = Fence(node="db-02", execution="arn:one")
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO

# Each cause, and the findings that it gives: id, about, severity.
CAUSES: dict[str, tuple[dict[str, Any], list[tuple[str, str, Severity]]]] = {
    "lock of a running execution": (
        record(lock_owner="arn:one", lock_expires_at=NOW + timedelta(hours=1)) | {"is_lock_owner_over": False},
        [("execution-at-work", "lock", INFO)],
    ),
    "lock of an ended execution": (
        record(lock_owner="arn:one", lock_expires_at=NOW + timedelta(hours=1)) | {"is_lock_owner_over": True},
        [("lock-left-over", "lock", WARNING)],
    ),
    "lock that has expired": (
        record(lock_owner="arn:one", lock_expires_at=NOW) | {"is_lock_owner_over": False},
        [("lock-left-over", "lock", WARNING)],
    ),
    "move without an end": (record(moving_to="db-02"), [("move-unfinished", "db-02", CRITICAL)]),
    "maintenance": (
        record(maintenance_until=NOW + timedelta(minutes=1)),
        [("maintenance-on", "maintenance", WARNING)],
    ),
    "maintenance since the deployment": (
        record(maintenance_until=UNTIL_ENDED),
        [("maintenance-on", "maintenance", WARNING)],
    ),
    "failover a short while ago": (
        record(last_failover_at=NOW - timedelta(seconds=899)),
        [("interval-running", "interval", WARNING)],
    ),
    "standby is primary": (
        replica_of("db-02", role="primary"),
        [("roles-disagree", "db-02", CRITICAL)],
    ),
    "active does not serve": (
        status_of("db-01", is_serving=False, database_answers=False),
        [("active-not-serving", "db-01", CRITICAL)],
    ),
    "node of an epoch to come": (
        status_of("db-02", epoch=1),
        [("epoch-ahead", "db-02", WARNING)],
    ),
    "active that nobody told so": (
        status_of("db-01", was_active=False),
        [("role-not-noted", "db-01", CRITICAL)],
    ),
    "replica in a resync": (
        replica_of("db-02", data="stale", link="resyncing", sync_percent=42.0),
        [("replica-stale", "db-02", CRITICAL)],
    ),
    "replica out of touch": (
        replica_of("db-02", link="waiting"),
        [("replica-not-connected", "db-02", CRITICAL)],
    ),
    "protocol by which writes may be lost": (
        replica_of("db-01", protocol="A"),
        [("protocol-differs", "db-01", CRITICAL)],
    ),
    "protocol that is slower than it must be": (
        {"settings": SETTINGS.model_copy(update={"replication_protocol": ReplicationProtocol.A})},
        [("protocol-differs", "db-01", WARNING), ("protocol-differs", "db-02", WARNING)],
    ),
    "protocol not told": (replica_of("db-01", protocol=None), []),
    "no word on replication": (
        alarm("garoon-db-01-replication-degraded", state="INSUFFICIENT_DATA"),
        [("replication-word-missing", "db-01", CRITICAL)],
    ),
    "standby off": (
        of("machines", "db-02", (InstanceState.OFF, StatusChecks.UNKNOWN)) | of("statuses", "db-02", Answer.NONE)
        | of("probes", "db-01", a_probe(eth0=False, eth1=False)),
        [("node-off", "db-02", CRITICAL)],
    ),
    "active that can not see its service": (
        status_of("db-01", is_serving=None, database_answers=None),
        [("look-failed", "db-01", CRITICAL)],
    ),
    "standby that can not see its role": (
        replica_of("db-02", role="unknown"),
        [("look-failed", "db-02", CRITICAL)],
    ),
    "standby that can not see its mount": (
        status_of("db-02", is_mounted=None, is_writable=None),
        [("look-failed", "db-02", CRITICAL)],
    ),
    "standby that can not see its NFS": (
        status_of("db-02", nfs_answers=None),
        [("look-failed", "db-02", WARNING)],
    ),
    "standby whose disk is full": (
        status_of("db-02", unwritable=("/run", "/tmp")),
        [("unwritable", "db-02", CRITICAL)],
    ),
    "standby that can be hibernated": (
        of("hibernation", "db-02", True),
        [("can-hibernate", "db-02", CRITICAL)],
    ),
    "standby silent": (of("statuses", "db-02", Answer.NONE), [("node-silent", "db-02", CRITICAL)]),
    "active silent": (of("statuses", "db-01", Answer.NONE), [("node-silent", "db-01", CRITICAL)]),
    "status checks": (
        of("machines", "db-02", (InstanceState.ON, StatusChecks.FAILED)),
        [("status-check-failed", "db-02", CRITICAL)],
    ),
    "fenced node came back": (record(fence=FENCE), [("fenced-node-runs", "db-02", WARNING)]),
    "heartbeat of the active": (
        alarm("garoon-db-01-heartbeat-lost", state="INSUFFICIENT_DATA"),
        [("heartbeat-missing", "db-01", CRITICAL)],
    ),
    "heartbeat of the standby": (
        alarm("garoon-db-02-heartbeat-lost", state="ALARM"),
        [("heartbeat-missing", "db-02", WARNING)],
    ),
    "CloudWatch agent of the active down": (
        agent_of("db-01", is_running=False),
        [("agent-not-sending", "db-01", CRITICAL)],
    ),
    "CloudWatch agent of the standby down": (
        agent_of("db-02", is_running=False),
        [("agent-not-sending", "db-02", WARNING)],
    ),
    "CloudWatch agent that lost our part": (
        agent_of("db-02", has_our_part=False),
        [("agent-not-sending", "db-02", WARNING)],
    ),
    "no CloudWatch agent": (
        agent_of("db-02", version="", is_running=False, has_our_part=False),
        [("agent-not-sending", "db-02", WARNING)],
    ),
    "CloudWatch agent that may stall": (
        agent_of("db-01", version="1.300052.0b1024"),
        [("agent-may-stall", "db-01", WARNING)],
    ),
    "last CloudWatch agent that may stall": (
        agent_of("db-01", version="1.300070.1"),
        [("agent-may-stall", "db-01", WARNING)],
    ),
    "CloudWatch agent not seen": (agent_of("db-01", is_running=None), [("look-failed", "db-01", WARNING)]),
    "CloudWatch agent before those that stall": (agent_of("db-01", version="1.300051.0b992"), []),
    "CloudWatch agent of an older script not told": (status_of("db-02", agent=None), []),
    "one path": (of("probes", "db-02", a_probe(eth0=False)), [("path-lost", "db-02", WARNING)]),
    "both paths": (of("probes", "db-01", a_probe(eth0=False, eth1=False)), [("path-lost", "db-01", CRITICAL)]),
    "another script answers": (status_of("db-02", answering_version="old"), [("script-differs", "db-02", WARNING)]),
    "an older script answers, and is installed": (
        status_of("db-02", version="old", answering_version="old"),
        [("script-differs", "db-02", WARNING)],
    ),
    "script of an older stack": (status_of("db-02", version="old"), [("script-differs", "db-02", WARNING)]),
    "clock somewhat ahead": (status_of("db-02", clock=int(NOW.timestamp()) + 16), [("clock-wrong", "db-02", WARNING)]),
    "clock an hour ahead": (
        status_of("db-02", clock=int(NOW.timestamp()) + 3600), [("clock-wrong", "db-02", WARNING)]
    ),
    "clock behind": (status_of("db-01", clock=int(NOW.timestamp()) - 11), [("clock-wrong", "db-01", WARNING)]),
    "script not installed": (status_of("db-02", version=""), [("script-differs", "db-02", WARNING)]),
    "standby's NFS server": (status_of("db-02", nfs_answers=False), [("nfs-not-ready", "db-02", WARNING)]),
    "blocked host": (
        of("probes", "db-02", a_probe().model_copy(update={"database": "blocked"})),
        [("host-blocked", "db-02", WARNING)],
    ),
    "hosts file": (status_of("db-01", missing_hosts=["10.0.6.4"]), [("hosts-missing", "db-01", WARNING)]),
    "fstab": (status_of("db-01", is_mounted_by_fstab=True), [("mounted-by-fstab", "db-01", WARNING)]),
    "source/dest check of the active": (
        interface("db-01", is_source_dest_check_on=True),
        [("source-dest-check-on", "db-01", CRITICAL)],
    ),
    "source/dest check of the standby": (
        interface("db-02", is_source_dest_check_on=True),
        [("source-dest-check-on", "db-02", WARNING)],
    ),
    "interface of another instance": (
        interface("db-02", instance_id="i-0a"),
        [("interface-elsewhere", "db-02", CRITICAL)],
    ),
    "interface of none": (interface("db-02", instance_id=None), [("interface-elsewhere", "db-02", CRITICAL)]),
    "eth1 given as eth0": (interface("db-02", device_index=1), [("interface-elsewhere", "db-02", CRITICAL)]),
    "eth0 in another subnet": (
        interface("db-02", subnet_id="subnet-0b1"), [("interface-elsewhere", "db-02", CRITICAL)]
    ),
    "volume of the other node": (volume("db-01", instance_id="i-0b"), [("volume-elsewhere", "db-01", CRITICAL)]),
    "volume of none": (volume("db-01", instance_id=None), [("volume-elsewhere", "db-01", CRITICAL)]),
    "volume that is not there": (volume("db-01", exists=False), [("volume-elsewhere", "db-01", CRITICAL)]),
    "instance that EC2 forgot": (
        of("machines", "db-02", (InstanceState.FORGOTTEN, StatusChecks.UNKNOWN)),
        [("instance-unknown", "db-02", CRITICAL)],
    ),
    "terminated instance": (
        of("machines", "db-02", (InstanceState.GONE, StatusChecks.UNKNOWN)), [("node-off", "db-02", CRITICAL)]
    ),
    "root volume": (volume("db-01", device="/dev/xvda"), [("volume-elsewhere", "db-01", CRITICAL)]),
    "isolated for no reason": (
        of("isolated_subnets", "db-02", ["subnet-0c"]),
        [("node-isolated", "db-02", CRITICAL)],
    ),
    "isolated because it was fenced": (
        of("isolated_subnets", "db-02", ["subnet-0c"])
        | of("machines", "db-02", (InstanceState.OFF, StatusChecks.UNKNOWN))
        | record(fence=FENCE),
        [("node-off", "db-02", CRITICAL)],
    ),
    "another interface in a subnet": (
        of("alone", "db-01", NotProven(why="the subnet subnet-0a holds eni-0c")),
        [("subnet-shared", "db-01", WARNING)],
    ),
    "another interface where only the stop fences": (
        of("alone", "db-01", NotProven(why="the subnet subnet-0a holds eni-0c"))
        | {"settings": SETTINGS.model_copy(update={"fence_method": FenceMethod.STOP_INSTANCE})},
        [],
    ),
    "stop protection where the isolation fences": (
        of("stop_protection", "db-02", True),
        [("stop-protected", "db-02", WARNING)],
    ),
    "stop protection where only the stop fences": (
        of("stop_protection", "db-01", True)
        | {"settings": SETTINGS.model_copy(update={"fence_method": FenceMethod.STOP_INSTANCE})},
        [("stop-protected", "db-01", CRITICAL)],
    ),
    "stop protection where the node cannot be isolated": (
        of("stop_protection", "db-01", True) | of("alone", "db-01", NotProven(why="the subnet subnet-0a holds eni-0c")),
        [("stop-protected", "db-01", CRITICAL), ("subnet-shared", "db-01", WARNING)],
    ),
    "isolation ACL deleted": (
        {"isolation_acl": NotProven(why="the stack's network ACL acl-0 does not exist any more")},
        [("isolation-acl-unfit", SETTINGS.isolation_acl_id, WARNING)],
    ),
    "isolation ACL deleted where only the stop fences": (
        {"isolation_acl": NotProven(why="the stack's network ACL acl-0 does not exist any more")}
        | {"settings": SETTINGS.model_copy(update={"fence_method": FenceMethod.STOP_INSTANCE})},
        [],
    ),
    "propagated route beside ours": (
        {"routes": [an_entry("rtb-0a").model_copy(update={"is_propagated": True}), an_entry("rtb-0b")]},
        [("route-propagated", "rtb-0a", WARNING)],
    ),
    "propagated route in place of ours": (
        {"routes": [an_entry("rtb-0a", None).model_copy(update={"is_propagated": True}), an_entry("rtb-0b")]},
        [("route-missing", "rtb-0a", CRITICAL), ("route-propagated", "rtb-0a", WARNING)],
    ),
    "no route": (
        {"routes": [an_entry("rtb-0a"), an_entry("rtb-0b", None)]},
        [("route-missing", "rtb-0b", CRITICAL)],
    ),
    "route to the standby": (
        {"routes": [an_entry("rtb-0a", "eni-0b"), an_entry("rtb-0b")]},
        [("route-wrong", "rtb-0a", CRITICAL)],
    ),
    "another table": ({"unconfigured_tables": ["rtb-0c"]}, [("table-unconfigured", "rtb-0c", CRITICAL)]),
    "one target ill": (
        {"targets": [TargetHealth(target="i-1", state="healthy"), TargetHealth(target="i-2", state="unhealthy")]},
        [("target-unhealthy", "target group", WARNING)],
    ),
    "no target": ({"targets": []}, [("too-few-targets", "target group", CRITICAL)]),
    "slow check": (
        {"target_check": TargetCheck(interval_seconds=30, healthy_threshold=5, unhealthy_threshold=2)},
        [("target-check-slow", "target group", WARNING)],
    ),
    "needed alarm gone": (
        without_alarm("garoon-db-02-services-failed"),
        [("alarms-missing", "garoon-db-02-services-failed", CRITICAL)],
    ),
    "other alarm gone": (
        without_alarm("garoon-db-02-eth1-path-lost"),
        [("alarms-missing", "garoon-db-02-eth1-path-lost", WARNING)],
    ),
    "standby's alarm gone": (
        without_alarm("garoon-db-02-peer-lost"),
        [("alarms-missing", "garoon-db-02-peer-lost", WARNING)],
    ),
    "alarm muted": (
        alarm("garoon-not-ready", has_actions_on=False),
        [("alarms-muted", "garoon-not-ready", WARNING)],
    ),
    "alarm muted by a rule": (
        {"muted_alarms": ["garoon-not-ready"]},
        [("alarms-muted-by-rule", "garoon-not-ready", WARNING)],
    ),
    "needed alarm in trouble": (
        alarm("garoon-db-01-heartbeat-lost", trouble="EVALUATION_ERROR"),
        [("alarms-in-trouble", "garoon-db-01-heartbeat-lost", CRITICAL)],
    ),
    "other alarm in trouble": (
        alarm("garoon-not-ready", trouble="PARTIAL_DATA"),
        [("alarms-in-trouble", "garoon-not-ready", WARNING)],
    ),
    "functions that would not work": (
        {"rehearsal": Rehearsal(troubles={"fence_node": ["It slept."], "swap_route": ["It may not."]})},
        [("rehearsal-failed", "fence_node, swap_route", CRITICAL)],
    ),
    "nobody subscribed": ({"subscribers": 0}, [("nobody-told", "notification topic", WARNING)]),
    "nobody subscribed who could confirm": (
        {
            "subscribers": 0,
            "settings": SETTINGS.model_copy(update={"confirm_failover": ConfirmFailover.ABORT}),
        },
        [("nobody-told", "notification topic", CRITICAL)],
    ),
    "needed rule off": (of("rules", "acting-alarm", False), [("rules-off", "acting-alarm", CRITICAL)]),
    "other rule off": (of("rules", "health-event", False), [("rules-off", "health-event", WARNING)]),
    "dead letter": ({"undelivered": 2}, [("events-undelivered", "dead-letter queue", WARNING)]),
}  # fmt: skip


def test_a_cluster_in_order_is_ready_without_a_word() -> None:
    assert judge_readiness(evidence()) == []
    assert summarize([]) == "A failover would work now."


@pytest.mark.parametrize(("changes", "expected"), CAUSES.values(), ids=CAUSES.keys())
def test_each_cause_gives_its_finding_and_no_other(
    changes: dict[str, Any], expected: list[tuple[str, str, Severity]]
) -> None:
    findings = judge_readiness(evidence(**changes))
    assert [(finding.id, finding.about, finding.severity) for finding in findings] == expected
    assert is_ready(findings) == all(severity is not CRITICAL for _, _, severity in expected)


SOURCES: dict[str, dict[str, Any]] = {
    "record": {"record": Unknown(why="no")},
    "is-lock-owner-over": {"is_lock_owner_over": Unknown(why="no")},
    "machines": of("machines", "db-02", Unknown(why="no")),
    "statuses": of("statuses", "db-02", Unknown(why="no")),
    "probes": of("probes", "db-02", Unknown(why="no")),
    "surveys": of("surveys", "db-02", Unknown(why="no")),
    "interfaces": of("interfaces", "db-02", Unknown(why="no")),
    "volumes": of("volumes", "db-02", Unknown(why="no")),
    "isolated-subnets": of("isolated_subnets", "db-02", Unknown(why="no")),
    "alone": of("alone", "db-02", Unknown(why="no")),
    "isolation-acl": {"isolation_acl": Unknown(why="no")},
    "stop-protection": of("stop_protection", "db-02", Unknown(why="no")),
    "hibernation": of("hibernation", "db-02", Unknown(why="no")),
    "routes": {"routes": Unknown(why="no")},
    "unconfigured-tables": {"unconfigured_tables": Unknown(why="no")},
    "targets": {"targets": Unknown(why="no")},
    "target-check": {"target_check": Unknown(why="no")},
    "alarms": {"alarms": Unknown(why="no")},
    "rules": of("rules", "acting-alarm", Unknown(why="no")),
    "muted-alarms": {"muted_alarms": Unknown(why="no")},
    "undelivered": {"undelivered": Unknown(why="no")},
    "subscribers": {"subscribers": Unknown(why="no")},
    "rehearsal": {"rehearsal": Unknown(why="no")},
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_fails_is_a_finding_and_not_fine(source: str) -> None:
    [finding] = judge_readiness(evidence(**SOURCES[source]))
    assert finding.id == f"unknown-{source}"
    assert finding.meaning.endswith("could not be seen: no.")


def test_every_source_may_fail_and_each_is_told() -> None:
    could_be_unknown = {
        name.replace("_", "-")
        for name, field in ReadinessEvidence.model_fields.items()
        if "Unknown" in str(field.annotation)
    }
    assert set(SOURCES) == could_be_unknown
    nothing = {key: value for change in SOURCES.values() for key, value in change.items()}
    found = {finding.id for finding in judge_readiness(evidence(**nothing))}
    assert {f"unknown-{source}" for source in SOURCES} <= found


def test_what_could_hide_a_lost_failover_makes_the_cluster_not_ready() -> None:
    tolerated = {source for source, change in SOURCES.items() if is_ready(judge_readiness(evidence(**change)))}
    assert tolerated == {
        *("is-lock-owner-over", "alone", "target-check", "undelivered"),
        *("isolation-acl", "stop-protection", "muted-alarms", "subscribers", "surveys"),
    }


def all_findings() -> list[Finding]:
    changes = [change for change, _ in CAUSES.values()] + list(SOURCES.values())
    return [finding for change in changes for finding in judge_readiness(evidence(**change))]


def test_every_finding_speaks_in_sentences_and_says_what_to_do() -> None:
    for finding in all_findings():
        assert finding.meaning.endswith("."), finding
        assert not finding.meaning.endswith(".."), finding
        assert finding.action.endswith(".") or finding.action.startswith("aws "), finding


def test_every_finding_has_its_cause_here_and_its_place_in_the_documentation() -> None:
    core = ROOT / "layers/failover_core/failover"
    known, of_services = (
        set(re.findall(r'id="([a-z-]+)"', (core / f"{module}.py").read_text()))
        for module in ("readiness", "readiness_services")
    )
    assert known == {identity for _, expected in CAUSES.values() for identity, _, _ in expected}
    section = (ROOT / "docs/operations.md").read_text().partition("## Is it ready?")[2].partition("\n## ")[0]
    rows = "".join(line for line in section.splitlines() if line.startswith("| "))
    assert known | of_services == set(re.findall(r"`([a-z-]+)`", rows))


def test_the_gravest_comes_first_and_the_summary_names_it() -> None:
    findings = judge_readiness(evidence(**record(moving_to="db-02"), undelivered=1, unconfigured_tables=["rtb-0c"]))
    assert [finding.severity for finding in findings] == [CRITICAL, CRITICAL, WARNING]
    assert summarize(findings).startswith("A failover would not work now: A move of the active role to db-02")
    assert summarize(findings).endswith("And 1 more.")
    assert summarize(judge_readiness(evidence(undelivered=1))) == "A failover would work now, with 1 warnings."


def names_in_template(kind: str, name_property: str) -> set[str]:
    """Names of the template's resources of a kind, with the two nodes' names filled in."""
    filled = {"${ClusterName}": "garoon", "${NodeAName}": "db-01", "${NodeBName}": "db-02"}
    names = set()
    for resource in TEMPLATE["Resources"].values():
        if resource["Type"] == kind:
            name = resource["Properties"][name_property]["Fn::Sub"]
            for variable, value in filled.items():
                name = name.replace(variable, value)
            names.add(name)
    return names


def test_every_alarm_of_the_stack_is_looked_at() -> None:
    assert names_in_template("AWS::CloudWatch::Alarm", "AlarmName") == set(alarm_names(SETTINGS))


def test_every_rule_of_the_stack_is_looked_at() -> None:
    events = [
        event
        for resource in TEMPLATE["Resources"].values()
        for event in (resource.get("Properties", {}).get("Events") or {}).values()
        if event["Type"] in ("EventBridgeRule", "Schedule")
    ]
    named = {
        (event["Properties"].get("RuleName") or event["Properties"]["Name"])["Fn::Sub"].replace(
            "${ClusterName}", "garoon"
        )
        for event in events
    }
    # RejoinPolicy and WeeklyMessage may switch these off, and a failover does not need them.
    named -= {SETTINGS.own_name("node-is-running"), SETTINGS.own_name("weekly-message")}
    assert named | names_in_template("AWS::Events::Rule", "Name") == {SETTINGS.own_name(rule) for rule in RULES}


def test_looking_needs_no_right_to_change_anything() -> None:
    """Promise 8, as far as names tell: reads, the document without changing verbs, the function that obeys nobody."""
    [policy] = TEMPLATE["Resources"]["CheckReadinessRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    actions = {action.partition(":")[2] for statement in statements for action in statement["Action"]}
    assert {action for action in actions if not action.startswith(("Get", "Describe", "List"))} == {
        "SendCommand",
        "CancelCommand",
        "InvokeFunction",
    }
    [calls] = [statement["Resource"] for statement in statements if "lambda:InvokeFunction" in statement["Action"]]
    assert calls == [{"Fn::GetAtt": ["RehearseFunction", "Arn"]}]
    [sends] = [statement for statement in statements if "ssm:SendCommand" in statement["Action"]]
    documents = [resource["Fn::Sub"] for resource in sends["Resource"] if ":document/" in resource["Fn::Sub"]]
    assert [document.rpartition("/")[2] for document in documents] == ["${NodeLookDocument}"]
    environment = TEMPLATE["Resources"]["CheckReadinessFunction"]["Properties"]["Environment"]["Variables"]
    assert environment["NODE_DOCUMENT"] == {"Ref": "NodeLookDocument"}

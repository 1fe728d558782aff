"""Most findings of readiness are provoked and found, and go with their cause; looking changes nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from boto3.dynamodb.types import TypeSerializer

from testbed.cloud.faults import CloudFaults
from testbed.garoon.installation import CLUSTER, HOME, STANDBY, VIRTUAL_IP_ROUTE, point_virtual_ip
from testbed.scenarios.scenario import Expectation, Scenario
from testbed.scenarios.stage import Bed, Stage
from testbed.stack.deployment import changed_parameters

_ALARM_SETTINGS = (
    *("AlarmName", "AlarmActions", "OKActions", "Namespace", "MetricName", "Dimensions", "Statistic", "Period"),
    *("EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData"),
)
_serialize = TypeSerializer().serialize
_LATER = "2999-01-01T00:00:00.000000Z"
_EARLIER = "2026-01-01T00:00:00.000000Z"


@contextmanager
def routes_astray(bed: Bed) -> Iterator[None]:
    """One entry is gone, one points to the standby, and a table that nobody configured has one too."""
    ec2, tables = bed.clients.ec2, bed.installation.route_tables
    ec2.delete_route(RouteTableId=tables["app-1a"], DestinationCidrBlock=VIRTUAL_IP_ROUTE)
    point_virtual_ip(bed.clients, bed.installation, STANDBY, ("app-1c",))
    home = bed.installation.nodes[HOME].eth0_interface_id
    ec2.create_route(RouteTableId=tables["db-1a"], DestinationCidrBlock=VIRTUAL_IP_ROUTE, NetworkInterfaceId=home)
    yield
    ec2.delete_route(RouteTableId=tables["db-1a"], DestinationCidrBlock=VIRTUAL_IP_ROUTE)
    point_virtual_ip(bed.clients, bed.installation, HOME, ("app-1a", "app-1c"))


@contextmanager
def standby_reconfigured(bed: Bed) -> Iterator[None]:
    """What somebody may do to a server, each harmless until it is needed."""
    interface = bed.installation.nodes[STANDBY].eth0_interface_id
    bed.clients.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": True})
    root = bed.hosts[STANDBY].files.root
    script, fstab, link = root / "usr/local/sbin/garoon-node", root / "etc/fstab", root / "etc/rc3.d/S85cyde_5_0"
    before = script.read_text()
    script.write_text(f"{before}# of an older stack\n")
    service, left = root / "etc/init.d/cyss_cbgrn", root / "etc/init.d/cyss_old"
    service.rename(left)
    fstab.write_text("/dev/xvdb1 /mnt/DIR1 xfs defaults 0 0\n")
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("../init.d/cyde_5_0")
    hosts = root / "etc/hosts"
    names = hosts.read_text()
    hosts.write_text("127.0.0.1 localhost\n")
    own = root / "etc/garoon-node.local.conf"
    settings = own.read_text()
    own.write_text(f'{settings}EXPORTS="cybozu/mysql-5.0/files:3772"\n')
    bed.hosts[STANDBY].deliver("systemctl stop nfs-server.service", {}, 10.0)
    bed.hosts[HOME].set_fault("database", "blocked")
    yield
    bed.hosts[HOME].set_fault("database", None)
    bed.hosts[STANDBY].deliver("systemctl start nfs-server.service", {}, 10.0)
    left.rename(service)
    own.write_text(settings)
    hosts.write_text(names)
    link.unlink()
    fstab.unlink()
    script.write_text(before)
    bed.clients.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})


@contextmanager
def watch_dismantled(bed: Bed) -> Iterator[None]:
    """An alarm is gone, another muted, a rule is off, an event was not delivered, the ALB checks seldom."""
    cloudwatch, events, sqs, elbv2 = bed.clients.cloudwatch, bed.clients.events, bed.clients.sqs, bed.clients.elbv2
    gone, muted, rule = (
        f"{CLUSTER}-{HOME}-eth1-path-lost",
        f"{CLUSTER}-{HOME}-eth0-path-lost",
        f"{CLUSTER}-acting-alarm",
    )
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[gone])["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[gone])
    cloudwatch.disable_alarm_actions(AlarmNames=[muted])
    events.disable_rule(Name=rule)
    queue = bed.stack.outputs["DeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    group = bed.installation.target_group_arn
    elbv2.modify_target_group(TargetGroupArn=group, HealthCheckIntervalSeconds=30, HealthyThresholdCount=5)
    yield
    elbv2.modify_target_group(TargetGroupArn=group, HealthCheckIntervalSeconds=10, HealthyThresholdCount=2)
    sqs.purge_queue(QueueUrl=queue)
    events.enable_rule(Name=rule)
    cloudwatch.enable_alarm_actions(AlarmNames=[muted])
    settings: dict[str, Any] = {name: value for name, value in alarm.items() if name in _ALARM_SETTINGS}
    cloudwatch.put_metric_alarm(**settings)


def recorded(**values: object) -> Callable[[Bed], AbstractContextManager[None]]:
    """The cluster record has these attributes meanwhile, and none of them afterwards."""

    @contextmanager
    def change(bed: Bed) -> Iterator[None]:
        machine = bed.stack.state_machine_arn.replace(":stateMachine:", ":execution:")
        given = {
            name: value.replace("{machine}", machine) if isinstance(value, str) else value
            for name, value in values.items()
        }
        _update_record(bed, "SET", [f"{name} = :{name}" for name in given], given)
        yield
        _update_record(bed, "REMOVE", list(given), {})

    return change


def _update_record(bed: Bed, verb: str, changes: list[str], values: Mapping[str, object]) -> None:
    given: dict[str, Any] = {}
    if values:
        given["ExpressionAttributeValues"] = {f":{name}": _serialize(value) for name, value in values.items()}
    bed.clients.dynamodb.update_item(
        TableName=bed.stack.cluster_table,
        Key={"clusterName": {"S": CLUSTER}},
        UpdateExpression=f"{verb} {', '.join(changes)}",
        **given,
    )


def faulty(**faults: object) -> Callable[[Bed], AbstractContextManager[None]]:
    """The standby has these faults meanwhile."""

    @contextmanager
    def change(bed: Bed) -> Iterator[None]:
        for name, value in faults.items():
            bed.hosts[STANDBY].set_fault(name, value)
        yield
        for name in faults:
            bed.hosts[STANDBY].set_fault(name, None)

    return change


@contextmanager
def resync(bed: Bed) -> Iterator[None]:
    bed.hosts[STANDBY].mirror.start_resync(STANDBY, 3600.0)
    yield
    bed.hosts[STANDBY].mirror.start_resync(STANDBY, 0.1)


@contextmanager
def protocol_changed(bed: Bed) -> Iterator[None]:
    """On a connection that stands, as an operator does, or a stack whose parameter the nodes never heard of."""
    bed.hosts[STANDBY].mirror.set_protocol(STANDBY, "A")
    yield
    bed.hosts[STANDBY].mirror.set_protocol(STANDBY, "C")


@contextmanager
def watch_stopped(bed: Bed) -> Iterator[None]:
    bed.hosts[STANDBY].deliver("systemctl stop garoon-node-watch.service", {}, 10.0)
    yield
    bed.hosts[STANDBY].deliver("systemctl start garoon-node-watch.service", {}, 10.0)


@contextmanager
def link_lost(bed: Bed) -> Iterator[None]:
    """With a watch, the standby would say sooner or later that it is left behind: another finding."""
    with watch_stopped(bed), faulty(nic_eth1="down")(bed):
        yield


@contextmanager
def status_check_failing(bed: Bed) -> Iterator[None]:
    faults = CloudFaults(bed.world.directory)
    faults.set_failed_status_check(bed.installation.nodes[STANDBY].instance_id)
    yield
    faults.clear()


@contextmanager
def instance_stopped(bed: Bed) -> Iterator[None]:
    instance = bed.installation.nodes[STANDBY].instance_id
    bed.clients.ec2.stop_instances(InstanceIds=[instance])
    bed.clients.ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig={"Delay": 1})
    yield
    bed.clients.ec2.start_instances(InstanceIds=[instance])


@contextmanager
def replication_link_isolated(bed: Bed) -> Iterator[None]:
    """Somebody plays with the network ACL that denies everything, and with the subnet."""
    node = bed.installation.nodes[STANDBY]
    beside = bed.clients.ec2.create_network_interface(SubnetId=node.eth1_subnet_id)["NetworkInterface"]
    function = bed.stack.outputs["CheckReadinessFunctionName"]
    told = bed.clients.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    before = _give_acl(bed, node.eth1_subnet_id, told["ISOLATION_ACL_ID"])
    yield
    _give_acl(bed, node.eth1_subnet_id, before)
    bed.clients.ec2.delete_network_interface(NetworkInterfaceId=beside["NetworkInterfaceId"])


@contextmanager
def fence_spoiled(bed: Bed) -> Iterator[None]:
    """The network ACL that isolates is gone, as tools delete what is on no subnet; an instance is protected."""
    instance = bed.installation.nodes[STANDBY].instance_id
    bed.clients.ec2.modify_instance_attribute(InstanceId=instance, DisableApiStop={"Value": True})
    with changed_parameters(bed.clients, {"IsolationAclId": "acl-0123456789abcdef0"}):
        yield
    bed.clients.ec2.modify_instance_attribute(InstanceId=instance, DisableApiStop={"Value": False})


@contextmanager
def right_taken(bed: Bed) -> Iterator[None]:
    """Somebody forbids what the fence needs, and it would be noticed in the failover."""
    [role] = [role["RoleName"] for role in _roles(bed) if "FenceNodeRole" in role["RoleName"]]
    statement = {"Effect": "Deny", "Action": "ec2:StopInstances", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bed.clients.iam.put_role_policy(RoleName=role, PolicyName="drill", PolicyDocument=document)
    yield
    bed.clients.iam.delete_role_policy(RoleName=role, PolicyName="drill")


def _roles(bed: Bed) -> list[dict[str, Any]]:
    return [role for page in bed.clients.iam.get_paginator("list_roles").paginate() for role in page["Roles"]]


@contextmanager
def operators_deaf(bed: Bed) -> Iterator[None]:
    """A rule mutes an alarm, and nobody is subscribed."""
    sns, cloudwatch = bed.clients.sns, cast(Any, bed.clients.cloudwatch)  # newer than its stubs
    topic = bed.stack.topic_arn
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    for subscription in subscriptions:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    cloudwatch.put_alarm_mute_rule(
        Name="drill",
        Rule={"Schedule": {"Expression": "at(2026-01-01T00:00)", "Duration": "P1D"}},
        MuteTargets={"AlarmNames": [f"{CLUSTER}-not-ready"]},
    )
    yield
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="drill")
    for subscription in subscriptions:
        sns.subscribe(TopicArn=topic, Protocol=subscription["Protocol"], Endpoint=subscription["Endpoint"])


def _give_acl(bed: Bed, subnet_id: str, acl_id: str) -> str:
    """Gives the subnet that network ACL; returns the one it had."""
    filters = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
    [acl] = bed.clients.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]  # type: ignore[arg-type]
    [association] = [one for one in acl["Associations"] if one["SubnetId"] == subnet_id]
    bed.clients.ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl_id
    )
    return acl["NetworkAclId"]


def wrong_interface(bed: Bed) -> AbstractContextManager[None]:
    wrong = bed.installation.nodes[HOME].eth1_interface_id
    return changed_parameters(bed.clients, {"NodeBEth0InterfaceId": wrong})


def swapped_volumes(bed: Bed) -> AbstractContextManager[None]:
    first, second = (bed.installation.nodes[name].data_volume_id for name in (HOME, STANDBY))
    return changed_parameters(bed.clients, {"NodeADataVolumeId": second, "NodeBDataVolumeId": first})


# What is the matter, and by which findings it must be seen.
PROVOCATIONS: tuple[tuple[str, Callable[[Bed], AbstractContextManager[None]], set[str]], ...] = (
    (
        "routes of the virtual IP are missing, wrong, and where nobody looks for them",
        routes_astray,
        {"route-missing", "route-wrong", "table-unconfigured", "target-unhealthy", "too-few-targets"},
    ),
    (
        "somebody changes the standby's settings",
        standby_reconfigured,
        {
            *("source-dest-check-on", "script-differs", "services-start-at-boot", "mounted-by-fstab"),
            *("hosts-missing", "nfs-not-ready", "host-blocked", "configuration-differs"),
            *("service-missing", "service-not-configured", "export-missing-on-standby"),
        },
    ),
    (
        "somebody takes the watch apart",
        watch_dismantled,
        {"alarms-missing", "alarms-muted", "rules-off", "events-undelivered", "target-check-slow"},
    ),
    (
        "the record holds an old lock, half a move, a recent failover and a fence",
        recorded(
            lockOwner="{machine}:gone",
            lockExpiresAt=_EARLIER,
            movingTo=STANDBY,
            lastFailoverAt=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            fence={"node": STANDBY, "execution": "arn"},
        ),
        {"lock-left-over", "move-unfinished", "interval-running", "fenced-node-runs"},
    ),
    ("the lock is held", recorded(lockOwner="{machine}:gone", lockExpiresAt=_LATER), {"execution-at-work"}),
    ("the record cannot be read", recorded(epoch="many"), {"unknown-record"}),
    ("the record names the standby as active", recorded(active=STANDBY), {"roles-disagree", "active-not-serving"}),
    ("a parameter names the wrong interface", wrong_interface, {"interface-elsewhere"}),
    ("the parameters have the data volumes swapped", swapped_volumes, {"volume-elsewhere"}),
    ("the standby's replica is in the middle of a resync", resync, {"replica-stale", "replication-word-missing"}),
    ("the standby's eth1 goes down", link_lost, {"path-lost", "replica-not-connected"}),
    (
        "the standby's eth1 subnet is isolated, and holds somebody else's interface",
        replication_link_isolated,
        {"node-isolated", "subnet-shared"},
    ),
    ("somebody spoils the fence", fence_spoiled, {"isolation-acl-unfit", "stop-protected"}),
    ("the fence's function may not stop an instance any more", right_taken, {"rehearsal-failed"}),
    ("nobody would hear an alarm", operators_deaf, {"alarms-muted-by-rule", "nobody-told"}),
    ("replication runs with another protocol than the stack has", protocol_changed, {"protocol-differs"}),
    ("the standby's watch ends", watch_stopped, {"heartbeat-missing"}),
    ("the standby's status checks fail", status_check_failing, {"status-check-failed"}),
    ("the standby's path to AWS breaks", faulty(aws="down"), {"node-silent"}),
    ("the standby is stopped", instance_stopped, {"node-off"}),
)

NOT_PROVOKED = frozenset(
    {
        *("agent-may-stall", "agent-not-sending", "alarms-in-trouble", "can-hibernate", "clock-wrong", "epoch-ahead"),
        *("instance-unknown", "look-failed", "port-differs", "role-not-noted", "route-propagated"),
        *("service-stopped", "unwritable"),
    }
)
"""What no provocation here brings about: tests/unit/test_readiness.py does, on evidence as it would be."""


def break_it(stage: Stage) -> None:
    stage.wait_for_findings(set())
    stage.begin_maintenance()
    stage.wait_for_findings({"maintenance-on"})
    for what, provoke, findings in PROVOCATIONS:
        stage.provoke(what, provoke, findings)
        stage.wait_for_findings({"maintenance-on"})
    stage.end_maintenance()
    stage.wait_for_findings(set())
    stage.start_by_hand()


SCENARIO = Scenario(
    name="readiness-findings",
    title="Findings of readiness are provoked, found, and go with their cause.",
    break_it=break_it,
    expected=Expectation(
        outcome="NothingToDo",
        verdict="nothingToDo",
        # The standby that is started again rejoins only by hand while maintenance is on.
        others=frozenset({"NothingToDo", "Skipped", "Warned", "Halted"}),
    ),
)

"""Gathering for readiness: everybody is asked, and who cannot answer does not keep the others back."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from failover.adapters import alarms, events, instances, isolation, notifications, routes, targets
from failover.adapters import cluster_table as table
from failover.proof import NotProven, Proven
from failover.runtime import metrics
from failover.settings import Settings
from failover.steps.check_readiness import ReadinessRequest, check_readiness

from tests.unit.fake_nodes import FakeSsm


@pytest.mark.usefixtures("cluster_table")
def test_sources_that_fail_leave_the_others_their_word(settings: Settings, ssm: FakeSsm) -> None:
    """Of all that a cluster needs, this account has the record and two nodes that answer."""
    readiness = check_readiness(ReadinessRequest(), settings)
    found = {finding.id for finding in readiness.findings}
    assert {"instance-unknown", "unknown-interfaces", "unknown-routes", "unknown-targets", "rules-off"} <= found
    assert not {"unknown-record", "unknown-statuses", "unknown-probes", "node-silent", "roles-disagree"} & found
    assert not readiness.is_ready
    assert metrics.metric_set["FailoverReady"]["Value"] == [0.0]


@pytest.mark.usefixtures("cluster_table")
def test_looking_asks_the_nodes_for_nothing_else_and_writes_nothing(settings: Settings, ssm: FakeSsm) -> None:
    check_readiness(ReadinessRequest(), settings)
    assert {command["Verb"] for command in ssm.sent} == {"status", "probe", "survey"}
    assert table.read_record(settings).lock_owner is None
    assert boto3.client("dynamodb").scan(TableName=settings.cluster_table)["Count"] == 0


@pytest.mark.usefixtures("cluster_table")
def test_only_a_node_that_answers_is_surveyed_and_only_afterwards(settings: Settings, ssm: FakeSsm) -> None:
    """A slow one that is asked for more at the same time answers nothing in time."""
    ssm.nodes["i-0a"].is_silent = True
    check_readiness(ReadinessRequest(), settings)
    verbs = [command["Verb"] for command in ssm.sent]
    assert verbs.count("survey") == 1
    assert verbs.index("survey") > max(place for place, verb in enumerate(verbs) if verb == "status")


@pytest.mark.usefixtures("cluster_table")
def test_a_node_that_is_silent_is_told_from_one_that_could_not_be_asked(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0a"].is_silent = True
    ssm.garble = lambda output: output[:20]
    findings = {(finding.id, finding.about) for finding in check_readiness(ReadinessRequest(), settings).findings}
    assert ("node-silent", "db-01") in findings
    assert ("unknown-statuses", "db-02") in findings


@pytest.mark.usefixtures("aws")
def test_a_rule_that_is_off_or_gone_is_not_on() -> None:
    client = boto3.client("events")
    for name, state in (("garoon-on", "ENABLED"), ("garoon-off", "DISABLED")):
        client.put_rule(Name=name, ScheduleExpression="rate(1 day)", State=state)
    assert [events.is_rule_on(name) for name in ("garoon-on", "garoon-off", "garoon-gone")] == [True, False, False]


@pytest.mark.usefixtures("aws")
def test_events_that_somebody_is_reading_are_undelivered_still(settings: Settings) -> None:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="undelivered")["QueueUrl"]
    settings = settings.model_copy(update={"dead_letter_queue_url": queue})
    assert events.count_undelivered(settings) == 0
    for _ in range(2):
        sqs.send_message(QueueUrl=queue, MessageBody="{}")
    sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1, VisibilityTimeout=60)
    assert events.count_undelivered(settings) == 2


@pytest.mark.usefixtures("aws")
def test_only_tables_of_the_same_vpc_with_the_virtual_ip_are_unconfigured(settings: Settings) -> None:
    ec2 = boto3.client("ec2")

    def make_table(vpc: str, interface: str | None) -> str:
        made: str = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        if interface:
            ec2.create_route(
                RouteTableId=made, DestinationCidrBlock=settings.virtual_ip_cidr, NetworkInterfaceId=interface
            )
        return made

    vpc, other_vpc = (ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.3.0/24")["Subnet"]["SubnetId"]
    eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    configured, unconfigured, _without = make_table(vpc, eni), make_table(vpc, eni), make_table(vpc, None)
    make_table(other_vpc, eni)
    settings = settings.model_copy(update={"route_table_ids": (configured,)})
    assert routes.read_unconfigured_tables(settings) == [unconfigured]


@pytest.mark.usefixtures("aws")
def test_the_target_group_s_own_check_is_read(settings: Settings) -> None:
    vpc = boto3.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = boto3.client("elbv2").create_target_group(
        Name="app", Protocol="HTTP", Port=80, VpcId=vpc, HealthCheckIntervalSeconds=20, HealthyThresholdCount=3,
        UnhealthyThresholdCount=4,
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    check = targets.read_target_check(settings.model_copy(update={"target_group_arn": group}))
    assert (check.seconds_until_healthy, check.seconds_until_unhealthy) == (60, 80)


# --- what AWS says of what a failover will need -------------------------------------------------------------------


READ_MUTED = alarms.read_muted


def stubbed(monkeypatch: pytest.MonkeyPatch, module: Any, service: Any, *answers: tuple[str, Any, Any]) -> None:
    """The module's client answers these calls, in this order, and no other: operation, answer, parameters."""
    client = boto3.client(service, region_name="ap-northeast-1")
    stubber = Stubber(client)
    for operation, answer, parameters in answers:
        stubber.add_response(operation, answer, parameters)
    stubber.activate()
    monkeypatch.setattr(module, "client", lambda _service: client)


@pytest.mark.usefixtures("aws")
def test_stop_protection_is_seen_where_it_is_on(settings: Settings) -> None:
    ec2 = boto3.client("ec2")
    [made] = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    node = settings.node_a.model_copy(update={"instance_id": made["InstanceId"]})
    assert not instances.is_stop_protected(node)
    ec2.modify_instance_attribute(InstanceId=made["InstanceId"], DisableApiStop={"Value": True})
    assert instances.is_stop_protected(node)


def test_only_a_confirmed_subscription_is_somebody_who_is_told(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    said = {"Attributes": {"SubscriptionsConfirmed": "0", "SubscriptionsPending": "1"}}
    asked = {"TopicArn": settings.notification_topic_arn}
    stubbed(monkeypatch, notifications, "sns", ("get_topic_attributes", said, asked))
    assert notifications.count_subscribers(settings) == 0


@pytest.mark.usefixtures("aws")
def test_the_network_acl_that_isolates_is_looked_at_by_its_id(settings: Settings) -> None:
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    settings = settings.model_copy(update={"isolation_acl_id": acl})
    assert isinstance(isolation.prove_acl_denies(settings), Proven)
    ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=1, Protocol="-1", RuleAction="allow", Egress=True, CidrBlock="0.0.0.0/0"
    )
    opened = f"the stack's network ACL {acl} has an entry that lets something through"
    assert isolation.prove_acl_denies(settings) == NotProven(why=opened)


def test_a_network_acl_that_somebody_deleted_is_missed(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    client = boto3.client("ec2", region_name="ap-northeast-1")
    stubber = Stubber(client)
    stubber.add_client_error("describe_network_acls", "InvalidNetworkAclID.NotFound")
    stubber.activate()
    monkeypatch.setattr(isolation, "client", lambda _service: client)
    what = f"the stack's network ACL {settings.isolation_acl_id} does not exist any more"
    assert isolation.prove_acl_denies(settings) == NotProven(why=what)


def test_an_alarm_that_a_mute_rule_mutes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there_is_one = {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": "arn:one", "Status": "ACTIVE"}]}
    none: dict[str, Any] = {"AlarmMuteRuleSummaries": []}
    call, active = "list_alarm_mute_rules", {"Statuses": ["ACTIVE"]}
    stubbed(
        monkeypatch, alarms, "cloudwatch", (call, there_is_one, active),
        (call, none, active | {"AlarmName": "a"}), (call, there_is_one, active | {"AlarmName": "b"}),
    )  # fmt: skip
    assert READ_MUTED(["a", "b"]) == ["b"]
    stubbed(monkeypatch, alarms, "cloudwatch", (call, none, active))
    assert READ_MUTED(["a", "b"]) == []


def test_an_alarm_says_that_it_cannot_be_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        {"AlarmName": "a", "StateValue": "OK", "ActionsEnabled": True, "EvaluationState": "EVALUATION_ERROR"},
        {"AlarmName": "b", "StateValue": "OK", "ActionsEnabled": True},
    ]
    parameters = {"AlarmNames": ["a", "b"], "AlarmTypes": ["MetricAlarm"]}
    stubbed(monkeypatch, alarms, "cloudwatch", ("describe_alarms", {"MetricAlarms": told}, parameters))
    assert {name: alarm.trouble for name, alarm in alarms.read_alarms(["a", "b"]).items()} == {
        "a": "EVALUATION_ERROR",
        "b": "",
    }


@pytest.mark.parametrize("origin", ["EnableVgwRoutePropagation", "Advertisement"])
def test_an_entry_that_somebody_propagates_is_not_ours(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, origin: str
) -> None:
    """No call of ours can replace it; where it is all there is, an entry of our own is made, which goes before it."""
    theirs = {"DestinationCidrBlock": "10.1.0.10/32", "GatewayId": "vgw-1", "Origin": origin, "State": "active"}
    ours = {"DestinationCidrBlock": "10.1.0.10/32", "NetworkInterfaceId": "eni-0a", "Origin": "CreateRoute"}
    answer = {
        "RouteTables": [
            {"RouteTableId": "rtb-0a", "VpcId": "vpc-1", "Routes": [theirs, ours]},
            {"RouteTableId": "rtb-0b", "VpcId": "vpc-1", "Routes": [theirs]},
            {"RouteTableId": "rtb-0c", "VpcId": "vpc-1", "Routes": [theirs]},
        ]
    }
    stubbed(monkeypatch, routes, "ec2", ("describe_route_tables", answer, None))
    both, alone = routes.read_entries(settings)
    assert (both.points_to(settings.node_a), both.exists, both.is_propagated) == (True, True, True)
    assert (alone.points_to(settings.node_a), alone.exists, alone.is_propagated) == (False, False, True)
    stubbed(monkeypatch, routes, "ec2", ("describe_route_tables", answer, None))
    assert routes.read_unconfigured_tables(settings) == ["rtb-0c"]

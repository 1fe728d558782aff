"""Gathering for readiness: everybody is asked, and who cannot answer does not keep the others back."""

from typing import Any

import boto3
import pytest
from failover.adapters import cluster_table as table
from failover.adapters import events, routes, targets
from failover.runtime import metrics
from failover.settings import Settings
from failover.steps.check_readiness import ReadinessRequest, check_readiness

from tests.unit.fake_nodes import FakeSsm


@pytest.fixture(autouse=True)
def _no_metrics() -> Any:
    metrics.clear_metrics()
    yield
    metrics.clear_metrics()


@pytest.mark.usefixtures("cluster_table")
def test_sources_that_fail_leave_the_others_their_word(settings: Settings, ssm: FakeSsm) -> None:
    """Of all that a cluster needs, this account has the record and two nodes that answer."""
    readiness = check_readiness(ReadinessRequest(), settings)
    found = {finding.id for finding in readiness.findings}
    assert {"unknown-machines", "unknown-interfaces", "unknown-routes", "unknown-targets", "rules-off"} <= found
    assert not {"unknown-record", "unknown-statuses", "unknown-probes", "node-silent", "roles-disagree"} & found
    assert not readiness.is_ready
    assert metrics.metric_set["FailoverReady"]["Value"] == [0.0]
    assert metrics.dimension_set["Cluster"] == "garoon"


@pytest.mark.usefixtures("cluster_table")
def test_looking_asks_the_nodes_for_nothing_else_and_writes_nothing(settings: Settings, ssm: FakeSsm) -> None:
    check_readiness(ReadinessRequest(), settings)
    assert {command["Verb"] for command in ssm.sent} == {"status", "probe"}
    assert table.read_record(settings).lock_owner is None
    assert boto3.client("dynamodb").scan(TableName=settings.cluster_table)["Count"] == 0


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

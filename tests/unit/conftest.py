"""A cluster for the unit tests: settings, and its AWS side in moto where a test asks for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from failover.adapters import alarms, functions, instances, isolation, nodes, notifications
from failover.adapters import cluster_table as table
from failover.models import Rehearsal
from failover.runtime import metrics
from failover.settings import Node, Settings, read_settings
from failover.steps import assess_cluster, promote_replica, rejoin_node, verbs
from moto import mock_aws
from moto.backends import get_backend

from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_network import FakeNetwork
from tests.unit.fake_nodes import FakeNode, FakeSsm

EXECUTION = "arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:one"
OTHER_EXECUTION = "arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:other"


def make_environment(**changes: str) -> dict[str, str]:
    return {
        "CLUSTER_NAME": "garoon",
        "CLUSTER_TABLE": "clusters",
        "HISTORY_TABLE": "history",
        "HISTORY_DAYS": "400",
        "NODE_A_NAME": "db-01",
        "NODE_A_INSTANCE_ID": "i-0a",
        "NODE_A_ETH0_INTERFACE_ID": "eni-0a",
        "NODE_A_ETH0_SUBNET_ID": "subnet-0a0",
        "NODE_A_ETH1_SUBNET_ID": "subnet-0a1",
        "NODE_A_DATA_VOLUME_ID": "vol-0a",
        "NODE_B_NAME": "db-02",
        "NODE_B_INSTANCE_ID": "i-0b",
        "NODE_B_ETH0_INTERFACE_ID": "eni-0b",
        "NODE_B_ETH0_SUBNET_ID": "subnet-0b0",
        "NODE_B_ETH1_SUBNET_ID": "subnet-0b1",
        "NODE_B_DATA_VOLUME_ID": "vol-0b",
        "VIRTUAL_IP": "10.1.0.10",
        "ROUTE_TABLE_IDS": "rtb-0a,rtb-0b",
        "TARGET_GROUP_ARN": "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/app/1",
        "MINIMUM_HEALTHY_TARGETS": "1",
        "NODE_DOCUMENT": "garoon-node",
        "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:ap-northeast-1:123456789012:garoon",
        "CHAT_TOPIC_ARN": "arn:aws:sns:ap-northeast-1:123456789012:chat",
        "DEAD_LETTER_QUEUE_URL": "https://sqs.ap-northeast-1.amazonaws.com/123456789012/undelivered",
        "FAILOVER_STATE_MACHINE_ARN": "arn:aws:states:ap-northeast-1:123456789012:stateMachine:garoon-failover",
        "FENCE_METHOD": "IsolateAndStop",
        "ISOLATION_ACL_ID": "acl-0dead",
        "FENCE_TIMEOUT_SECONDS": "300",
        "MINIMUM_FAILOVER_INTERVAL_SECONDS": "900",
        "ANSWER_TIMEOUT_SECONDS": "10",
        "WATCH_INTERVAL_SECONDS": "5",
        "CONFIRM_FAILOVER": "Never",
        "CONFIRM_TIMEOUT_SECONDS": "600",
        "REPEAT_AFTER_MINUTES": "30",
        "RUNBOOK_URL": "https://wiki.example/garoon",
        "RECOVERY_TIMEOUT_SECONDS": "1800",
        "RECOVERY_NOTICE_SECONDS": "60",
        "REPLICATION_PROTOCOL": "C",
        "REJOIN_POLICY": "OnStart",
        "START_IN_MAINTENANCE": "No",
        "SERVICES": "cyde_5_0,cyss_cbgrn",
    } | changes


@pytest.fixture(autouse=True)
def no_metrics_left_over() -> Iterator[None]:
    """A step called without its handler leaves its metrics to whoever flushes next."""
    yield
    metrics.clear_metrics()


@pytest.fixture(autouse=True)
def no_mute_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto knows none."""
    monkeypatch.setattr(alarms, "read_muted", lambda _names: [])


@pytest.fixture(autouse=True)
def every_function_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto would run each in a container."""
    monkeypatch.setattr(functions, "rehearse_all", lambda _settings: Rehearsal(troubles={}))


@pytest.fixture
def settings() -> Settings:
    return read_settings(make_environment())


@pytest.fixture(scope="session")
def backends() -> None:
    """moto's part for each service that a step asks from threads of its own.

    moto imports one at the first call, and Python gives up an import when several threads wait for each other's.
    """
    for service in ("cloudwatch", "dynamodb", "ec2", "elbv2", "events", "sns", "sqs"):
        get_backend(service)


@pytest.fixture
def aws(backends: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account in moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # A thousand machine images for each test would take longer than all the tests.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    # One boto3 session for all tests, and its clients: each new one reads AWS's models again.
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


@pytest.fixture
def cluster_table(aws: None, settings: Settings) -> Any:
    """The cluster table, empty, as the stack makes it."""
    return boto3.resource("dynamodb").create_table(
        TableName=settings.cluster_table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "clusterName", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "clusterName", "KeyType": "HASH"}],
    )


@pytest.fixture
def history_table(aws: None, settings: Settings) -> Any:
    """The table of the past, empty, as the stack makes it."""
    return boto3.resource("dynamodb").create_table(
        TableName=settings.history_table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("kind", "at")],
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    )


@pytest.fixture
def ssm(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeSsm:
    """Run Command with db-01 primary and serving and db-02 its standby."""
    fake = FakeSsm(
        {
            settings.node_a.instance_id: FakeNode("db-01", role="primary", is_serving=True),
            settings.node_b.instance_id: FakeNode("db-02"),
        }
    )
    monkeypatch.setattr(nodes, "client", lambda _service: fake)
    clock = FakeTime()
    for module in (nodes, assess_cluster, promote_replica, rejoin_node, verbs):
        monkeypatch.setattr(module, "time", clock)
    fake.now = clock.time
    return fake


@pytest.fixture
def network_acls(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    """No node is isolated."""
    fake = FakeNetwork(settings)
    monkeypatch.setattr(isolation, "client", lambda _service: fake)
    return fake


@pytest.fixture
def machines(settings: Settings, network_acls: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> FakeMachines:
    """Both instances on, none of them isolated."""
    fake = FakeMachines(settings)
    for name in ("read_instance", "read_last_start", "stop_now", "start"):
        monkeypatch.setattr(instances, name, getattr(fake, name))
    return fake


@pytest.fixture
def lock(cluster_table: Any, settings: Settings) -> None:
    """This execution owns the lock."""
    table.acquire_lock(settings, EXECUTION, datetime.now(UTC))


def put_metrics(node: Node, seconds_ago: float, **values: float) -> None:
    """As one line of the node's `watch` becomes metrics."""
    dimensions = {"Cluster": "garoon", "Node": node.name, "InstanceId": node.instance_id}
    boto3.client("cloudwatch").put_metric_data(
        Namespace="GaroonFailover",
        MetricData=[
            {
                "MetricName": name,
                "Value": value,
                "StorageResolution": 1,
                "Timestamp": datetime.now(UTC) - timedelta(seconds=seconds_ago),
                "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
            }
            for name, value in values.items()
        ],
    )


def put_last_word(node: Node, seconds_ago: float = 30) -> None:
    """The node was replicating when it was heard last, and nothing else was ever said."""
    put_alarm(f"garoon-{node.name}-replication-degraded", "OK")
    put_metrics(node, seconds_ago, Heartbeat=1, ReplicationHealthy=1)


def put_alarm(name: str, state: Any) -> None:
    """An alarm of that name, in that state."""
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name, MetricName="m", Namespace="x", Period=10, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="LessThanThreshold", Statistic="Minimum",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What operators are mailed: subject, text and attributes of each message."""
    messages: list[dict[str, Any]] = []

    def publish(_settings: Settings, subject: str, text: str, attributes: dict[str, str]) -> None:
        messages.append({"subject": subject, "text": text} | attributes)

    monkeypatch.setattr(notifications, "publish", publish)
    return messages

"""The model's world behaves as the real ones: its table as DynamoDB, its nodes as garoon-node.sh on simulated hosts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from testbed.model import system
from testbed.model.code import Code
from testbed.model.explore import explore
from testbed.model.scopes import LIMIT, Scope, make_system
from testbed.model.world import Command, Node, World, obey
from tests.node.conftest import running_cluster
from tests.node.node import Cluster, wait_for


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="clusters",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "clusterName", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "clusterName", "KeyType": "HASH"}],
        )
        yield client


def test_the_table_takes_and_refuses_what_dynamodb_does(
    code: Code, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: dict[tuple[str, str], str | None] = {}
    apply = system._updated

    def update(item: str, parameters: str) -> tuple[str | None, str]:
        after, what = apply(item, parameters)
        writes[item, parameters] = after
        return after, what

    monkeypatch.setattr(system, "_updated", update)
    scope = Scope("off", 2, 0)
    explore(make_system(code, scope), scope.start, limit=LIMIT, checks_liveness=False)
    assert {after is None for after in writes.values()} == {True, False}

    key = {"clusterName": {"S": "garoon"}}
    for (item, parameters), after in writes.items():
        table.put_item(TableName="clusters", Item=json.loads(item) | key)
        if after is None:
            with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
                table.update_item(**json.loads(parameters))
            continue
        table.update_item(**json.loads(parameters))
        found = table.get_item(TableName="clusters", Key=key)["Item"]
        found.pop("lastOutcome", None)
        assert found == json.loads(after) | key


COMMANDS = [
    # Who serves before; the verb, its epoch, its node.
    (None, "promote", 1, 0),
    (0, "promote", 2, 0),
    (0, "promote", 2, 1),
    (0, "demote", 2, 0),
    (0, "demote", 2, 1),
    (None, "start", 2, 0),
    (0, "start", 2, 0),
    (None, "restart", 2, 0),
    (0, "restart", 2, 0),
    (0, "demote", 1, 0),
    (0, "restart", 1, 0),
    (0, "promote", 0, 1),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    world: Path = tmp_path_factory.mktemp("model") / "world"
    with running_cluster(world) as nodes:
        yield nodes


@pytest.mark.parametrize(("serving", "verb", "epoch", "index"), COMMANDS)
def test_the_nodes_obey_as_the_script_does(
    serving: int | None, verb: str, epoch: int, index: int, cluster: Cluster
) -> None:
    """Both nodes have obeyed what the table calls epoch 2; 1 is over, 0 is no epoch."""
    hosts = (cluster.first, cluster.second)
    base = max(host.status()["epoch"] for host in hosts) + 2
    for host in hosts:
        host.must("demote", Epoch=str(base))
    wait_for("both replicas up to date", cluster.is_in_sync)
    world = World(nodes=(Node(epoch=2), Node(epoch=2)))
    if serving is not None:
        cluster.activate(hosts[serving], epoch=str(base))
        world = world.with_node(serving, is_primary=True, is_mounted=True, is_serving=True, word="active")

    command = Command(index, verb, epoch, accepts_data_loss=False)
    report = hosts[index].run(verb, Epoch=str(base + epoch - 2 if epoch else 0))
    after, answer = obey(world, command)

    assert (report.result, report.code) == (answer.result, answer.code)
    for host, node in zip(hosts, after.nodes, strict=True):
        status = host.status()
        role = status["replication"]["role"] == "Primary"
        assert (role, status["isMounted"], status["isServing"], status["wasActive"]) == (
            node.is_primary, node.is_mounted, node.is_serving, node.word == "active",
        )  # fmt: skip

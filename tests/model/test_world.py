"""The model's table behaves as DynamoDB does. (Its nodes: tests/contract.)"""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from testbed.model import system
from testbed.model.code import Code
from testbed.model.explore import explore
from testbed.model.scopes import LIMIT, Scope, make_system


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

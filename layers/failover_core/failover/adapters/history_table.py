"""What is kept of the past: a DynamoDB table with an item for each execution that ended, until its time is over.

An item's key is its kind and its time, so that one query gives the newest. DynamoDB deletes an item within days of
`expiresAt` (Developer Guide, "Time to Live").
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError
from pydantic import ValidationError

from failover.adapters.clients import client, error_code, translate_errors
from failover.errors import CloudUnavailable
from failover.execution_record import ExecutionRecord
from failover.messages import Message
from failover.models import Value
from failover.settings import Settings

_serialize = TypeSerializer().serialize
_EXECUTION = "execution"
_CHANGE_TRIES = 5
ModelT = TypeVar("ModelT", bound=Value)


@translate_errors
def keep(settings: Settings, record: ExecutionRecord) -> None:
    """Keeping it again changes nothing: an execution has one item. Of one that runs nothing is kept."""
    if record.ended_at is None:
        raise ValueError(f"{record.name} runs")
    expires_at = record.ended_at + timedelta(days=settings.history_days)
    item = {
        "kind": _EXECUTION,
        "at": _key(record.started_at, record.name),
        "expiresAt": int(expires_at.timestamp()),
        "execution": record.execution,
        # For whoever reads the table in the console; programs read the record.
        "outcome": record.came_to,
        "reason": record.reason,
        "record": record.model_dump_json(by_alias=True),
    }
    client("dynamodb").put_item(
        TableName=settings.history_table, Item={name: _serialize(value) for name, value in item.items()}
    )


@translate_errors
def read_newest(settings: Settings, limit: int) -> list[ExecutionRecord]:
    """The newest first."""
    return [_record(item) for item in islice(_items(settings, Limit=limit), limit)]


@translate_errors
def read_kept(settings: Settings, since: datetime) -> set[str]:
    """The ARNs of the executions begun since then of which there is a record."""
    return {item["execution"]["S"] for item in _items(settings, since=_key(since, ""))}


@translate_errors
def find(settings: Settings, wanted: str) -> list[ExecutionRecord]:
    """Those with this ARN, or whose name begins so; the newest first."""
    part = wanted if wanted.startswith("arn:") else f":{wanted}"
    return [_record(item) for item in _items(settings) if part in item["execution"]["S"]]


@translate_errors
def recall(settings: Settings, kind: type[ModelT]) -> ModelT | None:
    """What was remembered last of that kind; None if nothing was, or another version of the stack wrote it."""
    return _parse(_recall(settings, kind), kind)


@translate_errors
def remember(settings: Settings, value: Value) -> None:
    """In place of what was remembered of its kind."""
    client("dynamodb").put_item(TableName=settings.history_table, Item=_memory(value))


@translate_errors
def change(settings: Settings, kind: type[ModelT], to: Callable[[ModelT | None], ModelT]) -> ModelT:
    """What is remembered of that kind from now on: `to` of what was, which is None as `recall` says.

    What another run remembers in between is not lost: `to` is asked again. Raises CloudUnavailable if it never ends.
    """
    for _ in range(_CHANGE_TRIES):
        before = _recall(settings, kind)
        known = _parse(before, kind)
        value = to(known)
        if value == known or _remember_instead(settings, value, before):
            return value
    raise CloudUnavailable(Message("error.memory-contended", name=kind.__name__, count=_CHANGE_TRIES))


def _recall(settings: Settings, kind: type[Value]) -> str | None:
    found = client("dynamodb").get_item(TableName=settings.history_table, Key=_place(kind), ConsistentRead=True)
    return found["Item"]["record"]["S"] if "Item" in found else None


def _parse(record: str | None, kind: type[ModelT]) -> ModelT | None:
    try:
        return None if record is None else kind.model_validate_json(record)
    except ValidationError:
        return None


def _remember_instead(settings: Settings, value: Value, before: str | None) -> bool:
    where = (
        {"ConditionExpression": "attribute_not_exists(#record)"}
        if before is None
        else {
            "ConditionExpression": "#record = :before",
            "ExpressionAttributeValues": {":before": _serialize(before)},
        }
    )
    try:
        client("dynamodb").put_item(
            TableName=settings.history_table,
            Item=_memory(value),
            ExpressionAttributeNames={"#record": "record"},
            **where,
        )
    except ClientError as error:
        if error_code(error) == "ConditionalCheckFailedException":
            return False
        raise
    return True


def _memory(value: Value) -> dict[str, Any]:
    return _place(type(value)) | {"record": _serialize(value.model_dump_json(by_alias=True))}


def _place(kind: type[Value]) -> dict[str, Any]:
    return {"kind": _serialize("memory"), "at": _serialize(kind.__name__)}


def _items(settings: Settings, since: str = "0", **limits: int) -> Iterator[dict[str, Any]]:
    pages = client("dynamodb").get_paginator("query").paginate(
        TableName=settings.history_table,
        KeyConditionExpression="#kind = :kind AND #at >= :since",
        ExpressionAttributeNames={"#kind": "kind", "#at": "at"},
        ExpressionAttributeValues={":kind": _serialize(_EXECUTION), ":since": _serialize(since)},
        ScanIndexForward=False,
        **limits,
    )  # fmt: skip
    return (item for page in pages for item in page["Items"])


def _record(item: dict[str, Any]) -> ExecutionRecord:
    return ExecutionRecord.model_validate_json(item["record"]["S"])


def _key(started_at: datetime, name: str) -> str:
    # One fixed format, so that the order of the strings is the order of the times.
    return f"{started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f} {name}".strip()

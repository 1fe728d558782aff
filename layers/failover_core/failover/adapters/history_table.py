"""What is kept of the past: a DynamoDB table with an item for each execution that ended, until its time is over.

An item's key is its kind and its time, so that one query gives the newest. DynamoDB deletes an item within days of
`expiresAt` (Developer Guide, "Time to Live").
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeSerializer
from pydantic import ValidationError

from failover.adapters.clients import client, translate_errors
from failover.execution_record import ExecutionRecord
from failover.models import Value
from failover.settings import Settings

_serialize = TypeSerializer().serialize
_EXECUTION = "execution"
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
    item = client("dynamodb").get_item(TableName=settings.history_table, Key=_place(kind)).get("Item")
    try:
        return kind.model_validate_json(item["record"]["S"]) if item else None
    except ValidationError:
        return None


@translate_errors
def remember(settings: Settings, value: Value) -> None:
    """In place of what was remembered of its kind."""
    record = {"record": _serialize(value.model_dump_json(by_alias=True))}
    client("dynamodb").put_item(TableName=settings.history_table, Item=_place(type(value)) | record)


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

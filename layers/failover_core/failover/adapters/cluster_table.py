"""The cluster record: one DynamoDB item, changed by conditional writes only.

DynamoDB evaluates a condition and applies its update as one atomic step (Developer Guide, "Condition expressions"),
so two executions can never both win.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from failover.adapters.clients import client, error_code, translate_errors
from failover.errors import Failed, LockHeld, LockLost, explain
from failover.messages import Message
from failover.models import UNTIL_ENDED, AutomaticLimit, ClusterRecord, Fence, KeptData, Outcome
from failover.settings import LOCK_SECONDS, Settings

_serialize = TypeSerializer().serialize


class _Deserializer(TypeDeserializer):
    """Numbers as JSON has them: what an outcome says is compared with what the recorded one said."""

    def _deserialize_n(self, value: str) -> int | float:
        number: Decimal = super()._deserialize_n(value)  # type: ignore[misc]  # the stubs leave it out
        return int(number) if number == number.to_integral_value() else float(number)


_deserialize = _Deserializer().deserialize
_REFUSED_AT = {AutomaticLimit.DECLINED: "declinedAt", AutomaticLimit.UNANSWERED: "unansweredAt"}
_LOCK_IS_LOST = Message("error.lock-lost")


@translate_errors
def read_record(settings: Settings) -> ClusterRecord:
    """The record as it is now (a consistent read). A cluster that never ran has its home node active and epoch 0.

    So has one whose item an operator made, by switching maintenance on before anything ever ran.
    Raises Failed, with what is wrong and where, for an item that cannot be understood or names another node.
    """
    item = (
        client("dynamodb")
        .get_item(TableName=settings.cluster_table, Key=_key(settings), ConsistentRead=True)
        .get("Item")
    )
    never_ran = {"active": settings.home.name, "epoch": 0} | (
        {"maintenanceUntil": _time(UNTIL_ENDED)} if settings.start_in_maintenance else {}
    )
    try:
        record = ClusterRecord.model_validate(
            never_ran | {name: _deserialize(value) for name, value in (item or {}).items()}
        )
        record.to_json()  # as the steps hand it on
    except PydanticSerializationError as error:
        raise _unreadable(settings, f"lastOutcome: {error}") from error
    except ValidationError as error:
        raise _unreadable(settings, explain(error)) from error
    names = [node.name for node in settings.nodes]
    named = {"active": record.active, "movingTo": record.moving_to, "fence": record.fence and record.fence.node}
    for field, name in named.items():
        if name not in (None, *names):
            raise _unreadable(settings, f"{field}: {name!r:.60} is not a node, {' and '.join(names)} are")
    return record


def _unreadable(settings: Settings, what: str) -> Failed:
    return Failed(
        Message(
            "error.record-unreadable",
            cluster_name=settings.cluster_name,
            cluster_table=settings.cluster_table,
            words=what,
        )
    )


@translate_errors
def acquire_lock(settings: Settings, owner: str, now: datetime, stale_owner: str | None = None) -> None:
    """Takes the lock for `owner`, or raises LockHeld. Taking it twice is success.

    A lock that has expired may be taken, and so may the lock of `stale_owner`: an execution that has ended.
    """
    conditions = ["attribute_not_exists(lockOwner)", "lockExpiresAt < :now", "lockOwner = :owner"]
    values: dict[str, Any] = {
        ":owner": owner,
        ":now": _time(now),
        ":expires": _time(now + timedelta(seconds=LOCK_SECONDS)),
        ":home": settings.home.name,
        ":zero": 0,
    }
    if stale_owner is not None:
        conditions.append("lockOwner = :stale")
        values[":stale"] = stale_owner
    try:
        _update(
            settings,
            "SET lockOwner = :owner, lockExpiresAt = :expires, "
            "active = if_not_exists(active, :home), epoch = if_not_exists(epoch, :zero)",
            " OR ".join(conditions),
            values,
        )
    except _ConditionFailedError:
        raise LockHeld(Message("error.lock-held")) from None


def require_lock(settings: Settings, owner: str) -> ClusterRecord:
    """The record, if `owner` still holds the lock. Raises LockLost otherwise."""
    record = read_record(settings)
    if record.lock_owner != owner:
        raise LockLost(_LOCK_IS_LOST)
    return record


@translate_errors
def begin_move(settings: Settings, owner: str, target: str) -> int:
    """Writes down, before anything is promoted, that the role moves to `target`; returns the move's epoch.

    The epoch grows by one with each move begun, and nodes refuse commands of a lower one. Beginning the same move
    again in the same execution returns the same epoch. Raises LockLost.
    """
    record = require_lock(settings, owner)
    if record.moving_to == target and record.moved_by == owner:
        return record.epoch
    epoch = record.epoch + 1
    _update_as_owner(
        settings,
        "SET movingTo = :target, movedBy = :owner, epoch = :epoch",
        "lockOwner = :owner AND epoch = :before",
        {":target": target, ":owner": owner, ":epoch": epoch, ":before": record.epoch},
    )
    return epoch


@translate_errors
def raise_epoch(settings: Settings, owner: str, obeyed: int) -> None:
    """Lets the record go on above an epoch that a node has obeyed already: it was made anew, or is an older copy.

    Raises LockLost; whoever holds the lock is the newest, so no order of his is an old one.
    """
    _update_as_owner(
        settings,
        "SET epoch = :next",
        "lockOwner = :owner AND epoch <= :obeyed",
        {":next": obeyed + 1, ":owner": owner, ":obeyed": obeyed},
    )


@translate_errors
def complete_move(settings: Settings, owner: str, target: str, epoch: int) -> None:
    """Records that `target` is active now, and that it is not fenced any more. Completing it twice is success.

    What an operator once declined is done now: the "no" holds no longer. Raises LockLost.
    """
    fence = require_lock(settings, owner).fence
    is_fence_over = fence is not None and fence.node == target
    _update_as_owner(
        settings,
        "SET active = :target REMOVE movingTo, movedBy, declinedAt, unansweredAt"
        + (", fence" if is_fence_over else ""),
        "lockOwner = :owner AND epoch = :epoch",
        {":target": target, ":owner": owner, ":epoch": epoch},
    )


@translate_errors
def record_fence(
    settings: Settings, owner: str, node: str, *, is_off_proven: bool, acls: Mapping[str, str] | None = None
) -> None:
    """Records that the node is being fenced, or proven off since. Raises LockLost.

    `acls` are the network ACLs of its subnets before it is isolated; what was recorded of other subnets before, and is
    not yet put back, stays.
    """
    before = require_lock(settings, owner).fence
    machine = settings.node(node)
    fence = Fence(
        node=node,
        execution=owner,
        instance_id=machine.instance_id,
        volume_id=machine.data_volume_id,
        is_off_proven=is_off_proven,
        acls={**(before.acls if before else {}), **(acls or {})},
    )
    _update_as_owner(settings, "SET fence = :fence", "lockOwner = :owner", {":fence": fence.to_json(), ":owner": owner})


@translate_errors
def record_gone(settings: Settings, instance_id: str) -> None:
    """Records that the instance is terminated, which is final: it needs no lock, and doing it twice is success."""
    client("dynamodb").update_item(
        TableName=settings.cluster_table,
        Key=_key(settings),
        UpdateExpression="ADD goneInstances :gone",
        ExpressionAttributeValues={":gone": {"SS": [instance_id]}},
    )


@translate_errors
def clear_fence(settings: Settings, owner: str) -> None:
    """Records that no node is fenced. Clearing it twice is success. Raises LockLost."""
    _update_as_owner(settings, "REMOVE fence", "lockOwner = :owner", {":owner": owner})


@translate_errors
def record_kept_data(settings: Settings, owner: str, node: str, snapshot_id: str) -> None:
    """Records where what `node` held is kept. Raises LockLost."""
    kept = KeptData(node=node, execution=owner, snapshot_id=snapshot_id)
    _update_as_owner(settings, "SET keptData = :kept", "lockOwner = :owner", {":kept": kept.to_json(), ":owner": owner})


@translate_errors
def release_lock(
    settings: Settings,
    owner: str,
    outcome: Outcome,
    is_automatic_failover: bool,
    refusal: AutomaticLimit = AutomaticLimit.NONE,
    *,
    is_move_over: bool = False,
) -> bool:
    """Records the outcome and gives the lock back. False if `owner` does not hold it (then nothing is written).

    `refusal` is DECLINED or UNANSWERED if this execution asked an operator and may not move the role. With
    `is_move_over`, the move that an earlier execution began is no longer on record.
    """
    expression = "SET lastOutcome = :outcome"
    # DynamoDB's numbers are decimal; the serializer takes no binary float.
    recorded = json.loads(outcome.model_dump_json(by_alias=True), parse_float=Decimal)
    values: dict[str, Any] = {":outcome": recorded, ":owner": owner}
    ended = {"lastFailoverAt"} if is_automatic_failover else set()
    if refusal in _REFUSED_AT:
        ended.add(_REFUSED_AT[refusal])
    for attribute in sorted(ended):
        expression += f", {attribute} = :ended"
        values[":ended"] = _time(outcome.ended_at)
    try:
        removed = "lockOwner, lockExpiresAt" + (", movingTo, movedBy" if is_move_over else "")
        _update(settings, f"{expression} REMOVE {removed}", "lockOwner = :owner", values)
    except _ConditionFailedError:
        return False
    return True


@translate_errors
def claim_recovery_notice(settings: Settings, owner: str) -> bool:
    """True the first time that the execution which holds the lock asks: it is to tell of a recovery, and only once."""
    try:
        _update(
            settings,
            "SET recoveryToldBy = :owner",
            "lockOwner = :owner AND (attribute_not_exists(recoveryToldBy) OR recoveryToldBy <> :owner)",
            {":owner": owner},
        )
    except _ConditionFailedError:
        return False
    return True


@translate_errors
def set_maintenance(settings: Settings, until: datetime | None) -> datetime | None:
    """Records until when maintenance lasts (None: it is off), and returns what stood there before.

    It needs no lock: an operator's word counts at once, whatever runs. What it replaced is the update's own answer, so
    of two operators at the same moment each is told the truth.
    """
    arguments: dict[str, Any] = {"UpdateExpression": "REMOVE maintenanceUntil"}
    if until is None and settings.start_in_maintenance:
        until = datetime.now(UTC)  # without an end on record it would be on again
    if until is not None:
        arguments = {
            "UpdateExpression": "SET maintenanceUntil = :until",
            "ExpressionAttributeValues": {":until": _serialize(_time(until))},
        }
    before = (
        client("dynamodb")
        .update_item(TableName=settings.cluster_table, Key=_key(settings), ReturnValues="UPDATED_OLD", **arguments)
        .get("Attributes", {})
    )
    if "maintenanceUntil" in before:
        return datetime.fromisoformat(before["maintenanceUntil"]["S"])
    return UNTIL_ENDED if settings.start_in_maintenance else None


class _ConditionFailedError(Exception):
    pass


def _update_as_owner(settings: Settings, expression: str, condition: str, values: dict[str, Any]) -> None:
    """An update whose condition holds only while the lock is ours. Raises LockLost."""
    try:
        _update(settings, expression, condition, values)
    except _ConditionFailedError:
        raise LockLost(_LOCK_IS_LOST) from None


def _update(settings: Settings, expression: str, condition: str, values: dict[str, Any]) -> None:
    try:
        client("dynamodb").update_item(
            TableName=settings.cluster_table,
            Key=_key(settings),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues={name: _serialize(value) for name, value in values.items()},
        )
    except ClientError as error:
        if error_code(error) == "ConditionalCheckFailedException":
            raise _ConditionFailedError from error
        raise


def _key(settings: Settings) -> dict[str, Any]:
    return {"clusterName": {"S": settings.cluster_name}}


def _time(value: datetime) -> str:
    # One fixed format, so that the order of the strings is the order of the times in conditions.
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""EventBridge that needs permission to reach its targets, and keeps what it could not deliver.

Follows, in the EventBridge User Guide: "Using IAM roles with EventBridge targets" (Step Functions targets need a
RoleArn), "Using resource-based policies for EventBridge" (Lambda, SNS, SQS), "Retrying event delivery" and "Using
dead-letter queues" (a missing permission or target is not retried; RULE_ARN, TARGET_ARN, ERROR_CODE, ERROR_MESSAGE),
"Schedule expressions using rate". The emulator delivers at once to any target, and drops what it can't deliver; its
scheduled rules look at the clock every ten seconds.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from ministack.core.responses import md5_hash, new_uuid
from ministack.services import eventbridge, sqs, stepfunctions

from testbed.cloud import api_destinations, permissions
from testbed.cloud.emulator import Cloud
from testbed.cloud.recorder import Recorder
from testbed.world.profiles import draw

logger = logging.getLogger("testbed.events")

_LOOK_SECONDS = 0.25
_SERVICE = "events.amazonaws.com"
_ACTIONS = {"lambda": "lambda:InvokeFunction", "sns": "sns:Publish", "sqs": "sqs:SendMessage"}

Target = dict[str, Any]
Rule = dict[str, Any]


class NotDeliveredError(Exception):
    """EventBridge gives up on the target at once."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def install(cloud: Cloud, recorder: Recorder) -> None:
    invoke = eventbridge._invoke_target
    rate_seconds = eventbridge._parse_rate_seconds

    def deliver(target: Target, event: dict[str, Any], rule: Rule, view: Any = None) -> None:
        try:
            _check(target, rule)
        except NotDeliveredError as error:
            logger.warning("%s -> %s: %s: %s", rule["Name"], target["Arn"], error.code, error)
            keep(target, event, rule, error)
            return
        _record(recorder, target, rule)
        api_destinations.delivery.set((target, event, rule))
        invoke(target, event, rule, view)

    def deliver_later(target: Target, event: dict[str, Any], rule: Rule, view: Any = None) -> None:
        delay = draw(cloud.profile.event_delivery_seconds)
        cloud.background.start(deliver, target, event, rule, view, after_seconds=delay)

    def scaled_rate_seconds(expression: str) -> float | None:
        seconds = rate_seconds(expression)
        return None if seconds is None else seconds * cloud.profile.schedule_scale

    eventbridge._invoke_target = deliver_later
    eventbridge._parse_rate_seconds = scaled_rate_seconds
    eventbridge._SCHEDULER_TICK_INTERVAL = _LOOK_SECONDS


def _check(target: Target, rule: Rule) -> None:
    """Raises NotDeliveredError when the target does not exist or EventBridge may not use it."""
    arn = target["Arn"]
    service = arn.split(":")[2]
    if service == "states":
        if stepfunctions._resolve_state_machine_arn(arn) is None:
            raise NotDeliveredError("RESOURCE_NOT_FOUND", f"State machine {arn} does not exist.")
        role_arn = target.get("RoleArn", "")
        if not permissions.is_role_allowed(role_arn, "states:StartExecution", arn):
            raise NotDeliveredError("NO_PERMISSIONS", f"{role_arn or 'No role'} is not allowed states:StartExecution.")
        return
    if service == "events" and ":api-destination/" in arn:
        role_arn = target.get("RoleArn", "")
        if not permissions.is_role_allowed(role_arn, "events:InvokeApiDestination", arn):
            why = f"{role_arn or 'No role'} is not allowed events:InvokeApiDestination."
            raise NotDeliveredError("NO_PERMISSIONS", why)
        return
    action = _ACTIONS.get(service)
    if action and not permissions.is_service_allowed(_SERVICE, action, arn, rule["Arn"]):
        raise NotDeliveredError("NO_PERMISSIONS", f"The policy of {arn} does not allow {_SERVICE} {action}.")


def keep(
    target: Target,
    event: dict[str, Any],
    rule: Rule,
    error: NotDeliveredError,
    condition: str = "NotRetriable",
    attempts: int = 0,
) -> None:
    """Puts the event into the target's dead-letter queue, if it has one that takes it."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None or not permissions.is_service_allowed(_SERVICE, "sqs:SendMessage", queue_arn, rule["Arn"]):
        return
    attributes = {
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error),
        "EXHAUSTED_RETRY_CONDITION": condition,
        "RETRY_ATTEMPTS": str(attempts),
    }
    body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    now = time.time()
    message = {
        "id": new_uuid(),
        "body": body,
        "md5_body": md5_hash(body.encode()),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now,
        "receive_count": 0,
        "attributes": {},
        "message_attributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
        "sys": {"SenderId": _SERVICE, "SentTimestamp": str(int(now * 1000))},
    }
    queue["messages"].append(message)
    sqs._ensure_msg_fields(message)


def _record(recorder: Recorder, target: Target, rule: Rule) -> None:
    service = target["Arn"].split(":")[2]
    operation = {"states": "StartExecution", "lambda": "Invoke", "sns": "Publish", "sqs": "SendMessage"}.get(service)
    if operation:
        role = target.get("RoleArn", "").rpartition("/")[2]
        recorder.write(role or f"{_SERVICE}/{rule['Name']}", service, operation, 200)

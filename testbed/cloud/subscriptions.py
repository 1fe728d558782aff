"""Log groups whose new events reach a function that CloudWatch Logs may invoke, a moment later.

Follows, in the CloudWatch Logs User Guide: "Log group-level subscription filters" (near real time; the function gets
the events as gzip in base64 under `awslogs`; its policy must let logs.amazonaws.com invoke it); in the CloudWatch Logs
API Reference: PutSubscriptionFilter (refused without that permission); in the User Guide: "Using filter patterns to
match terms in JSON log events" (a boolean IS TRUE), "Log recursion prevention". A function's own log is refused in the
service's words, as whoever tried /aws/lambda/NAME has reported them; whether a group of its LoggingConfig is refused,
too, nobody says, so here it is. The emulator delivers at once, to any function, and knows of patterns only terms.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cloudwatch_logs, lambda_svc

from testbed.cloud import permissions
from testbed.cloud.background import arn
from testbed.cloud.emulator import Cloud
from testbed.cloud.recorder import Recorder
from testbed.world.profiles import draw

logger = logging.getLogger("testbed.subscriptions")

_IS_TRUE = re.compile(r"\{ \$\.(\w+) IS TRUE \}")
_UNKNOWN_PATTERN = "The local cloud knows of JSON filter patterns only {{ $.name IS TRUE }}, not {pattern}."
_SERVICE = "logs.amazonaws.com"
_REFUSED = (
    "Could not execute the lambda function. "
    "Make sure you have given CloudWatch Logs permission to execute your function."
)
_OWN_LOG = "The log group provided is reserved for the function logs of the destination function."


def install(cloud: Cloud, recorder: Recorder) -> None:
    put = cloudwatch_logs._put_subscription_filter
    fan_out = cloudwatch_logs._fanout_to_subscription_filters
    match_terms = cloudwatch_logs._subscription_pattern_matches

    def put_permitted(request: dict[str, Any]) -> Any:
        destination = request.get("destinationArn", "")
        if destination.split(":")[2:3] == ["lambda"] and not _may_invoke(destination, request["logGroupName"]):
            return error_response_json("InvalidParameterException", _REFUSED, 400)
        if request["logGroupName"] in _own_logs(destination):
            return error_response_json("InvalidParameterException", _OWN_LOG, 400)
        pattern = request.get("filterPattern", "")
        if pattern.startswith("{") and not _IS_TRUE.fullmatch(pattern):
            return error_response_json("InvalidParameterException", _UNKNOWN_PATTERN.format(pattern=pattern), 400)
        return put(request)

    def matches(pattern: str, message: str) -> bool:
        found = _IS_TRUE.fullmatch(pattern or "")
        return _is_true(found[1], message) if found else bool(match_terms(pattern, message))

    def deliver(group: str, stream: str, events: list[dict[str, Any]]) -> None:
        filters = (cloudwatch_logs._log_groups.get(group) or {}).get("subscriptionFilters") or {}
        if not filters or not events:
            return
        if cloud.faults.read().are_log_events_lost:
            logger.info("Events of %s are lost on the way, as the faults say.", group)
            return
        if all(_may_invoke(each["destinationArn"], group) for each in filters.values()):
            recorder.write(f"{_SERVICE}/{group}", "lambda", "Invoke", 200)
            fan_out(group, stream, events)

    def deliver_later(group: str, stream: str, events: list[dict[str, Any]]) -> None:
        delay = draw(cloud.profile.log_delivery_seconds)
        cloud.background.start(deliver, group, stream, events, after_seconds=delay)

    cloudwatch_logs._subscription_pattern_matches = matches
    cloudwatch_logs._put_subscription_filter = put_permitted
    cloudwatch_logs._fanout_to_subscription_filters = deliver_later


def _own_logs(function_arn: str) -> tuple[str, ...]:
    """The group that Lambda makes for a function, and the one that it is told to take instead."""
    _, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    configured = ((config or {}).get("LoggingConfig") or {}).get("LogGroup", "")
    return f"/aws/lambda/{function_arn.rpartition(':')[2]}", configured


def _is_true(name: str, message: str) -> bool:
    try:
        line = json.loads(message)
    except ValueError:
        return False
    return isinstance(line, dict) and line.get(name) is True


def _may_invoke(function_arn: str, group: str) -> bool:
    source = arn("logs", f"log-group:{group}:*")
    return permissions.is_service_allowed(_SERVICE, "lambda:InvokeFunction", function_arn, source)

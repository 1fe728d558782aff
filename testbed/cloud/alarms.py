"""CloudWatch alarms that evaluate by themselves and tell EventBridge when their state changes.

Follows, in the CloudWatch User Guide: "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data",
"Alarm events and EventBridge" (the event's shape); in the SNS Developer Guide: "Example cases for Amazon SNS access
control" (a topic's policy must let CloudWatch publish); and in the CloudWatch API Reference: PutMetricAlarm,
SetAlarmState (lasts until the next evaluation).
The emulator evaluates an alarm only when it is put, over all dimensions at once, and tells SNS alone.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import cloudwatch

from testbed.cloud import permissions
from testbed.cloud.alarm_states import SPARE_POINTS, next_state
from testbed.cloud.background import each_scoped
from testbed.cloud.emulator import Cloud, emit_event
from testbed.cloud.metric_math import expression_values

logger = logging.getLogger("testbed.alarms")

Alarm = dict[str, Any]

_LOOK_SECONDS = 0.2
_SERVICE = "cloudwatch.amazonaws.com"
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def install(cloud: Cloud) -> None:
    record_history = cloudwatch._record_history
    dispatch_actions = cloudwatch._dispatch_alarm_actions
    told: dict[str, dict[str, str]] = {}

    def record_history_and_tell(
        name: str, old: str, new: str, reason: str, alarm_type: str = "MetricAlarm", reason_data: object = None
    ) -> None:
        record_history(name, old, new, reason, alarm_type, reason_data)
        if old != new:
            _tell_event_bus(cloud, told, name, old, new, reason, alarm_type)

    def dispatch_permitted_actions(alarm: Alarm, old: str, new: str, reason: str) -> None:
        permitted = {
            field: [topic for topic in alarm.get(field) or [] if _may_publish(alarm, topic)] for field in _ACTIONS
        }
        dispatch_actions({**alarm, **permitted}, old, new, reason)

    next_evaluation: dict[str, float] = {}

    def evaluate_all() -> None:
        now = time.time()
        for _, alarm in each_scoped(cloudwatch._alarms):
            period = cloud.profile.alarm_period_seconds(int(alarm["Period"]))
            if now >= next_evaluation.get(alarm["AlarmArn"], 0.0):
                next_evaluation[alarm["AlarmArn"]] = now + period / 2
                _evaluate(alarm, period, now)

    cloudwatch._dispatch_alarm_actions = dispatch_permitted_actions
    cloudwatch._record_history = record_history_and_tell
    # The emulator's own, at the time an alarm is put, would look at other dimensions' data.
    cloudwatch._evaluate_alarm = lambda _alarm: None
    cloud.background.repeat(evaluate_all, _LOOK_SECONDS)


def _evaluate(alarm: Alarm, period: float, now: float) -> None:
    periods = int(alarm["EvaluationPeriods"])
    to_alarm = int(alarm.get("DatapointsToAlarm") or periods)
    values = _values(alarm, period, now, periods + SPARE_POINTS)
    if alarm.get("Metrics"):
        values = expression_values(alarm["Metrics"], values)
    compare = _COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])
    points = [None if value is None else compare(value, threshold) for value in values]
    old = alarm["StateValue"]
    new = next_state(points, old, periods, to_alarm, alarm.get("TreatMissingData") or "missing")
    if new != old:
        alarm["StateReasonData"] = _reason_data(alarm, values, now)
        _change_state(alarm, old, new, _reason(alarm, values, points, new, periods))


def _values(alarm: Alarm, period: float, now: float, count: int) -> list[float | None]:
    """The statistic of each of the last `count` whole periods, oldest first; None where nothing was put."""
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    ends = now - now % period
    starts = ends - count * period
    buckets: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for point in reversed(cloudwatch._metrics.get(key) or []):
        if point["Timestamp"] < starts - period:
            break  # points come in nearly in order, and there may be very many of them
        index = int((point["Timestamp"] - starts) // period)
        if 0 <= index < count:
            buckets[index].append(point)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(bucket), statistic, bucket) if bucket else None
        for bucket in buckets
    ]


def _change_state(alarm: Alarm, old: str, new: str, reason: str) -> None:
    alarm["StateValue"] = new
    alarm["StateReason"] = reason
    alarm["StateUpdatedTimestamp"] = alarm["StateTransitionedTimestamp"] = int(time.time())
    logger.info("%s: %s -> %s: %s", alarm["AlarmName"], old, new, reason)
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _reason(alarm: Alarm, values: list[float | None], points: list[bool | None], new: str, periods: int) -> str:
    if new == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {periods} datapoints were unknown."
    shown = [str(value) for value in values if value is not None][-periods:]
    breaching = sum(point is not False for point in points[-periods:])
    if not shown:
        treated = "[Breaching]" if new == "ALARM" else "[NonBreaching]"
        received = f"no datapoints were received for {periods} periods"
        return f"Threshold Crossed: {received} and {periods} missing datapoints were treated as {treated}."
    verb = "were" if new == "ALARM" else "were not"
    return (
        f"Threshold Crossed: {breaching} out of the last {periods} datapoints [{', '.join(shown)}] "
        f"{verb} {alarm['ComparisonOperator']} ({alarm['Threshold']})."
    )


def _reason_data(alarm: Alarm, values: list[float | None], now: float) -> str:
    data = {
        "version": "1.0",
        "queryDate": _stamp(datetime.fromtimestamp(now, UTC)),
        "statistic": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
        "period": alarm["Period"],
        "recentDatapoints": [value for value in values if value is not None],
        "threshold": alarm["Threshold"],
    }
    return json.dumps(data)


def _may_publish(alarm: Alarm, topic_arn: str) -> bool:
    return permissions.is_service_allowed(_SERVICE, "sns:Publish", topic_arn, alarm["AlarmArn"])


def _tell_event_bus(
    cloud: Cloud, told: dict[str, dict[str, str]], name: str, old: str, new: str, reason: str, alarm_type: str
) -> None:
    """`told` holds the last state of each alarm, as its last event had it."""
    if cloud.faults.read().does_drop_event_of(name):
        logger.info("The state change of %s to %s is dropped, as the faults say.", name, new)
        return
    alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
    if alarm is None:
        return
    state = {"value": new, "reason": reason, "timestamp": _stamp(datetime.now(UTC))}
    if "StateReasonData" in alarm:
        state["reasonData"] = alarm["StateReasonData"]
    previous = told.get(alarm["AlarmArn"], {})
    told[alarm["AlarmArn"]] = state
    detail = {
        "alarmName": name,
        "state": state,
        "previousState": {"timestamp": state["timestamp"], **previous, "value": old},
        "configuration": _composite(alarm) if alarm_type == "CompositeAlarm" else _configuration(alarm),
    }
    emit_event("aws.cloudwatch", "CloudWatch Alarm State Change", [alarm["AlarmArn"]], detail)


def _configuration(alarm: Alarm) -> dict[str, Any]:
    metric = {
        "namespace": alarm["Namespace"],
        "name": alarm["MetricName"],
        "dimensions": {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions") or []},
    }
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    stat = {"metric": metric, "period": alarm["Period"], "stat": statistic}
    # Of metric math, all queries are told under their own ids; of a single metric, one under an id that nobody chose.
    metrics = [
        {
            "id": query["Id"],
            **({"expression": query["Expression"]} if "Expression" in query else {"metricStat": stat}),
            "returnData": query["ReturnData"],
        }
        for query in alarm.get("Metrics") or ()
    ] or [{"id": new_uuid(), "metricStat": stat, "returnData": True}]
    return {"description": alarm.get("AlarmDescription") or "", "metrics": metrics}


def _composite(alarm: Alarm) -> dict[str, Any]:
    return {"alarmRule": alarm["AlarmRule"], "description": alarm.get("AlarmDescription") or ""}


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"

"""The stack's own CloudWatch alarms and the nodes' heartbeats, as evidence."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from failover.adapters.clients import client, translate_errors
from failover.errors import CloudUnavailable
from failover.messages import Message
from failover.models import Value
from failover.settings import Node, Settings

_NAMESPACE = "GaroonFailover"
_LAST_WORD_WINDOWS = ((timedelta(minutes=15), 1), (timedelta(hours=3), 60))
"""How far back, and in periods of how many seconds. High-resolution metrics can be read with periods from one second
on, for three hours (CloudWatch User Guide, "Publish custom metrics")."""


class Alarm(Value):
    state: str
    """OK, ALARM or INSUFFICIENT_DATA."""
    has_actions_on: bool
    trouble: str = ""
    """Why CloudWatch cannot judge it: EVALUATION_ERROR (its configuration), EVALUATION_FAILURE (CloudWatch itself) or
    PARTIAL_DATA (CloudWatch API Reference, "MetricAlarm"). The state that it shows then may be an old one."""


@translate_errors
def read_alarms(names: Iterable[str]) -> dict[str, Alarm]:
    """Each named alarm. One that does not exist is left out."""
    pages = client("cloudwatch").get_paginator("describe_alarms")
    return {
        alarm["AlarmName"]: Alarm(
            state=alarm["StateValue"],
            has_actions_on=alarm["ActionsEnabled"],
            trouble=alarm.get("EvaluationState", ""),
        )
        for page in pages.paginate(AlarmNames=list(names), AlarmTypes=["MetricAlarm"])
        for alarm in page["MetricAlarms"]
    }


def read_alarm_states(names: Iterable[str]) -> dict[str, str]:
    """State of each named alarm: OK, ALARM or INSUFFICIENT_DATA. An alarm that does not exist is left out."""
    return {name: alarm.state for name, alarm in read_alarms(names).items()}


@translate_errors
def read_muted(names: Iterable[str]) -> list[str]:
    """Those alarms whose actions a mute rule keeps back now (CloudWatch API Reference, "ListAlarmMuteRules").

    A mute rule leaves `ActionsEnabled` as it is, and keeps no event from EventBridge.
    """
    rules = client("cloudwatch").get_paginator("list_alarm_mute_rules")

    def is_there_a_rule(**which: str) -> bool:
        return any(page["AlarmMuteRuleSummaries"] for page in rules.paginate(Statuses=["ACTIVE"], **which))

    return [name for name in names if is_there_a_rule(AlarmName=name)] if is_there_a_rule() else []


def read_last_beats(settings: Settings, now: datetime) -> dict[str, datetime]:
    """When each node's newest heartbeat was sent, to the second; a node without one in the last minutes is left out."""
    beats = read_beats(settings, now - timedelta(minutes=3), now + timedelta(minutes=1))
    return {name: max(sent) for name, sent in beats.items() if sent}


@translate_errors
def read_beats(settings: Settings, start: datetime, end: datetime) -> dict[str, list[datetime]]:
    """By node, when its heartbeats of that time were sent, to the second."""
    queries = [
        _query(f"beat{index}", node.name, "Heartbeat", node, settings) for index, node in enumerate(settings.nodes)
    ]
    return {name: list(points) for name, points in _read_points(queries, start, end).items()}


@translate_errors
def was_replicating_to_its_end(node: Node, settings: Settings, now: datetime) -> bool | None:
    """Whether the node's last word on its replica was good, and really its last; None is unknown.

    Its alarm keeps its state while data is missing, but looks only every ten seconds, and may have kept it for days. So
    both must say so: the alarm, and the metric, whose newest point must be as young as the node's newest heartbeat. One
    line of the node carries both. Of a node that was not heard for hours the last word is too old to be believed.
    """
    name = settings.alarm_name(node.name, "replication-degraded")
    match read_alarm_states([name]).get(name):
        case "ALARM":
            return False
        case "OK":
            return _is_last_word_good(node, settings, now)
        case _:
            return None


def _is_last_word_good(node: Node, settings: Settings, now: datetime) -> bool | None:
    for window, period_seconds in _LAST_WORD_WINDOWS:
        queries = [
            _query("beat", "beat", "Heartbeat", node, settings, period_seconds),
            _query("word", "word", "ReplicationHealthy", node, settings, period_seconds),
        ]
        found = _read_points(queries, now - window, now + timedelta(minutes=1))
        if beats := found.get("beat"):
            word = found.get("word", {}).get(max(beats))
            return None if word is None else word >= 1
    return None


def _query(
    query_id: str, label: str, metric: str, node: Node, settings: Settings, period_seconds: int = 1
) -> dict[str, Any]:
    dimensions = {"Cluster": settings.cluster_name, "Node": node.name, "InstanceId": node.instance_id}
    return {
        "Id": query_id,
        "Label": label,
        "MetricStat": {
            "Metric": {
                "Namespace": _NAMESPACE,
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            },
            "Period": period_seconds,
            "Stat": "Minimum",
        },
    }


def _read_points(queries: list[dict[str, Any]], start: datetime, end: datetime) -> dict[str, dict[datetime, float]]:
    """By label: the points, each at the start of its period.

    Raises CloudUnavailable unless CloudWatch says of each metric that these are all: an answer that is none for one of
    them is as good as any to HTTP (CloudWatch API Reference, "MetricDataResult": StatusCode), and a beat that was not
    handed out is no beat that stayed away.
    """
    pages = client("cloudwatch").get_paginator("get_metric_data")
    points: dict[str, dict[datetime, float]] = {query["Label"]: {} for query in queries}
    status = dict.fromkeys(points, "nothing")
    for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=end):
        for result in page["MetricDataResults"]:
            points[result["Label"]] |= zip(result["Timestamps"], result["Values"], strict=True)
            status[result["Label"]] = result.get("StatusCode", "nothing")
    for label, code in status.items():
        if code != "Complete":
            raise CloudUnavailable(Message("error.aws-answered", operation="GetMetricData", code=code, words=label))
    return points

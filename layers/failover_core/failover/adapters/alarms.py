"""The stack's own CloudWatch alarms and the nodes' heartbeats, as evidence."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from failover.adapters.clients import client, translate_errors
from failover.models import Value
from failover.settings import Settings

_NAMESPACE = "GaroonFailover"


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


@translate_errors
def read_last_beats(settings: Settings, now: datetime) -> dict[str, datetime]:
    """When each node's newest heartbeat was sent, to the second; a node without one in the last minutes is left out.

    High-resolution metrics can be read with periods from one second on, for three hours (CloudWatch User Guide,
    "Publish custom metrics"); a point's time is the start of its period.
    """
    queries = [
        {
            "Id": f"beat{index}",
            "Label": node.name,
            "MetricStat": {
                "Metric": {
                    "Namespace": _NAMESPACE,
                    "MetricName": "Heartbeat",
                    "Dimensions": [
                        {"Name": "Cluster", "Value": settings.cluster_name},
                        {"Name": "Node", "Value": node.name},
                        {"Name": "metric_type", "Value": "gauge"},
                    ],
                },
                "Period": 1,
                "Stat": "Maximum",
            },
        }
        for index, node in enumerate(settings.nodes)
    ]
    answer = client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - timedelta(minutes=3), EndTime=now + timedelta(minutes=1)
    )
    results = {result["Label"]: result["Timestamps"] for result in answer["MetricDataResults"]}
    return {name: max(stamps) for name, stamps in results.items() if stamps}

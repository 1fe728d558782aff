"""The stack's own CloudWatch alarms and the nodes' heartbeats, as evidence."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from failover.adapters.clients import client, translate_errors
from failover.settings import Settings

_NAMESPACE = "GaroonFailover"


@translate_errors
def read_alarm_states(names: Iterable[str]) -> dict[str, str]:
    """State of each named alarm: OK, ALARM or INSUFFICIENT_DATA. An alarm that does not exist is left out."""
    answer = client("cloudwatch").describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm"])
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}


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

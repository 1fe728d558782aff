"""The stack's own CloudWatch alarms, as evidence."""

from collections.abc import Iterable

from failover.adapters.clients import client, translate_errors


@translate_errors
def read_alarm_states(names: Iterable[str]) -> dict[str, str]:
    """State of each named alarm: OK, ALARM or INSUFFICIENT_DATA. An alarm that does not exist is left out."""
    answer = client("cloudwatch").describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm"])
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}

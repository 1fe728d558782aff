"""Alarms change state as CloudWatch's do, and tell of it once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from testbed.cloud.alarm_states import next_state
from tests.cloud.conftest import Account, eventually, name

_POINTS = {"0": False, "X": True, "-": None}
_OK, _ALARM, _NO_DATA, _CURRENT = "OK", "ALARM", "INSUFFICIENT_DATA", "current state"
_TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")

# points; the state for each of _TREATMENTS
_THREE_OF_THREE = [
    ("0-X-X", (_OK, _OK, _OK, _OK)),
    ("0----", (_OK, _OK, _OK, _OK)),
    ("-----", (_NO_DATA, _CURRENT, _ALARM, _OK)),
    ("0XX-X", (_ALARM, _ALARM, _ALARM, _ALARM)),
    ("----X", (_NO_DATA, _CURRENT, _ALARM, _OK)),
    ("X----", (_ALARM, _CURRENT, _ALARM, _OK)),
]
_TWO_OF_THREE = [
    ("0-X-X", (_ALARM, _ALARM, _ALARM, _ALARM)),
    ("00X0X", (_ALARM, _ALARM, _ALARM, _ALARM)),
    ("0-X--", (_OK, _OK, _ALARM, _OK)),
    ("----0", (_OK, _OK, _ALARM, _OK)),
    ("----X", (_NO_DATA, _CURRENT, _ALARM, _OK)),
]


@pytest.mark.parametrize("treatment", range(4))
@pytest.mark.parametrize(
    ("to_alarm", "points", "states"),
    [(3, *row) for row in _THREE_OF_THREE] + [(2, *row) for row in _TWO_OF_THREE],
)
def test_missing_points_count_as_the_alarm_says(
    to_alarm: int, points: str, states: tuple[str, ...], treatment: int
) -> None:
    """CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data": both of its tables."""
    seen = [_POINTS[point] for point in points]
    state = next_state(seen, _CURRENT, periods=3, to_alarm=to_alarm, treat_missing=_TREATMENTS[treatment])
    assert state == states[treatment]


@contextmanager
def _beating(account: Account, dimensions: list[dict[str, str]]) -> Iterator[None]:
    """Puts Heartbeat 1 several times a (scaled) period, as a node's `watch` does."""
    stop = threading.Event()
    cloudwatch = account.client("cloudwatch")

    def beat() -> None:
        while not stop.wait(0.4):
            datum = {"MetricName": "Heartbeat", "Value": 1.0, "Dimensions": dimensions, "StorageResolution": 1}
            cloudwatch.put_metric_data(Namespace="GaroonFailover", MetricData=[datum])

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _put_heartbeat_alarm(account: Account, node: str, topic: str, alarm: str = "") -> tuple[str, list[dict[str, str]]]:
    dimensions = [{"Name": "Cluster", "Value": "garoon"}, {"Name": "Node", "Value": node}]
    alarm = alarm or name("heartbeat-lost")
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        Namespace="GaroonFailover",
        MetricName="Heartbeat",
        Dimensions=dimensions,
        Statistic="Minimum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
        AlarmActions=[topic],
    )
    return alarm, dimensions


def _state(account: Account, alarm: str) -> str:
    (described,) = account.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(described["StateValue"])


def _topic_to_queue(account: Account) -> tuple[str, str]:
    url, queue_arn = account.make_queue()
    sns = account.client("sns")
    topic: str = sns.create_topic(Name=name("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    return topic, url


def test_a_lost_heartbeat_is_told_once_to_bus_and_topic(account: Account) -> None:
    """CloudWatch User Guide, "Alarm events and EventBridge" (its shape) and "Alarm actions" (SNS: on change)."""
    topic, notices = _topic_to_queue(account)
    alarm, dimensions = _put_heartbeat_alarm(account, name("node"), topic)
    other, _ = _put_heartbeat_alarm(account, name("node"), topic)  # the same metric of a node that never sent any
    lost = {"alarmName": [alarm], "state": {"value": ["ALARM"]}, "previousState": {"value": ["OK"]}}
    heard = account.listen({"source": ["aws.cloudwatch"], "detail": lost})
    with _beating(account, dimensions):
        eventually(lambda: _state(account, alarm) == "OK", "alarm OK while the heart beats")
        eventually(lambda: _state(account, other) == "ALARM", "the other node's data does not count")
    eventually(lambda: _state(account, alarm) == "ALARM", "alarm after the last beat")

    (event,) = account.wait_for(heard, 1)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"][0].endswith(f":alarm:{alarm}")
    assert event["detail"]["state"]["value"] == "ALARM"
    assert json.loads(event["detail"]["state"]["reasonData"])["period"] == 10
    assert event["detail"]["previousState"]["value"] == "OK"
    assert event["detail"]["previousState"]["timestamp"] < event["detail"]["state"]["timestamp"]
    (metric,) = event["detail"]["configuration"]["metrics"]
    assert metric["metricStat"]["metric"]["name"] == "Heartbeat"
    assert metric["metricStat"]["metric"]["dimensions"] == {pair["Name"]: pair["Value"] for pair in dimensions}
    assert metric["metricStat"]["period"] == 10
    messages = [json.loads(notice["Message"]) for notice in account.receive(notices)]
    changes = [(message["OldStateValue"], message["NewStateValue"]) for message in messages]
    assert changes.count(("OK", "ALARM")) == 1


@pytest.mark.usefixtures("faultless")
def test_the_event_of_a_named_alarm_can_be_lost(account: Account) -> None:
    """EventBridge User Guide, "Events from AWS services": CloudWatch's are best effort, so they can be lost."""
    topic, _ = _topic_to_queue(account)
    alarm = name("heartbeat-lost")
    account.cloud.faults.drop_alarm_events(alarm)
    lost = account.listen({"source": ["aws.cloudwatch"], "detail": {"alarmName": [alarm]}})
    _put_heartbeat_alarm(account, name("node"), topic, alarm)
    eventually(lambda: _state(account, alarm) == "ALARM", "alarm for want of data")
    kept = account.listen({"source": ["aws.cloudwatch"], "detail": {"alarmName": [f"{alarm}-2"]}})
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=f"{alarm}-2",
        Namespace="GaroonFailover",
        MetricName="None",
        Statistic="Minimum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=f"{alarm}-2", StateValue="ALARM", StateReason="a later one")
    eventually(lambda: account.receive(kept), "the event of an alarm that is not named")
    assert account.receive(lost) == []


def test_a_topic_that_does_not_let_cloudwatch_publish_hears_nothing(account: Account) -> None:
    """SNS Developer Guide, "Example cases for Amazon SNS access control": allow CloudWatch alarms to publish."""
    (closed, closed_url), (open_, open_url) = _topic_to_queue(account), _topic_to_queue(account)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": closed,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("sns").set_topic_attributes(TopicArn=closed, AttributeName="Policy", AttributeValue=policy)
    for topic in closed, open_:
        alarm, _ = _put_heartbeat_alarm(account, name("node"), topic)
        account.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    account.wait_for(open_url, 1)
    assert account.receive(closed_url) == []


def _put_filled_heartbeat_alarm(account: Account, dimensions: list[dict[str, str]], **changes: object) -> str:
    alarm = name("heartbeat-lost")
    stat = {
        "Metric": {"Namespace": "GaroonFailover", "MetricName": "Heartbeat", "Dimensions": dimensions},
        "Period": 10,
        "Stat": "Minimum",
    }
    given = {
        "Metrics": [
            {"Id": "filled", "Expression": "FILL(beat, 0)"},
            {"Id": "beat", "MetricStat": stat, "ReturnData": False},
        ],
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
        "Threshold": 1,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    account.client("cloudwatch").put_metric_alarm(AlarmName=alarm, **{**given, **changes})
    return alarm


def test_a_filled_point_is_a_point_like_any_other(account: Account) -> None:
    """CloudWatch User Guide, "Using metric math", FILL: a missing point becomes the number, so nothing is missing."""
    dimensions = [{"Name": "Cluster", "Value": "garoon"}, {"Name": "Node", "Value": name("node")}]
    alarm = _put_filled_heartbeat_alarm(account, dimensions)
    heard = account.listen(
        {"source": ["aws.cloudwatch"], "detail": {"alarmName": [alarm], "state": {"value": ["ALARM"]}}}
    )
    eventually(lambda: _state(account, alarm) == "ALARM", "alarm without a beat, although missing points do not breach")
    with _beating(account, dimensions):
        eventually(lambda: _state(account, alarm) == "OK", "alarm OK while the heart beats")

    (event, *_) = account.wait_for(heard, 1)
    filled, beat = event["detail"]["configuration"]["metrics"]
    assert (filled["id"], filled["expression"], filled["returnData"]) == ("filled", "FILL(beat, 0)", True)
    assert (beat["id"], beat["metricStat"]["metric"]["name"], beat["returnData"]) == ("beat", "Heartbeat", False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"MetricName": "Heartbeat"},
        {"Metrics": [{"Id": "filled", "Expression": "FILL(beat, 0)"}]},
        {"Metrics": [{"Id": "lost", "Expression": "ANOMALY_DETECTION_BAND(beat)"}]},
    ],
    ids=["a metric beside the expression", "an expression about nothing", "a function that is not known here"],
)
def test_an_alarm_that_could_not_be_evaluated_is_refused(account: Account, wrong: dict[str, object]) -> None:
    """CloudWatch API Reference, PutMetricAlarm: Metrics instead of MetricName, one expression about metrics in it."""
    with pytest.raises(ClientError, match="ValidationError"):
        _put_filled_heartbeat_alarm(account, [{"Name": "Node", "Value": "db-01"}], **wrong)


def test_a_mute_rule_is_listed_for_the_alarms_that_it_mutes(account: Account) -> None:
    cloudwatch = account.client("cloudwatch")
    rule, muted, other = name("rule"), name("muted"), name("other")
    schedule = {"Schedule": {"Expression": "at(2026-01-01T00:00)", "Duration": "P1D"}}
    cloudwatch.put_alarm_mute_rule(Name=rule, Rule=schedule, MuteTargets={"AlarmNames": [muted]})

    def rules_of(alarm: str) -> list[str]:
        found = cloudwatch.list_alarm_mute_rules(AlarmName=alarm, Statuses=["ACTIVE"])["AlarmMuteRuleSummaries"]
        return [each["AlarmMuteRuleArn"].rpartition(":")[2] for each in found]

    assert (rules_of(muted), rules_of(other)) == ([rule], [])
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName=rule)
    assert rules_of(muted) == []

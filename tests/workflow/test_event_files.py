"""The alarms' event files are as CloudWatch sends them of the stack's alarms, so what they start is what AWS starts.

CloudWatch User Guide, "Alarm events and EventBridge": the description, and a metric or an expression for each one in
the alarm's definition, in lower camel case. A metric's Id, where the definition has none, is CloudWatch's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.deployed import Deployed, parameters

EVENTS = Path(__file__).parents[2] / "events"
FILES = sorted(EVENTS.glob("alarm-*.json"))


@pytest.fixture(scope="module")
def alarms() -> dict[str, dict[str, Any]]:
    nodes = {
        "NodeAName": "db-01",
        "NodeBName": "db-02",
        "NodeAInstanceId": "i-0a1b2c3d4e5f60001",
        "NodeBInstanceId": "i-0a1b2c3d4e5f60002",
    }
    stack = Deployed("garoon-failover", parameters(ClusterName="garoon", **nodes))
    return {alarm["AlarmName"]: alarm for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()}


def _metric(metric: dict[str, Any], period: int, stat: str) -> dict[str, Any]:
    dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
    named = {"namespace": metric["Namespace"], "name": metric["MetricName"], "dimensions": dimensions}
    return {"metric": named, "period": period, "stat": stat}


def _as_sent(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    if "Metrics" not in alarm:
        return [{"metricStat": _metric(alarm, alarm["Period"], alarm["Statistic"]), "returnData": True}]
    sent = []
    for one in alarm["Metrics"]:
        of_one: dict[str, Any] = {"id": one["Id"], "returnData": one.get("ReturnData", True)}
        if "Expression" in one:
            of_one |= {"expression": one["Expression"], "label": one["Label"]}
        else:
            stat = one["MetricStat"]
            of_one["metricStat"] = _metric(stat["Metric"], stat["Period"], stat["Stat"])
        sent.append(of_one)
    return sent


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_alarms_event_file_is_as_its_alarm_says(path: Path, alarms: dict[str, dict[str, Any]]) -> None:
    detail = json.loads(path.read_text())["detail"]
    alarm = alarms[detail["alarmName"]]
    found = detail["configuration"]
    if "Metrics" not in alarm:
        assert found["metrics"][0].pop("id")
    assert found == {"description": alarm["AlarmDescription"], "metrics": _as_sent(alarm)}

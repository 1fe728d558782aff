"""What a stack costs a month at rest, and a failover, computed from template.yaml's resources.

Prices are assumed to be those that AWS lists for ap-northeast-1, in USD, without any free tier; PRICES says each, so
that they can be checked. Nothing here is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from failover.steps.rehearse import REHEARSED

from benchmarks.cloudwatch import read_node
from testbed.stack.template import read_template

SECONDS_A_MONTH = 30 * 24 * 3600.0

PRICES = {
    "custom metric, a month": 0.30,
    "dashboard, a month": 3.00,
    "alarm metric, standard resolution, a month": 0.10,
    "alarm metric, high resolution, a month": 0.30,
    "GB of logs taken in": 0.76,
    "million Lambda requests": 0.20,
    "GB-second of Lambda on arm64": 0.0000133334,
    "million DynamoDB reads": 0.1425,
    "million DynamoDB writes": 0.7135,
    "1,000 Step Functions transitions": 0.025,
    "1,000 GetMetricData metrics": 0.01,
}
NODES = 2
GAUGES_OF_A_NODE = 5
"""Heartbeat, ReplicationHealthy, CommunicationPath twice, ServicesHealthy or PeerReached (`run_watch` of the node)."""
BEAT_BYTES_A_ROUND = 1050
"""Two lines with metrics and two without sense (`beat`), 26 bytes more for each, which CloudWatch Logs adds."""
WATCH_SECONDS = 0.4
"""A warm run of watch_cluster, four calls one after the other."""
WATCH_LOG_BYTES = 1500
READINESS_SECONDS = 5.0
"""A run of check_readiness, which waits for both nodes' answers."""
READINESS_LOG_BYTES = 3000
REHEARSED_SECONDS = 0.15
"""A function's part in a rehearsal, mostly warm: reading its input and its settings, and with some a few dry runs."""
REHEARSAL_SECONDS = 1.0
REHEARSAL_LOG_BYTES = 900
"""Lambda's lines on the beginning and the end of a run, and the function's own."""
ANNOUNCE_SECONDS = 0.3
"""A run of announce for a look at readiness of which nothing is to be told: two reads and a write."""
REMIND_MINUTES = 5
REMIND_SECONDS = 0.3
"""A run of remind that finds nothing to send: the record, the last reminder, the newest of the history."""
OWN_LOG_BYTES = 900
"""Of one of these: Lambda's lines and the function's own."""
WIDGET_HOURS_A_DAY = 2
WIDGET_REFRESHES_AN_HOUR = 60
WIDGET_SECONDS = 1.5
"""A dashboard that somebody has open so long; its widget waits for both nodes' answers."""
EXECUTIONS_A_MONTH = 10
"""Records of the past that are written: lost standbys, rejoins, planned moves, and the daily look for missed ones."""
STATES_OF_A_FAILOVER = 12
FUNCTION_SECONDS_OF_A_FAILOVER = 60.0


@dataclass(frozen=True)
class Item:
    what: str
    quantity: str
    dollars: float


def at_rest() -> list[Item]:
    """A month in which nothing happens, one cluster."""
    template, node = read_template(), read_node()
    high, standard = _alarm_metrics(template)
    metrics = NODES * GAUGES_OF_A_NODE + 3  # FailoverReady, ReadinessTold, ClusterWatched
    rounds = NODES * SECONDS_A_MONTH / node.watch_interval
    looks = SECONDS_A_MONTH / 60
    readiness_looks = looks / int(template["Parameters"]["ReadinessIntervalMinutes"]["Default"])
    rehearsed = readiness_looks * (1 + len(REHEARSED))
    reminders = looks / REMIND_MINUTES
    views = 30 * WIDGET_HOURS_A_DAY * WIDGET_REFRESHES_AN_HOUR
    memory = template["Globals"]["Function"]["MemorySize"] / 1024
    return [
        _item("custom metrics", metrics, "custom metric, a month"),
        _item("dashboards", _dashboards(template), "dashboard, a month"),
        _item("metrics in high-resolution alarms", high, "alarm metric, high resolution, a month"),
        _item("metrics in other alarms", standard, "alarm metric, standard resolution, a month"),
        _item("GB of the nodes' beats", rounds * BEAT_BYTES_A_ROUND / 1e9, "GB of logs taken in"),
        _item("GB-seconds of watch_cluster", looks * WATCH_SECONDS * memory, "GB-second of Lambda on arm64"),
        _item("million runs of watch_cluster", looks / 1e6, "million Lambda requests"),
        _item("GB of its log", looks * WATCH_LOG_BYTES / 1e9, "GB of logs taken in"),
        _item(
            "GB-seconds of check_readiness",
            readiness_looks * READINESS_SECONDS * memory,
            "GB-second of Lambda on arm64",
        ),
        _item("GB of its log", readiness_looks * READINESS_LOG_BYTES / 1e9, "GB of logs taken in"),
        _item(
            "GB-seconds of rehearsals",
            readiness_looks * (REHEARSAL_SECONDS + len(REHEARSED) * REHEARSED_SECONDS) * memory,
            "GB-second of Lambda on arm64",
        ),
        _item("million runs of them", rehearsed / 1e6, "million Lambda requests"),
        _item("GB of their log", rehearsed * REHEARSAL_LOG_BYTES / 1e9, "GB of logs taken in"),
        _item("million reads of the record", looks / 1e6, "million DynamoDB reads"),
        _item(
            "GB-seconds of announce and remind",
            (readiness_looks * ANNOUNCE_SECONDS + reminders * REMIND_SECONDS) * memory,
            "GB-second of Lambda on arm64",
        ),
        _item("million runs of them", (readiness_looks + reminders) / 1e6, "million Lambda requests"),
        _item("GB of their log", (readiness_looks + reminders) * OWN_LOG_BYTES / 1e9, "GB of logs taken in"),
        _item("million reads of the past", (readiness_looks * 2 + reminders * 3) / 1e6, "million DynamoDB reads"),
        _item("million writes of it", (readiness_looks + EXECUTIONS_A_MONTH) / 1e6, "million DynamoDB writes"),
        _item("GB-seconds of the widget", views * WIDGET_SECONDS * memory, "GB-second of Lambda on arm64"),
        _item("million runs of it", views / 1e6, "million Lambda requests"),
    ]


def of_a_failover() -> list[Item]:
    memory = read_template()["Globals"]["Function"]["MemorySize"] / 1024
    return [
        _item("thousand state transitions", STATES_OF_A_FAILOVER / 1e3, "1,000 Step Functions transitions"),
        _item("GB-seconds of functions", FUNCTION_SECONDS_OF_A_FAILOVER * memory, "GB-second of Lambda on arm64"),
    ]


def total(items: list[Item]) -> float:
    return sum(item.dollars for item in items)


def _item(what: str, quantity: float, price: str) -> Item:
    return Item(what, f"{quantity:,.4g}", quantity * PRICES[price])


def _dashboards(template: dict[str, Any]) -> int:
    return sum(resource["Type"] == "AWS::CloudWatch::Dashboard" for resource in template["Resources"].values())


def _alarm_metrics(template: dict[str, Any]) -> tuple[int, int]:
    """How many metrics the template's alarms watch, with high and with standard resolution."""
    high = standard = 0
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        properties = resource["Properties"]
        stats = [query["MetricStat"] for query in properties.get("Metrics", ()) if "MetricStat" in query]
        periods = [stat["Period"] for stat in stats] or [properties["Period"]]
        # A period that is looked up in a mapping is that of the readiness schedule: minutes.
        is_high = [isinstance(period, int) and period < 60 for period in periods]
        high += sum(is_high)
        standard += len(is_high) - sum(is_high)
    return high, standard

"""Metrics in log events: those that a function writes into its log, and those that come with PutLogEvents.

Follows, in the CloudWatch User Guide: "Specification: Embedded metric format" (a log event that is one JSON object with
`_aws.CloudWatchMetrics`; dimensions, values and lists of values are members of the root). The emulator leaves them in
the log. CloudWatch Logs makes them into metrics a moment after it took them, of no documented length.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

from testbed.cloud.emulator import Cloud
from testbed.world.profiles import draw


def install(cloud: Cloud) -> None:
    put_log_events = cloudwatch_logs._put_log_events

    def put_log_events_and_metrics(request: dict[str, Any]) -> Any:
        response = put_log_events(request)
        if response[0] == 200:
            log = "\n".join(event["message"] for event in request["logEvents"])
            delay = draw(cloud.profile.metric_extraction_seconds)
            cloud.background.start(put_metrics_of, log, after_seconds=delay)
        return response

    cloudwatch_logs._put_log_events = put_log_events_and_metrics


def put_metrics_of(log: str) -> None:
    """Puts the metrics of every log event that has some, in the current account and region."""
    for line in log.splitlines():
        if '"CloudWatchMetrics"' in line:
            _put(json.loads(line))


def _put(event: dict[str, Any]) -> None:
    at = event["_aws"]["Timestamp"] / 1000
    for directive in event["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: event[name] for name in names}
            for metric in directive["Metrics"]:
                value = event[metric["Name"]]
                for one in value if isinstance(value, list) else [value]:
                    cloudwatch._store_datum(
                        directive["Namespace"], metric["Name"], dimensions, at, metric.get("Unit", "None"),
                        float(one), None, None, None,
                    )  # fmt: skip

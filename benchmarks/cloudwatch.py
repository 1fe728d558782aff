"""CloudWatch and the nodes' way to it, at the granularity that is documented, in simulated time.

Sources. CloudWatch User Guide: "Alarm evaluation" (a high-resolution alarm is evaluated every 10 s, a standard one
every minute), "Configuring how CloudWatch alarms treat missing data", "Using metric math"; "CloudWatch agent
configuration file" (force_flush_interval of metrics and of logs). CloudWatch Logs User Guide: subscriptions are "near
real time". What AWS gives no figure for is an assumption here, a range of which a uniform draw is made: `Delays`.

The alarms' settings are read from template.yaml, the nodes' from garoon-node.sh: what is simulated is what is deployed.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.cloud.alarm_states import SPARE_POINTS, next_state
from testbed.stack.template import read_template

ROOT = Path(__file__).parents[1]
Range = tuple[float, float]


@dataclass(frozen=True)
class Delays:
    """Seconds, lowest and highest, that AWS does not promise."""

    metric_extraction: Range = (0.5, 5.0)  # PutLogEvents -> CloudWatch Logs has made metrics of it, and they are seen
    log_delivery: Range = (0.5, 3.0)  # PutLogEvents -> the subscribed function is invoked
    function: Range = (0.2, 1.5)  # its run, warm (it runs every minute) or cold
    command: Range = (0.5, 3.0)  # SendCommand -> the node's quick answer is read
    event_delivery: Range = (0.2, 1.0)  # a state change -> EventBridge -> StartExecution


@dataclass(frozen=True)
class AlarmSettings:
    """An alarm of template.yaml that compares with less than its threshold."""

    period: int
    evaluation_periods: int
    datapoints: int
    threshold: float
    treat_missing: str
    fill: float | None

    @property
    def evaluation_interval(self) -> int:
        """How often CloudWatch evaluates it."""
        return 10 if self.period < 60 else 60

    def state(self, values: Sequence[float | None], current: str) -> str:
        """The state that the newest points call for, oldest first."""
        filled = [self.fill if value is None else value for value in values]
        points = [None if value is None else value < self.threshold for value in filled]
        return next_state(points, current, self.evaluation_periods, self.datapoints, self.treat_missing)

    @property
    def points(self) -> int:
        """How many an evaluation retrieves."""
        return self.evaluation_periods + SPARE_POINTS


@dataclass(frozen=True)
class NodeSettings:
    """What garoon-node.sh and its agent do, and when."""

    watch_interval: int
    log_flush: int
    look: int
    looks_before_sign: int


def read_alarm(logical_id: str) -> AlarmSettings:
    """The settings of one alarm of the template. Raises KeyError, ValueError."""
    alarm = read_template()["Resources"][logical_id]["Properties"]
    if alarm["ComparisonOperator"] != "LessThanThreshold":
        raise ValueError(f"{logical_id} does not compare with less than its threshold.")
    fill = None
    period = alarm.get("Period")
    for query in alarm.get("Metrics", ()):
        if "MetricStat" in query:
            period = query["MetricStat"]["Period"]
        elif call := re.fullmatch(r"FILL\(\w+, (\d+)\)", query["Expression"]):
            fill = float(call[1])
        else:
            raise ValueError(f"{logical_id} uses metric math that is not simulated: {query['Expression']}")
    return AlarmSettings(
        period=int(period),
        evaluation_periods=alarm["EvaluationPeriods"],
        datapoints=alarm["DatapointsToAlarm"],
        threshold=alarm["Threshold"],
        treat_missing=alarm["TreatMissingData"],
        fill=fill,
    )


def read_node() -> NodeSettings:
    """The script's own defaults. Raises ValueError if it does not say what is looked for."""
    script = (ROOT / "node/garoon-node.sh").read_text()

    def find(pattern: str) -> int:
        found = re.search(pattern, script)
        if found is None:
            raise ValueError(f"garoon-node.sh has nothing like {pattern}")
        return int(found[1])

    interval = find(r"\[WATCH_INTERVAL_SECONDS\]=(\d+)")
    return NodeSettings(
        watch_interval=interval,
        log_flush=find(r'"logs": \{\s*"force_flush_interval": (\d+)'),
        look=find(r"\[LOOK_SECONDS\]=(\d+)"),
        looks_before_sign=find(r"LOOKS_BEFORE_SIGN=(\d+)"),
    )


class Metric:
    """A gauge as CloudWatch holds it: points with the time they were taken and the time they can be seen.

    Periods begin at `phase` and whole periods before and after it. Points are added in the order they were taken.
    """

    def __init__(self, phase: float = 0.0) -> None:
        self._phase = phase
        self._points: list[tuple[float, float, float]] = []

    def add(self, taken_at: float, seen_at: float, value: float) -> None:
        if self._points and taken_at < self._points[-1][0]:
            raise ValueError("A point was taken before the one that was added last.")
        self._points.append((taken_at, seen_at, value))

    def minimum(self, start: float, end: float, now: float) -> float | None:
        """Of the points taken from `start` until before `end` that can be seen at `now`."""
        first, beyond = bisect_left(self._points, (start,)), bisect_left(self._points, (end,))
        values = [value for _, seen, value in self._points[first:beyond] if seen <= now]
        return min(values) if values else None

    def newest(self, now: float) -> float | None:
        """When the newest point that can be seen was taken."""
        for index in range(bisect_left(self._points, (now,)) - 1, -1, -1):
            taken, seen, _ = self._points[index]
            if seen <= now:
                return taken
        return None

    def values(self, alarm: AlarmSettings, now: float) -> list[float | None]:
        """What an evaluation at `now` retrieves: whole periods, oldest first."""
        end = now - (now - self._phase) % alarm.period
        starts = [end - alarm.period * back for back in range(alarm.points, 0, -1)]
        return [self.minimum(start, start + alarm.period, now) for start in starts]


def draw(random_source: random.Random, limits: Range) -> float:
    return random_source.uniform(*limits)

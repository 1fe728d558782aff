"""How long from a failure until an execution starts, and until it knows enough to fail over, by kind of failure.

Each run draws all phases anew: of the watch, the agent's collecting and flushing, the alarm's evaluation. The ways to a
start race: a sign that a node raises, an alarm, and the look once a minute.
"""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from failover.control import Control, patience_seconds
from failover.settings import SILENT_INTERVALS, SILENT_SECONDS

from benchmarks.agent import send_pushed_lines
from benchmarks.cloudwatch import AlarmSettings, Delays, Metric, NodeSettings, draw, read_alarm, read_node

HORIZON_SECONDS = 180.0
BEFORE_SECONDS = 120.0
"""The node works for so long before it fails, so that every alarm has its points."""
QUICK_LOOK_SECONDS = 0.3
ANSWER_TIMEOUT_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 1.0
BEAT_SECONDS = 1.0
"""Between two looks at the heartbeat while the answers are waited for (assess_cluster)."""
_LONGEST_PERIOD_SECONDS = 60.0
LOOK_EVERY_SECONDS = 60.0
"""The schedule of watch_cluster."""


@dataclass(frozen=True)
class Failure:
    """What breaks, and which ways to a start are there."""

    name: str
    is_node_lost: bool
    """Nothing of the node is heard or reached any more; otherwise only its services are down."""
    is_silent: bool
    """What is looked at does not refuse, it says nothing: a look takes its whole time."""
    do_signs_arrive: bool = True
    does_standby_arrive: bool = True
    """Its metrics do."""
    do_alarm_events_arrive: bool = True


FAILURES = (
    Failure("node dead, or its network", is_node_lost=True, is_silent=True),
    Failure("node dead, the standby's sign lost", is_node_lost=True, is_silent=True, do_signs_arrive=False),
    Failure("node dead, nothing of the standby arrives", True, True, do_signs_arrive=False, does_standby_arrive=False),
    Failure("node dead, every event lost", True, True, do_signs_arrive=False, do_alarm_events_arrive=False),
    Failure("service dead", is_node_lost=False, is_silent=False),
    Failure("service hung", is_node_lost=False, is_silent=True),
    Failure("service dead, the sign lost", is_node_lost=False, is_silent=False, do_signs_arrive=False),
)


@dataclass(frozen=True)
class Alarms:
    """Of the node that fails, and of its standby."""

    heartbeat_lost: AlarmSettings
    services_failed: AlarmSettings
    peer_lost: AlarmSettings


@dataclass(frozen=True)
class Detection:
    """Seconds after the failure."""

    started: float
    by: str
    known: float
    """The evidence is enough for a verdict."""


@dataclass(frozen=True)
class Figures:
    """Of many runs of one kind of failure."""

    failure: Failure
    started: list[float]
    known: list[float]
    ways: Counter[str]

    def worst(self) -> float:
        return max(self.started)

    def median(self) -> float:
        return statistics.median(self.started)


def measure(runs: int, seed: int = 1) -> list[Figures]:
    """All kinds of failure, `runs` times each; the same seed gives the same figures."""
    node, alarms = read_node(), read_alarms()
    figures = []
    for failure in FAILURES:
        source = random.Random(f"{seed} {failure.name}")  # noqa: S311
        found = [detect(failure, node, alarms, Delays(), source) for _ in range(runs)]
        ways = Counter(detection.by for detection in found)
        figures.append(Figures(failure, [each.started for each in found], [each.known for each in found], ways))
    return figures


def read_alarms() -> Alarms:
    return Alarms(
        read_alarm("NodeAHeartbeatLostAlarm"),
        read_alarm("NodeAServicesFailedAlarm"),
        read_alarm("NodeBPeerLostAlarm"),
    )


def detect(failure: Failure, node: NodeSettings, alarms: Alarms, delays: Delays, source: random.Random) -> Detection:
    """One run. The failure is at 0."""
    metric = _agent(failure, node, delays, source)
    own_alarm = alarms.heartbeat_lost if failure.is_node_lost else alarms.services_failed
    alarmed = _when_in_alarm(metric, own_alarm, source)
    ways = {"schedule": _next_look(alarmed, source) + draw(source, delays.function)}
    if failure.do_alarm_events_arrive:
        ways["alarm"] = alarmed
        if failure.is_node_lost and failure.does_standby_arrive:
            sight = _sight_of_peer(failure, node, delays, source)
            ways["the standby's alarm"] = _when_in_alarm(sight, alarms.peer_lost, source)
    if failure.do_signs_arrive:
        ways["sign"] = _sign(failure, node, delays, source)
    by = min(ways, key=lambda way: ways[way])
    started = ways[by] + draw(source, delays.event_delivery)
    return Detection(started, by, _known(failure, started, alarmed, metric, node, delays, source))


def _agent(failure: Failure, node: NodeSettings, delays: Delays, source: random.Random) -> Metric:
    """The metric that the alarm is on, of a node that fails at 0, as CloudWatch comes to hold it."""
    metric = Metric(phase=source.uniform(0, _LONGEST_PERIOD_SECONDS))
    taken, values = [], []
    for begins, ends in _rounds(failure, node, source):
        # A look that ended after the failure found it.
        is_down = not failure.is_node_lost and ends > 0
        taken += [begins, ends] if failure.is_node_lost else [ends]
        values += [1.0, 1.0] if failure.is_node_lost else [0.0 if is_down else 1.0]
    for at, sent, value in zip(taken, send_pushed_lines(taken, node.log_flush, source), values, strict=True):
        if not failure.is_node_lost or sent < 0:
            metric.add(at, sent + draw(source, delays.metric_extraction), value)
    return metric


def _sight_of_peer(failure: Failure, node: NodeSettings, delays: Delays, source: random.Random) -> Metric:
    """Whether the standby reaches the node that fails at 0."""
    metric = Metric(phase=source.uniform(0, _LONGEST_PERIOD_SECONDS))
    rounds = list(_rounds(failure, node, source))
    sent = send_pushed_lines([ends for _, ends in rounds], node.log_flush, source)
    for (begins, ends), at in zip(rounds, sent, strict=True):
        metric.add(ends, at + draw(source, delays.metric_extraction), 0.0 if begins > 0 else 1.0)
    return metric


def _rounds(failure: Failure, node: NodeSettings, source: random.Random) -> Iterator[tuple[float, float]]:
    """Begin and end of the looks of each round of `watch`."""
    begins = -BEFORE_SECONDS + source.uniform(0, node.watch_interval)
    while begins < HORIZON_SECONDS:
        look_seconds = node.look if failure.is_silent and begins > 0 else QUICK_LOOK_SECONDS
        yield begins, begins + look_seconds
        begins += max(node.watch_interval, look_seconds)


def last_word_ages(runs: int, seed: int = 1) -> list[float]:
    """How old what a node said last is when it dies, in seconds, of that many deaths."""
    node = read_node()
    source = random.Random(f"{seed} last word")  # noqa: S311
    ages = []
    for _ in range(runs):
        taken = [at for each in _rounds(FAILURES[0], node, source) for at in each if at < 0]
        sent = send_pushed_lines(taken, node.log_flush, source)
        ages.append(-max(at for at, gone in zip(taken, sent, strict=True) if gone < 0))
    return ages


def _when_in_alarm(metric: Metric, alarm: AlarmSettings, source: random.Random) -> float:
    evaluation = -BEFORE_SECONDS / 2 + source.uniform(0, alarm.evaluation_interval)
    state = "OK"
    while True:
        state = alarm.state(metric.values(alarm, evaluation), state)
        if state == "ALARM" and evaluation > 0:
            return evaluation
        evaluation += alarm.evaluation_interval


def _next_look(alarmed: float, source: random.Random) -> float:
    phase = source.uniform(0, LOOK_EVERY_SECONDS)
    return alarmed + (phase - alarmed) % LOOK_EVERY_SECONDS


def _sign(failure: Failure, node: NodeSettings, delays: Delays, source: random.Random) -> float:
    """When watch_cluster starts an execution because a node raised a sign."""
    looks = 1 if failure.is_node_lost else node.looks_before_sign
    begins = source.uniform(0, node.watch_interval) + (looks - 1) * node.watch_interval
    ends = begins + (node.look if failure.is_silent else QUICK_LOOK_SECONDS)
    (sent,) = send_pushed_lines([ends], node.log_flush, source)
    return sent + draw(source, delays.log_delivery) + draw(source, delays.function)


def _known(
    failure: Failure,
    started: float,
    alarmed: float,
    metric: Metric,
    node: NodeSettings,
    delays: Delays,
    source: random.Random,
) -> float:
    """When assess_cluster has its second, independent sign: the alarm, or the beats that stopped (settings.py)."""
    if not failure.is_node_lost:
        return started + QUICK_LOOK_SECONDS
    silence = SILENT_INTERVALS * node.watch_interval + SILENT_SECONDS
    asked = started
    while True:
        answered, probed = (draw(source, delays.command) + seconds for seconds in (0, node.look))
        patience = patience_seconds(Control(answered_after_seconds=answered, sees_active=False), ANSWER_TIMEOUT_SECONDS)
        known = asked + max(patience, probed)
        while known <= asked + ANSWER_TIMEOUT_SECONDS:
            if known >= alarmed or known - (metric.newest(known) or -BEFORE_SECONDS) > silence:
                return known
            known += BEAT_SECONDS
        asked += ANSWER_TIMEOUT_SECONDS + LOOK_AGAIN_SECONDS

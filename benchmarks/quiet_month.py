"""A month in which nothing dies and much goes wrong: how many executions start for nothing, and do any fail over?

The active node serves all the time. Packets are lost between the nodes, agents restart, a node's path to AWS breaks,
CloudWatch is late, calls fail; often, and now and then at the same time. Everything that starts an execution is
simulated (`benchmarks.cloudwatch`); what it then does is the controller's own `decide`, on the evidence as it would be.
"""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

from failover.control import Control, patience_seconds
from failover.decision import decide, would_heartbeat_decide
from failover.models import (
    Answer,
    AutomaticLimit,
    Evidence,
    InstanceState,
    NodeEvidence,
    PeerView,
    Replica,
    Routes,
    StatusChecks,
    Verdict,
)
from failover.settings import SILENT_INTERVALS, SILENT_SECONDS
from failover.steps.assess_cluster import has_fallen_silent

from benchmarks.agent import send_pushed_lines
from benchmarks.cloudwatch import AlarmSettings, Delays, Metric, NodeSettings, draw, read_alarm, read_node
from benchmarks.detection import (
    ANSWER_TIMEOUT_SECONDS,
    BEAT_SECONDS,
    LOOK_AGAIN_SECONDS,
    LOOK_EVERY_SECONDS,
    QUICK_LOOK_SECONDS,
)

LOOKS_AGAIN = 14
"""Retries of AssessCluster on NotYet (statemachines/failover.asl.json)."""
FAILED_CALLS = 0.01
"""Share of the questions to a node that fail with an error of AWS's."""
DAY_SECONDS = 24 * 3600.0
MONTH_SECONDS = 30 * DAY_SECONDS
_MARGIN_SECONDS = 240.0
_SETTLING_SECONDS = 120.0
"""Until a node has beaten for so long, its alarm lacks points."""
_ACTIVE, _STANDBY = "db-01", "db-02"


@dataclass(frozen=True)
class Kind:
    """Something that goes wrong, and how often and how long."""

    name: str
    a_month: int
    seconds: tuple[float, float]


PACKET_LOSS = Kind("packets are lost between the nodes", 100, (5, 120))
LATE_METRICS = Kind("CloudWatch is late", 30, (10, 300))
LATE_COMMANDS = Kind("Run Command is late", 30, (10, 300))
METRIC_AGENT = {node: Kind(f"the CloudWatch agent of {node} is down", 30, (5, 60)) for node in (_ACTIVE, _STANDBY)}
COMMAND_AGENT = {node: Kind(f"the SSM agent of {node} is down", 30, (5, 120)) for node in (_ACTIVE, _STANDBY)}
AWS_PATH = {node: Kind(f"{node} cannot reach AWS", 4, (10, 600)) for node in (_ACTIVE, _STANDBY)}
KINDS = (PACKET_LOSS, LATE_METRICS, LATE_COMMANDS, *METRIC_AGENT.values(), *COMMAND_AGENT.values(), *AWS_PATH.values())


@dataclass(frozen=True)
class Trouble:
    """One time of it."""

    kind: Kind
    start: float
    end: float
    strength: float
    """Share of packets lost, or seconds that metrics, or at most that commands, are late."""


@dataclass
class Account:
    """What came of it."""

    executions: Counter[Verdict]
    failed_over_during: Counter[tuple[str, ...]]
    looks: int = 0
    """At the beats of the active node, one each time its alarm is evaluated."""
    lost_beats: int = 0
    """Of these, how often its heartbeat would have counted as lost."""

    @property
    def failovers(self) -> int:
        return self.executions[Verdict.FAIL_OVER]

    def add(self, other: Account) -> None:
        self.executions.update(other.executions)
        self.failed_over_during.update(other.failed_over_during)
        self.looks += other.looks
        self.lost_beats += other.lost_beats


def simulate_months(months: int, seed: int = 1) -> Account:
    """That many months, one after the other; the same seed gives the same account."""
    total = Account(Counter(), Counter())
    for month in range(months):
        source = random.Random(f"{seed} month {month}")  # noqa: S311
        for troubles in _episodes(_draw_month(source)):
            total.add(_around(troubles, source).run())
    return total


def simulate_healthy_days(days: int, seed: int = 1) -> Account:
    """That many days on which nothing at all goes wrong, on all processors; every look at the beats is counted."""
    total = Account(Counter(), Counter())
    with multiprocessing.get_context("fork").Pool() as pool:
        for account in pool.imap_unordered(_simulate_healthy_day, [f"{seed} day {day}" for day in range(days)]):
            total.add(account)
    return total


def _simulate_healthy_day(name: str) -> Account:
    episode = _Episode([], random.Random(name), 0.0, DAY_SECONDS)  # noqa: S311
    account = episode.run()
    account.looks, account.lost_beats = episode.look_at_beats()
    return account


def simulate_pairs(times: int, seed: int = 1) -> Account:
    """Each two kinds of trouble at the same time, far more often than chance would have it."""
    total = Account(Counter(), Counter())
    for index, (first, second) in enumerate(product(KINDS, KINDS)):
        source = random.Random(f"{seed} pair {index}")  # noqa: S311
        for _ in range(times):
            long = _draw_trouble(first, 0.0, source)
            beside = _draw_trouble(second, source.uniform(0, long.end), source)
            total.add(_around([long, beside], source).run())
    return total


def _draw_month(source: random.Random) -> list[Trouble]:
    return [
        _draw_trouble(kind, source.uniform(0, MONTH_SECONDS), source) for kind in KINDS for _ in range(kind.a_month)
    ]


def _draw_trouble(kind: Kind, start: float, source: random.Random) -> Trouble:
    # A third of the bursts lose everything, which is a broken network.
    loss = source.choice((source.uniform(0.05, 0.5), source.uniform(0.5, 1.0), 1.0))
    strength = (
        source.uniform(5, 120) if kind is LATE_METRICS else source.uniform(2, 30) if kind is LATE_COMMANDS else loss
    )
    return Trouble(kind, start, start + draw(source, kind.seconds), strength)


def _episodes(troubles: Sequence[Trouble]) -> Iterator[list[Trouble]]:
    """Troubles that are near each other, together: between them nothing happens."""
    ordered = sorted(troubles, key=lambda trouble: trouble.start)
    episode: list[Trouble] = []
    for trouble in ordered:
        if episode and trouble.start > max(each.end for each in episode) + 2 * _MARGIN_SECONDS:
            yield episode
            episode = []
        episode.append(trouble)
    yield episode


def _around(troubles: Sequence[Trouble], source: random.Random) -> _Episode:
    """Some troubles and the minutes around them."""
    start, end = min(trouble.start for trouble in troubles), max(trouble.end for trouble in troubles)
    return _Episode(troubles, source, start - _MARGIN_SECONDS, end + _MARGIN_SECONDS)


class _Episode:
    """A time in which nothing happens but these troubles."""

    def __init__(self, troubles: Sequence[Trouble], source: random.Random, start: float, end: float) -> None:
        self._troubles = troubles
        self._random = source
        self._start, self._end = start, end
        self._node, self._alarm = _NODE, _ALARM
        self._beats = {name: self._draw_beats(name) for name in (_ACTIVE, _STANDBY)}
        self._looks = list(self._draw_looks())
        self._account = Account(Counter(), Counter())

    def run(self) -> Account:
        free_at = self._start
        for at in sorted(self._starts()):
            if at >= free_at:
                free_at = self._execute(at)
        return self._account

    def look_at_beats(self) -> tuple[int, int]:
        """How many looks there are at the active node's beats, and how many call them lost were the node silent."""
        at = self._start + _SETTLING_SECONDS + self._random.uniform(0, self._alarm.evaluation_interval)
        looks = lost = 0
        while at < self._end:
            looks += 1
            lost += self._is_heartbeat_lost(Answer.NONE, at)
            at += self._alarm.evaluation_interval
        return looks, lost

    # -- what is so at a moment ------------------------------------------------------------------------------------

    def _is_on(self, kind: Kind, at: float) -> bool:
        return any(trouble.kind is kind and trouble.start <= at < trouble.end for trouble in self._troubles)

    def _strength(self, kind: Kind, at: float) -> float:
        return max(
            (each.strength for each in self._troubles if each.kind is kind and each.start <= at < each.end), default=0.0
        )

    def _reaches_peer(self, at: float) -> bool:
        """One dialogue of a look: a handshake, sent again after 1 s (RFC 6298), and a greeting, sent again twice."""
        loss = self._strength(PACKET_LOSS, at)
        handshake = 1 - (1 - (1 - loss) ** 2) ** 2
        return self._random.random() < handshake * (1 - loss**3)

    def _draw_beats(self, name: str) -> Metric:
        metric = Metric()
        taken, at = [], self._start + self._random.uniform(0, self._node.watch_interval)
        while at < self._end:
            taken += [] if self._is_on(METRIC_AGENT[name], at) else [at, at + QUICK_LOOK_SECONDS]
            at += self._node.watch_interval
        for beat, sent in zip(taken, send_pushed_lines(taken, self._node.log_flush, self._random), strict=True):
            metric.add(beat, self._seen(name, sent), 1.0)
        return metric

    def _seen(self, name: str, sent: float) -> float:
        """When CloudWatch has a metric of what that node's agent sends at that time."""
        while self._is_on(AWS_PATH[name], sent):
            sent += 1.0
        return sent + self._strength(LATE_METRICS, sent) + draw(self._random, _DELAYS.metric_extraction)

    def _draw_looks(self) -> Iterator[tuple[float, bool]]:
        """The standby's at its peer: when each ends, and whether the peer was reached on one of both paths."""
        at = self._start + self._random.uniform(0, self._node.watch_interval)
        while at < self._end:
            has_peer = self._reaches_peer(at) or self._reaches_peer(at)
            yield at + (QUICK_LOOK_SECONDS if has_peer else self._node.look), has_peer
            at += self._node.watch_interval

    def _sight_of_peer(self) -> Metric:
        metric = Metric()
        looks = [look for look in self._looks if not self._is_on(METRIC_AGENT[_STANDBY], look[0])]
        sent = send_pushed_lines([ends for ends, _ in looks], self._node.log_flush, self._random)
        for (ends, has_peer), at in zip(looks, sent, strict=True):
            metric.add(ends, self._seen(_STANDBY, at), float(has_peer))
        return metric

    # -- what starts an execution ----------------------------------------------------------------------------------

    def _starts(self) -> Iterator[float]:
        yield from self._signs()
        next_look = self._start + self._random.uniform(0, LOOK_EVERY_SECONDS)
        for at, state, before in self._evaluate(self._beats[_ACTIVE], self._alarm):
            is_looked_at = at >= next_look
            if is_looked_at:
                next_look += LOOK_EVERY_SECONDS
            if state == "ALARM" and (is_looked_at or before != "ALARM"):
                yield at + draw(self._random, _DELAYS.event_delivery)
        for at, state, before in self._evaluate(self._sight_of_peer(), _PEER_LOST_ALARM):
            if state == "ALARM" != before:
                yield at + draw(self._random, _DELAYS.event_delivery)

    def _evaluate(self, metric: Metric, alarm: AlarmSettings) -> Iterator[tuple[float, str, str]]:
        """Each evaluation of an alarm on it: when, the state, and the one before."""
        at = self._start + _SETTLING_SECONDS + self._random.uniform(0, alarm.evaluation_interval)
        state = "OK"
        while at < self._end:
            before, state = state, alarm.state(metric.values(alarm, at), state)
            yield at, state, before
            at += alarm.evaluation_interval

    def _signs(self) -> Iterator[float]:
        """The standby's, which go out when it reaches AWS again if it does not."""
        had_peer = True
        for ends, has_peer in self._looks:
            if had_peer and not has_peer:
                sent = ends
                while self._is_on(AWS_PATH[_STANDBY], sent) or self._is_on(METRIC_AGENT[_STANDBY], sent):
                    sent += 1
                yield sent + draw(self._random, _DELAYS.log_delivery) + draw(self._random, _DELAYS.function)
            had_peer = has_peer

    # -- what the execution does -----------------------------------------------------------------------------------

    def _execute(self, at: float) -> float:
        """Looks until there is a verdict; returns when it is over."""
        for _ in range(1 + LOOKS_AGAIN):
            verdict, at = self._look(at)
            if verdict is not Verdict.NOT_YET:
                break
            at += LOOK_AGAIN_SECONDS
        self._account.executions[verdict] += 1
        if verdict is Verdict.FAIL_OVER:
            during = {trouble.kind.name for trouble in self._troubles if trouble.start <= at and at - 60 < trouble.end}
            self._account.failed_over_during[tuple(sorted(during))] += 1
        return at

    def _look(self, asked_at: float) -> tuple[Verdict, float]:
        """One run of assess_cluster: its verdict, and when it came."""
        active, active_at = self._ask(_ACTIVE, asked_at)
        standby, standby_at = self._ask(_STANDBY, asked_at)
        view, does_see, probed_at = self._probe(asked_at)
        control = Control(
            answered_after_seconds=standby_at - asked_at if standby is Answer.DEMOTED else None, sees_active=does_see
        )
        patience = patience_seconds(control, ANSWER_TIMEOUT_SECONDS)
        at = max(min(active_at, asked_at + patience), standby_at, probed_at)
        while True:
            evidence = self._gather(active if active_at <= at else Answer.NONE, standby, view, at)
            is_late = at + BEAT_SECONDS > asked_at + ANSWER_TIMEOUT_SECONDS
            if is_late or not would_heartbeat_decide(evidence):
                return decide(evidence).verdict, at
            at += BEAT_SECONDS

    def _gather(self, active: Answer, standby: Answer, view: PeerView, at: float) -> Evidence:
        return Evidence(
            active=_node(_ACTIVE, active),
            standby=_node(_STANDBY, standby),
            is_heartbeat_lost=self._is_heartbeat_lost(active, at),
            was_replicating=True,
            standby_view=view,
            routes=Routes.RIGHT,
            is_move_unfinished=False,
            limit=AutomaticLimit.NONE,
        )

    def _ask(self, name: str, at: float) -> tuple[Answer, float]:
        """Its status, and when it came; or when it is waited for no longer."""
        if self._random.random() < FAILED_CALLS:
            return Answer.UNKNOWN, at
        way_seconds = draw(self._random, _DELAYS.command) + self._random.uniform(0, self._strength(LATE_COMMANDS, at))
        for second in range(int(ANSWER_TIMEOUT_SECONDS - way_seconds) + 1):
            if not (self._is_on(COMMAND_AGENT[name], at + second) or self._is_on(AWS_PATH[name], at + second)):
                return (Answer.SERVING if name == _ACTIVE else Answer.DEMOTED), at + second + way_seconds
        return Answer.NONE, at + ANSWER_TIMEOUT_SECONDS

    def _probe(self, at: float) -> tuple[PeerView, bool | None, float]:
        """What the standby sees of the active node's services, whether it sees anything of it, and when that came."""
        answer, answered_at = self._ask(_STANDBY, at)
        if answer is not Answer.DEMOTED:
            return PeerView.UNKNOWN, None, answered_at
        database, nfs, *paths = (self._reaches_peer(at) for _ in range(4))
        view = PeerView.SERVES if database and nfs else PeerView.DOES_NOT_SERVE
        answered_at += 0 if all((database, nfs, *paths)) else self._node.look
        if answered_at > at + ANSWER_TIMEOUT_SECONDS:
            return PeerView.UNKNOWN, None, at + ANSWER_TIMEOUT_SECONDS
        return view, any((database, nfs, *paths)), answered_at

    def _is_heartbeat_lost(self, answer: Answer, at: float) -> bool:
        # What the newest points call for is the alarm's state: only "ignore" would keep an older one.
        evaluated_at = at - at % self._alarm.evaluation_interval
        if self._alarm.state(self._beats[_ACTIVE].values(self._alarm, evaluated_at), "OK") == "ALARM":
            return True
        newest = {name: beats.newest(at) for name, beats in self._beats.items()}
        seen = {name: _moment(taken) for name, taken in newest.items() if taken is not None}
        silence = timedelta(seconds=SILENT_INTERVALS * self._node.watch_interval + SILENT_SECONDS)
        return answer is Answer.NONE and has_fallen_silent(_ACTIVE, _STANDBY, seen, silence, _moment(at))


def _node(name: str, answer: Answer) -> NodeEvidence:
    is_known = answer in (Answer.SERVING, Answer.DEMOTED)
    return NodeEvidence(
        name=name,
        instance=InstanceState.ON,
        checks=StatusChecks.PASSED,
        answer=answer,
        replica=Replica.UP_TO_DATE if is_known else Replica.UNKNOWN,
    )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(1_800_000_000 + at, UTC)


_DELAYS = Delays()
_NODE: NodeSettings = read_node()
_ALARM: AlarmSettings = read_alarm("NodeAHeartbeatLostAlarm")
_PEER_LOST_ALARM: AlarmSettings = read_alarm("NodeBPeerLostAlarm")

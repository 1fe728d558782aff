"""Looks at the state, not only at its changes, and starts the workflow if there is trouble and no execution runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import ValidationError

from failover.adapters import alarms, cluster_table, executions, instances, nodes, routes
from failover.errors import CloudUnavailable, Failed
from failover.log_batch import LogData
from failover.messages import Message
from failover.models import ClusterRecord, InstanceState, Observed, Outcome, Value
from failover.runtime import logger, metrics
from failover.settings import RejoinPolicy, Settings
from failover.signs import read_signs
from failover.triggers import ACTING_ALARMS, STANDING_TROUBLE_DETAIL_TYPE, STANDING_TROUBLE_SOURCE

_REJOIN_PAUSE = timedelta(minutes=10)
"""How long a rejoin that did not come to its end is left before the next."""


class WatchEvent(Observed):
    """The schedule's event, in which nothing is of interest, or what the nodes wrote into their log of signs."""

    awslogs: LogData | None = None


class Watched(Value):
    signs: list[Message]
    """What calls for action, e.g. "the alarm garoon-db-01-heartbeat-lost"."""
    is_started: bool
    reason: str


def watch_cluster(event: WatchEvent, settings: Settings) -> Watched:
    """Looks, and starts what is called for. Counts ClusterWatched: an alarm tells when that stays away."""
    watched = _watch(event, settings)
    metrics.add_metric(name="ClusterWatched", unit=MetricUnit.Count, value=1)
    return watched


def _watch(event: WatchEvent, settings: Settings) -> Watched:
    """Starts the failover workflow if there is a sign of trouble and no execution is running.

    Signs are the acting alarms of the active node in ALARM; a route of the virtual IP that does not point to it, of
    which no event tells; a move that an execution began and nobody finished or undid, of which no metric tells, because
    the nodes may both be demoted and well; and what a node reports, sooner than an alarm could. Alarms of the standby
    call for no action, and during maintenance nothing is started.

    Where there are none, the rejoin workflow is started for a standby that runs, answers, and is to be brought back:
    the event of its instance's start may have come long before its agent was there.
    """
    now = datetime.now(UTC)
    record = cluster_table.read_record(settings)
    active = settings.node(record.active)
    start = executions.start_failover
    if event.awslogs:
        signs = read_signs(event.awslogs, active, settings)
    else:
        machines = _read_machines(record, settings)
        signs = _read_standing_signs(record, settings)
        if not signs:
            start = executions.start_rejoin
            signs = _read_signs_of_the_standby(record, machines, settings, now)
    if not signs:
        return Watched(signs=[], is_started=False, reason="nothing calls for action")
    if record.maintenance_end(now) is not None:
        return Watched(signs=signs, is_started=False, reason="maintenance is on")
    if record.lock_owner is not None and not executions.has_ended(record.lock_owner):
        return Watched(signs=signs, is_started=False, reason="an execution is running")
    # The name makes a second delivery of the same look harmless: a name is taken once.
    is_started = start(settings, f"standing-trouble-{now:%Y%m%dT%H%M%S}", _event_of(signs))
    return Watched(signs=signs, is_started=is_started, reason="trouble stands and nothing was running")


def _read_machines(record: ClusterRecord, settings: Settings) -> dict[str, InstanceState]:
    """The nodes' instances, by name. What is terminated is put on record: EC2 forgets it after about an hour."""
    states = {}
    for node in settings.nodes:
        try:
            states[node.name] = instances.read_instance(node)[0]
        except (CloudUnavailable, Failed) as error:
            logger.warning(f"EC2 did not say what state {node.name} is in: {error}")
            states[node.name] = InstanceState.UNKNOWN
        if states[node.name] is InstanceState.GONE and node.instance_id not in record.gone_instances:
            cluster_table.record_gone(settings, node.instance_id)
    return states


def _read_signs_of_the_standby(
    record: ClusterRecord, machines: dict[str, InstanceState], settings: Settings, now: datetime
) -> list[Message]:
    """Why the standby is to rejoin: it was fenced, or is out of touch until somebody says which data stands.

    Asked for only where the active node says that it does not replicate or a fence is on record, and not again for a
    while after a rejoin that ended otherwise.
    """
    standby = settings.peer_of(record.active)
    if settings.rejoin_policy is not RejoinPolicy.ON_START or machines[standby.name] is not InstanceState.ON:
        return []
    was_fenced = record.fence is not None and record.fence.node == standby.name
    alarm = settings.alarm_name(record.active, "replication-degraded")
    if not was_fenced and alarms.read_alarm_states([alarm]).get(alarm) != "ALARM":
        return []
    if _was_tried_lately(record, settings, now):
        return []
    result = nodes.run_verb(standby, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    status = result.status if result else None
    if status is None or not status.is_demoted or not (was_fenced or status.may_be_ahead):
        return []
    return [Message("sign.not-rejoined", node=standby.name, replication=status.replication.words)]


def _was_tried_lately(record: ClusterRecord, settings: Settings, now: datetime) -> bool:
    try:
        last = Outcome.model_validate(record.last_outcome or {})
    except ValidationError:
        return False
    return f":{settings.own_name('rejoin')}:" in last.execution and now - last.ended_at < _REJOIN_PAUSE


def _read_standing_signs(record: ClusterRecord, settings: Settings) -> list[Message]:
    active = settings.node(record.active)
    names = [settings.alarm_name(active.name, what) for what in ACTING_ALARMS]
    states = alarms.read_alarm_states(names)
    standing = [Message("sign.alarm", alarm=name) for name in names if states.get(name) == "ALARM"]
    wrong = [entry.route_table_id for entry in routes.read_entries(settings) if not entry.points_to(active)]
    unfinished = [] if record.moving_to is None else [Message("sign.move", node=record.moving_to)]
    return standing + unfinished + [Message("sign.route", table=table) for table in wrong]


def _event_of(signs: list[Message]) -> dict[str, Any]:
    return {
        "source": STANDING_TROUBLE_SOURCE,
        "detail-type": STANDING_TROUBLE_DETAIL_TYPE,
        "detail": {"signs": [sign.to_json() for sign in signs]},
    }

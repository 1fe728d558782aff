"""Look at the state, not only at its changes: start the workflow when trouble stands and nothing is done about it."""

from datetime import UTC, datetime
from typing import Any

from failover.adapters import alarms, cluster_table, executions, instances, routes
from failover.errors import CloudUnavailable, Failed
from failover.models import ClusterRecord, InstanceState, Observed, Value
from failover.runtime import logger
from failover.settings import Settings
from failover.signs import LogData, read_signs
from failover.triggers import ACTING_ALARMS, STANDING_TROUBLE_DETAIL_TYPE, STANDING_TROUBLE_SOURCE


class WatchEvent(Observed):
    """The schedule's event, in which nothing is of interest, or what the nodes wrote into their log of signs."""

    awslogs: LogData | None = None


class Watched(Value):
    signs: list[str]
    """What calls for action, e.g. "the alarm garoon-db-01-heartbeat-lost"."""
    is_started: bool
    reason: str


def watch_cluster(event: WatchEvent, settings: Settings) -> Watched:
    """Starts the failover workflow if there is a sign of trouble and no execution is running.

    Signs are the acting alarms of the active node in ALARM; a route of the virtual IP that does not point to it, of
    which no event tells; a move that an execution began and nobody finished or undid, of which no metric tells, because
    the nodes may both be demoted and well; and what a node reports, sooner than an alarm could. Alarms of the standby
    call for no action, and during maintenance nothing is started.
    """
    now = datetime.now(UTC)
    record = cluster_table.read_record(settings)
    active = settings.node(record.active)
    if event.awslogs is None:
        _note_what_is_gone(record, settings)
    signs = read_signs(event.awslogs, active, settings) if event.awslogs else _read_standing_signs(record, settings)
    if not signs:
        return Watched(signs=[], is_started=False, reason="nothing calls for action")
    if record.maintenance_until is not None and now < record.maintenance_until:
        return Watched(signs=signs, is_started=False, reason="maintenance is on")
    if record.lock_owner is not None and not executions.has_ended(record.lock_owner):
        return Watched(signs=signs, is_started=False, reason="an execution is running")
    # The name makes a second delivery of the same look harmless: a name is taken once.
    is_started = executions.start_failover(settings, f"standing-trouble-{now:%Y%m%dT%H%M%S}", _event_of(signs))
    return Watched(signs=signs, is_started=is_started, reason="trouble stands and nothing was running")


def _note_what_is_gone(record: ClusterRecord, settings: Settings) -> None:
    """EC2 forgets a terminated instance after about an hour; what it said of it until then is a proof for ever."""
    for node in settings.nodes:
        try:
            state = instances.read_instance(node)[0]
        except (CloudUnavailable, Failed) as error:
            logger.warning(f"EC2 did not say what state {node.name} is in: {error}")
            continue
        if state is InstanceState.GONE and node.instance_id not in record.gone_instances:
            cluster_table.record_gone(settings, node.instance_id)


def _read_standing_signs(record: ClusterRecord, settings: Settings) -> list[str]:
    active = settings.node(record.active)
    names = [settings.alarm_name(active.name, what) for what in ACTING_ALARMS]
    states = alarms.read_alarm_states(names)
    standing = [f"the alarm {name}" for name in names if states.get(name) == "ALARM"]
    wrong = [entry.route_table_id for entry in routes.read_entries(settings) if not entry.points_to(active)]
    unfinished = [] if record.moving_to is None else [f"a move to {record.moving_to} that did not end"]
    return standing + unfinished + [f"the virtual IP's route in {table}" for table in wrong]


def _event_of(signs: list[str]) -> dict[str, Any]:
    return {
        "source": STANDING_TROUBLE_SOURCE,
        "detail-type": STANDING_TROUBLE_DETAIL_TYPE,
        "detail": {"signs": signs},
    }

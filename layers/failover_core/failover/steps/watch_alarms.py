"""Look at the state, not only at its changes: start the workflow when an alarm stands and nothing is done about it."""

from datetime import UTC, datetime
from typing import Any

from failover.adapters import alarms, cluster_table, executions
from failover.models import Observed, Value
from failover.settings import Settings
from failover.triggers import ACTING_ALARMS, STANDING_ALARM_DETAIL_TYPE, STANDING_ALARM_SOURCE


class ScheduledEvent(Observed):
    """The schedule's event; nothing in it is of interest."""


class Watched(Value):
    standing_alarms: list[str]
    started: bool
    reason: str


def watch_alarms(_event: ScheduledEvent, settings: Settings) -> Watched:
    """Starts the failover workflow if an acting alarm of the active node stands in ALARM and no execution is running.

    Alarms of the standby call for no action, and during maintenance nothing is started.
    """
    now = datetime.now(UTC)
    record = cluster_table.read_record(settings)
    names = [settings.alarm_name(record.active, what) for what in ACTING_ALARMS]
    states = alarms.read_alarm_states(names)
    standing = [name for name in names if states.get(name) == "ALARM"]
    if not standing:
        return Watched(standing_alarms=[], started=False, reason="no acting alarm of the active node stands")
    if record.maintenance_until is not None and now < record.maintenance_until:
        return Watched(standing_alarms=standing, started=False, reason="maintenance is on")
    if executions.is_any_running(settings):
        return Watched(standing_alarms=standing, started=False, reason="an execution is running")
    # The name makes a second delivery of the same look harmless: a name is taken once.
    started = executions.start_failover(settings, f"standing-alarm-{now:%Y%m%dT%H%M%S}", _event_of(standing))
    return Watched(standing_alarms=standing, started=started, reason="an alarm stands and nothing was running")


def _event_of(standing: list[str]) -> dict[str, Any]:
    return {
        "source": STANDING_ALARM_SOURCE,
        "detail-type": STANDING_ALARM_DETAIL_TYPE,
        "detail": {"alarms": standing},
    }

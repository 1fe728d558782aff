"""Switch maintenance on and off: while it is on, nothing happens automatically."""

from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, ConfigDict, Field

from failover.adapters import cluster_table, notifications
from failover.messages import Message
from failover.models import Value, until_words
from failover.notice import write
from failover.settings import Settings

LONGEST_MINUTES = 24 * 60
"""So that it cannot be forgotten: longer work is prolonged once a day, by somebody who knows of it."""

ALLOWED = Message("allowed.maintenance", longest=LONGEST_MINUTES)


class SetMaintenanceInput(Value):
    """What an operator calls the function with."""

    model_config = ConfigDict(strict=True)

    minutes: int = Field(ge=0, le=LONGEST_MINUTES)
    reason: str = Field(default="", max_length=500)


class Maintenance(Value):
    is_on: bool
    until: AwareDatetime | None
    message: str


def set_maintenance(request: SetMaintenanceInput, settings: Settings) -> Maintenance:
    """Maintenance is on for so many minutes from now, or off with 0; who needs to know is told.

    Once more is harmless: the end moves, and ending what is not on changes nothing and tells nobody.
    """
    now = datetime.now(UTC)
    until = now + timedelta(minutes=request.minutes) if request.minutes else None
    before = cluster_table.set_maintenance(settings, until)
    was_on = before is not None and now < before
    message = _message(until, before if was_on else None)
    if until is not None or was_on:
        reason = [Message("maintenance.reason", words=request.reason), ""] if request.reason else []
        notifications.publish(
            settings,
            subject=f"[{settings.cluster_name}] Maintenance is {'on' if until else 'off'}",
            text=write([message, "", *reason, Message("notice.cluster", cluster=settings.cluster_name)], settings),
            attributes={"outcome": "Maintenance", "attention": "needed"},
        )
    return Maintenance(is_on=until is not None, until=until, message=message)


def _message(until: datetime | None, before: datetime | None) -> Message:
    match until, before:
        case None, None:
            return Message("maintenance.was-not-on")
        case None, _:
            return Message("maintenance.off", before=until_words(before))
        case _, None:
            return Message("maintenance.on", until=until_words(until))
        case _:
            return Message("maintenance.moved", until=until_words(until), before=until_words(before))
